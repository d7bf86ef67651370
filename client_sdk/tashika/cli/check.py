"""``tashika check``: one certificate or many, for people and for scripts."""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tashika.causes import Cause, Status
from tashika.cli import output
from tashika.cli.compact import add_signers, trust_of
from tashika.cli.credential import add_options, credential_of, says_who_asks, tls_of
from tashika.cli.files import files_among, read_certificate
from tashika.cli.output import Phrase, as_json, as_time, row
from tashika.client import Client
from tashika.compact import CompactSet
from tashika.errors import CompactRefused, WrongUse
from tashika.language import Language, explain
from tashika.pki.standing import Revoked
from tashika.policy import CertIdHash, Deadlines, Nonce, Policy
from tashika.report import Report
from tashika.transport import shown

_EXIT = {Status.GOOD: 0, Status.REVOKED: 1, Status.UNDETERMINED: 2}
_HEADLINE = {
    Status.GOOD: Phrase("GOOD", "有効"),
    Status.REVOKED: Phrase("REVOKED", "失効"),
    Status.UNDETERMINED: Phrase("NOT DETERMINED", "確認できず"),
}
_OUT_OF_TIME = {
    Cause.EXPIRED: Phrase("EXPIRED", "満了"),
    Cause.NOT_YET_VALID: Phrase("NOT YET VALID", "有効期間前"),
}
_TOLD_EVERY = 100
"""How many certificates of many are between two words about the progress."""
NOBODY = Phrase(
    "nothing said who asks: give --token-file, or --client-cert and an https URL",
    "照会者を示すものがありません。--token-file、又は --client-cert と https の URL を"
    "指定してください",
)
_EPILOG = (
    "exit status: 0 good, 1 revoked, 2 not determined (do not accept), 64 usage;"
    " of several certificates the highest"
)


def add_commands(nouns: "argparse._SubParsersAction[Any]") -> None:
    """Add ``check`` to the command line."""
    parser = nouns.add_parser("check", help="ask whether certificates are in force", epilog=_EPILOG)
    parser.add_argument(
        "--cert",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="PEM or DER; of several, or a directory of them, many are asked about in one question",
    )
    parser.add_argument(
        "--issuer",
        type=Path,
        required=True,
        metavar="FILE",
        help="the CA certificate that issued it, which you trust",
    )
    parser.add_argument(
        "--url",
        action="append",
        default=[],
        help="an OCSP responder; give it again for those to ask when the first fails",
    )
    parser.add_argument(
        "--compact",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a compact set, asked before any responder",
    )
    add_signers(parser)
    output.add_options(parser)
    parser.add_argument(
        "--nonce",
        type=Nonce,
        choices=[*Nonce],
        default=Nonce.REQUIRED,
        help="whether the answer must repeat our nonce (default: %(default)s)",
    )
    parser.add_argument(
        "--certid-hash",
        type=CertIdHash,
        choices=[*CertIdHash],
        default=CertIdHash.SHA256,
        help="sha1 for old responders (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="for the whole check (default: 10)",
    )
    add_options(parser)
    parser.set_defaults(handler=_check)


def _seconds(text: str) -> timedelta:
    try:
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None


def _deadlines(timeout: timedelta | None, sources: int) -> Deadlines:
    """Share a time that is asked for among the sources; each has no less than by default."""
    usual = Deadlines()
    if timeout is None:
        return usual
    each = timeout / max(sources, 1) - usual.connect
    return Deadlines(total=timeout, read=max(usual.read, each))


def _check(args: argparse.Namespace) -> int:
    policy = Policy(
        nonce=args.nonce,
        certid_hash=args.certid_hash,
        deadlines=_deadlines(args.timeout, len(args.url)),
    )
    credential, tls = credential_of(args), tls_of(args)
    sources = (*_compact_sets(args), *args.url)
    with Client(*sources, policy=policy, tls=tls, credential=credential) as client:
        if len(args.cert) > 1 or args.cert[0].is_dir():
            return _check_many(client, args)
        report = client.check(read_certificate(args.cert[0]), read_certificate(args.issuer))
    print(as_json(_told(report, args.lang)) if args.json else _as_words(report, args))
    return _EXIT[report.status]


