"""``tashika check``: one certificate, for people and for scripts."""

import argparse
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tashika.causes import Cause, Status
from tashika.cli.compact import add_signers, trust_of
from tashika.cli.credential import add_options, credential_of, says_who_asks, tls_of
from tashika.client import Client
from tashika.compact import CompactSet
from tashika.errors import CompactRefused, WrongUse
from tashika.pki.limits import MAX_CERTIFICATE_BYTES
from tashika.pki.standing import Revoked
from tashika.policy import CertIdHash, Deadlines, Nonce, Policy
from tashika.report import Report
from tashika.transport import shown

_EXIT = {Status.GOOD: 0, Status.REVOKED: 1, Status.UNDETERMINED: 2}
_HEADLINE = {
    Status.GOOD: "GOOD",
    Status.REVOKED: "REVOKED",
    Status.UNDETERMINED: "NOT DETERMINED",
}
NOBODY = "nothing said who asks: give --token-file, or --client-cert and an https URL"
_EPILOG = "exit status: 0 good, 1 revoked, 2 not determined (do not accept), 64 usage"


def add_commands(nouns: "argparse._SubParsersAction[Any]") -> None:
    """Add ``check`` to the command line."""
    parser = nouns.add_parser("check", help="ask whether a certificate is in force", epilog=_EPILOG)
    parser.add_argument("--cert", type=Path, required=True, metavar="FILE", help="PEM or DER")
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
    parser.add_argument("--json", action="store_true", help="one JSON object instead of words")
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
        default=Deadlines().total,
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


def _check(args: argparse.Namespace) -> int:
    policy = Policy(
        nonce=args.nonce,
        certid_hash=args.certid_hash,
        deadlines=Deadlines(total=args.timeout),
    )
    credential, tls = credential_of(args), tls_of(args)
    sources = (*_compact_sets(args), *args.url)
    with Client(*sources, policy=policy, tls=tls, credential=credential) as client:
        report = client.check(_read(args.cert), _read(args.issuer))
    print(_as_json(report) if args.json else _as_words(report, args))
    return _EXIT[report.status]


def _compact_sets(args: argparse.Namespace) -> list[CompactSet]:
    if not args.compact:
        return []
    trust, at = trust_of(args), datetime.now(UTC)
    try:
        return [CompactSet.open(path, trust=trust, at=at) for path in args.compact]
    except CompactRefused as refused:
        raise WrongUse(f"a compact set is refused ({refused.fault}): {refused}") from refused


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_CERTIFICATE_BYTES + 1)
    except OSError as wrong:
        raise WrongUse(f"cannot read {path}: {wrong.strerror}") from wrong


def _as_words(report: Report, args: argparse.Namespace) -> str:
    lines = [f"{_headline(report)}: {report.cause.meaning} {report.cause.remedy}"]
    if report.detail:
        file = args.issuer if report.cause is Cause.ISSUER_UNSUITABLE else args.cert
        lines.append(f"  namely       {file}: {report.detail}")
    if isinstance(report.standing, Revoked):
        why = _reason(report.standing) or "not stated"
        lines.append(f"  revoked at   {_time(report.standing.at)}, reason {why}")
    if report.answer:
        lines.append(f"  source       {shown(report.source or '')}")
        lines.append(f"  data of      {_time(report.this_update)}")
        lines.append(f"  newer data   {_time(report.next_update) or 'not announced'}")
    for each in report.tried:
        detail = f" ({each.detail})" if each.detail else ""
        lines.append(f"  tried        {shown(each.url)}: {each.cause.meaning}{detail}")
    if report.cause is Cause.UNAUTHORIZED and not says_who_asks(args):
        lines.append(f"  hint         {NOBODY}")
    return "\n".join(lines)


def _headline(report: Report) -> str:
    if report.cause in (Cause.EXPIRED, Cause.NOT_YET_VALID):
        return report.cause.replace("_", " ").upper()
    return _HEADLINE[report.status]


def _as_json(report: Report) -> str:
    revoked = report.standing if isinstance(report.standing, Revoked) else None
    return json.dumps(
        {
            "status": report.status.value,
            "cause": report.cause,
            "meaning": report.cause.meaning,
            "remedy": report.cause.remedy,
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
        },
        indent=2,
    )


def _reason(revoked: Revoked) -> str | None:
    return None if revoked.reason is None else revoked.reason.name.lower()


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else None
