"""``tashika compact``: get newer compact sets into place, and see what one is."""

import argparse
import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tashika.cli.credential import add_options, credential_of, tls_of
from tashika.compact import CompactSet, Trust, apply_delta, install
from tashika.errors import CompactRefused, PkiError, WrongUse
from tashika.pki.algorithms import PublicKey, algorithm_for
from tashika.pki.certificates import load_certificate

_DONE, _REFUSED = 0, 1
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
    add_options(fetch)


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
        issuer = load_certificate(args.issuer.read_bytes())
        return Trust(issuer=issuer, signers=tuple(map(_public_key, args.signer)))
    except (PkiError, OSError) as wrong:
        raise WrongUse(f"the issuer or a signer cannot be read: {wrong}") from wrong


def _public_key(path: Path) -> PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
        algorithm_for(key)
    except (ValueError, UnsupportedAlgorithm) as wrong:
        raise WrongUse(f"{path} is not a public key in PEM") from wrong
    return key  # type: ignore[return-value]  # algorithm_for let it pass


def _verb(
    verbs: "argparse._SubParsersAction[Any]", name: str, handler: Callable[..., int], what: str
) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=what, epilog=_EPILOG)
    verb.add_argument("--issuer", type=Path, required=True, metavar="FILE", help="its CA, trusted")
    add_signers(verb)
    verb.set_defaults(handler=_told(handler))
    return verb


def _told(handler: Callable[..., int]) -> Callable[[argparse.Namespace], int]:
    def handle(args: argparse.Namespace) -> int:
        try:
            return handler(args, trust_of(args), datetime.now(UTC))
        except CompactRefused as refused:
            print(f"tashika: {refused.fault}: {refused}", file=sys.stderr)
            return _REFUSED

    return handle


def _show(args: argparse.Namespace, trust: Trust, at: datetime) -> int:
    with CompactSet.open(args.path, trust=trust, at=at) as compact:
        _describe(compact)
    return _DONE


def _updating(how: Callable[..., CompactSet]) -> Callable[..., int]:
    def update(args: argparse.Namespace, trust: Trust, at: datetime) -> int:
        with how(args.fresh, args.path, trust=trust, at=at) as compact:
            _describe(compact)
        return _DONE

    return update


def _update(args: argparse.Namespace, trust: Trust, at: datetime) -> int:
    # Whoever is given files in another way need not wait for aiohttp.
    from tashika.compact.fetching import Provider, update  # noqa: PLC0415

    token = credential_of(args)
    if token is None:
        raise WrongUse("files are provided under agreement: give --token-file")
    provider = Provider(url=args.url, issuer=args.name, token=token, tls=tls_of(args))
    with asyncio.run(update(args.path, provider, trust=trust, at=at)) as compact:
        _describe(compact)
    return _DONE


def _describe(compact: CompactSet) -> None:
    head = compact.head
    print(f"number       {head.number}, {head.family}")
    print(f"data of      {head.this_update:%Y-%m-%dT%H:%M:%SZ}")
    print(f"newer data   {head.next_update:%Y-%m-%dT%H:%M:%SZ}")
    for section in head.sections:
        if section.part.is_set:
            print(f"{section.part.name.lower():12} {section.count} in {section.length} octets")
    if head.since:
        print(f"everything   revoked as of {head.since:%Y-%m-%dT%H:%M:%SZ}: the key is compromised")
    print(f"details      {'there' if compact.has_details else 'not there'}")