def _check_many(client: Client, args: argparse.Namespace) -> int:
    paths = list(files_among(args.cert))
    certificates = [read_certificate(each) for each in paths]
    reports = client.check_many(certificates, read_certificate(args.issuer), progress=_progress)
    found = dict(zip(paths, reports, strict=True))
    if args.json:
        told = [{"file": str(path), **_told(each, args.lang)} for path, each in found.items()]
        print(as_json(told))
    else:
        print(_as_lines(found, args.lang))
    return max(_EXIT[each.status] for each in reports)


def _progress(done: int, of: int) -> None:
    if sys.stderr and sys.stderr.isatty() and (done % _TOLD_EVERY == 0 or done == of):
        print(f"\r{done} / {of}", end="" if done < of else "\n", file=sys.stderr, flush=True)


def _as_lines(found: Mapping[Path, Report], language: Language) -> str:
    lines = [
        f"{_headline(report, language)}: {path}"
        + ("" if report else f": {explain(report.cause, language).meaning}")
        for path, report in found.items()
    ]
    counted = Counter(each.status for each in found.values())
    lines.append(", ".join(f"{counted[each]} {_HEADLINE[each].said(language)}" for each in Status))
    return "\n".join(lines)


def _headline(report: Report, language: Language) -> str:
    return _OUT_OF_TIME.get(report.cause, _HEADLINE[report.status]).said(language)


def _compact_sets(args: argparse.Namespace) -> list[CompactSet]:
    if not args.compact:
        return []
    trust, at = trust_of(args), datetime.now(UTC)
    try:
        return [CompactSet.open(path, trust=trust, at=at) for path in args.compact]
    except CompactRefused as refused:
        words = explain(refused.fault, Language.JAPANESE)
        wrong = WrongUse(f"a compact set is refused ({refused.fault}): {refused}")
        wrong.add_note(f"--compact のファイルを使えません({refused.fault}): {' '.join(words)}")
        raise wrong from refused


def _as_words(report: Report, args: argparse.Namespace) -> str:
    language: Language = args.lang
    lines = [f"{_headline(report, language)}: {' '.join(explain(report.cause, language))}"]

    def add(label: Phrase, text: str) -> None:
        lines.append(row(label.said(language), text))

    if report.detail:
        file = args.issuer if report.cause is Cause.ISSUER_UNSUITABLE else args.cert[0]
        add(Phrase("namely", "詳細"), f"{file}: {report.detail}")
    if isinstance(report.standing, Revoked):
        why = _reason(report.standing) or Phrase("not stated", "記載なし").said(language)
        when = as_time(report.standing.at)
        revoked = Phrase("{when}, reason {why}", "{when}、理由 {why}")
        add(Phrase("revoked at", "失効日時"), revoked.said(language, when=when, why=why))
    if report.answer is not None:
        newer = _time(report.next_update) or Phrase("not announced", "予告なし").said(language)
        add(Phrase("source", "回答元"), shown(report.source or ""))
        add(Phrase("data of", "情報の日時"), as_time(report.answer.this_update))
        add(Phrase("newer data", "次回更新"), newer)
    for each in report.tried:
        detail = f" ({each.detail})" if each.detail else ""
        meaning = explain(each.cause, language).meaning
        add(Phrase("tried", "照会済み"), f"{shown(each.url)}: {meaning}{detail}")
    if report.cause is Cause.UNAUTHORIZED and not says_who_asks(args):
        add(Phrase("hint", "ヒント"), NOBODY.said(language))
    return "\n".join(lines)


def _told(report: Report, language: Language) -> dict[str, object]:
    revoked = report.standing if isinstance(report.standing, Revoked) else None
    words = explain(report.cause, language)
    return {
        "status": report.status.value,
        "cause": report.cause,
        "meaning": words.meaning,
        "remedy": words.remedy,
        "detail": report.detail,
        "at": _time(report.at),
        "this_update": _time(report.this_update),
        "next_update": _time(report.next_update),
        "produced_at": _time(report.produced_at),
        "revoked_at": _time(revoked.at) if revoked else None,
        "reason": _reason(revoked) if revoked else None,
        "never_issued": report.never_issued,
        "source": report.source and shown(report.source),
        "tried": [
            {"url": shown(each.url), "cause": each.cause, "detail": each.detail}
            for each in report.tried
        ],
    }


def _reason(revoked: Revoked) -> str | None:
    return None if revoked.reason is None else revoked.reason.name.lower()


def _time(at: datetime | None) -> str | None:
    return as_time(at) if at else None
