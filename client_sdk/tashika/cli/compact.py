"""``tashika compact``: get newer compact sets into place, and see what one is."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tashika.cli import credential, output
from tashika.cli.files import read_certificate, read_file
from tashika.cli.output import Phrase, as_json, as_time, misuse, row
from tashika.compact import CompactSet, Trust, apply_delta, install
from tashika.errors import CompactRefused, PkiError
from tashika.language import Language, explain
from tashika.pki.algorithms import PublicKey, algorithm_for
from tashika.pki.certificates import load_certificate
from tashika.pki.limits import MAX_CERTIFICATE_BYTES

_DONE, _REFUSED = 0, 1
_NO_TRUST = Phrase(
    "the issuer or a signer cannot be read: {why}", "発行者又は署名者を読み取れません: {why}"
)
_NO_KEY = Phrase("{path} is not a public key in PEM", "{path} は PEM の公開鍵ではありません")
_NO_TOKEN = Phrase(
    "files are provided under agreement: give --token-file",
    "ファイルは協定に基づいて提供されます。--token-file を指定してください",
)
_EPILOG = "exit status: 0 done, 1 refused (what was in place stays), 64 usage"


def add_commands(nouns: "argparse._SubParsersAction[Any]") -> None:
    """Add ``compact show``, ``install``, ``apply`` and ``update``."""
    noun = nouns.add_parser("compact", help="revocation sets for checks without a network")
    verbs = noun.add_subparsers(metavar="VERB", required=True)
    show = _verb(verbs, "show", _show, "check a set from end to end and say what it is")
    show.add_argument("path", type=Path, metavar="FILE")
    for name, how, what in (
        ("install", install, "put a whole set in the place of an older one"),
        ("apply", apply_delta, "put what a delta makes of the set in place there"),
    ):
        verb = _verb(verbs, name, _updating(how), what)
        verb.add_argument("fresh", type=Path, metavar="FILE")
        verb.add_argument("path", type=Path, metavar="PLACE")
    fetch = _verb(
        verbs, "update", _update, "fetch what is newer from the operator, under agreement"
    )
    fetch.add_argument("path", type=Path, metavar="PLACE")
    fetch.add_argument("--url", required=True, help="of the operator's host for files")
    fetch.add_argument("--name", required=True, help="of the issuer, as the operator calls it")
    credential.add_options(fetch)


def add_signers(parser: argparse.ArgumentParser) -> None:
    """Add the option by which signers of sets are named."""
    parser.add_argument(
        "--signer",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a public key (PEM) that may sign compact sets beside the issuer and its delegates",
    )


def trust_of(args: argparse.Namespace) -> Trust:
    """Return whose sets are believed; raises WrongUse for files that are of no use."""
    try:
        issuer = load_certificate(read_certificate(args.issuer))
        return Trust(issuer=issuer, signers=tuple(map(_public_key, args.signer)))
    except PkiError as wrong:
        raise misuse(_NO_TRUST, why=wrong) from wrong


def _public_key(path: Path) -> PublicKey:
    try:
        key = load_pem_public_key(read_file(path, MAX_CERTIFICATE_BYTES))
        algorithm_for(key)
    except (ValueError, UnsupportedAlgorithm) as wrong:
        raise misuse(_NO_KEY, path=path) from wrong
    return key  # type: ignore[return-value]  # algorithm_for let it pass


def _verb(
    verbs: "argparse._SubParsersAction[Any]", name: str, handler: Callable[..., int], what: str
) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=what, epilog=_EPILOG)
    verb.add_argument("--issuer", type=Path, required=True, metavar="FILE", help="its CA, trusted")
    add_signers(verb)
    output.add_options(verb)
    verb.set_defaults(handler=_refusing(handler))
    return verb


def _refusing(handler: Callable[..., int]) -> Callable[[argparse.Namespace], int]:
    def handle(args: argparse.Namespace) -> int:
        try:
            return handler(args, trust_of(args), datetime.now(UTC))
        except CompactRefused as refused:
            remedy = explain(refused.fault, args.lang).remedy
            print(f"tashika: {refused.fault}: {refused.detail}. {remedy}", file=sys.stderr)
            return _REFUSED

    return handle


def _show(args: argparse.Namespace, trust: Trust, at: datetime) -> int:
    with CompactSet.open(args.path, trust=trust, at=at) as compact:
        print(_described(compact, args))
    return _DONE


def _updating(how: Callable[..., CompactSet]) -> Callable[..., int]:
    def update(args: argparse.Namespace, trust: Trust, at: datetime) -> int:
        with how(args.fresh, args.path, trust=trust, at=at) as compact:
            print(_described(compact, args))
        return _DONE

    return update


def _update(args: argparse.Namespace, trust: Trust, at: datetime) -> int:
    # Whoever is given files in another way need not wait for aiohttp.
    from tashika.compact.fetching import Provider, update  # noqa: PLC0415

    token = credential.credential_of(args)
    if token is None:
        raise misuse(_NO_TOKEN)
    provider = Provider(url=args.url, issuer=args.name, token=token, tls=credential.tls_of(args))
    with asyncio.run(update(args.path, provider, trust=trust, at=at)) as compact:
        print(_described(compact, args))
    return _DONE


def _described(compact: CompactSet, args: argparse.Namespace) -> str:
    return as_json(_told(compact)) if args.json else "\n".join(_rows(compact, args.lang))


def _told(compact: CompactSet) -> dict[str, object]:
    head = compact.head
    return {
        "number": head.number,
        "family": head.family,
        "this_update": as_time(head.this_update),
        "next_update": as_time(head.next_update),
        "parts": {
            each.part.name.lower(): {"count": each.count, "octets": each.length}
            for each in head.sections
            if each.part.is_set
        },
        "compromised_since": as_time(head.since) if head.since else None,
        "details": compact.has_details,
    }


def _rows(compact: CompactSet, language: Language) -> Iterator[str]:
    head = compact.head
    yield row(Phrase("number", "番号").said(language), f"{head.number}, {head.family}")
    yield row(Phrase("data of", "情報の日時").said(language), as_time(head.this_update))
    yield row(Phrase("newer data", "次回更新").said(language), as_time(head.next_update))
    for each in head.sections:
        if each.part.is_set:
            size = Phrase("{count} in {octets} octets", "{count}件、{octets}オクテット")
            said = size.said(language, count=each.count, octets=each.length)
            yield row(each.part.name.lower(), said)
    if head.since:
        all_of_it = Phrase("revoked since {at}: the key is compromised", "{at}から失効(鍵の危殆化)")
        yield row(
            Phrase("everything", "すべて").said(language),
            all_of_it.said(language, at=as_time(head.since)),
        )
    there = Phrase("there", "あり") if compact.has_details else Phrase("not there", "なし")
    yield row(Phrase("details", "詳細").said(language), there.said(language))
