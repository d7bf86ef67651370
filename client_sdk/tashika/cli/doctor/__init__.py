"""``tashika doctor``: whether a relying party's set-up works, and what to do where it does not."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tashika.cli import output
from tashika.cli.credential import add_options, credential_of, says_who_asks, tls_of
from tashika.cli.doctor.examination import Setup, examine
from tashika.cli.doctor.finding import Finding, worst
from tashika.cli.files import read_certificate
from tashika.cli.output import as_json
from tashika.language import Language, explain

_EPILOG = (
    "Puts one question to each responder, and up to three more where the first fails; each may be "
    "counted. exit status: 0 well, 1 warnings, 2 failures, 64 usage"
)


def add_commands(nouns: "argparse._SubParsersAction[Any]") -> None:
    """Add ``doctor`` to the command line."""
    parser = nouns.add_parser("doctor", help="examine what a check needs", epilog=_EPILOG)
    parser.add_argument("--url", action="append", required=True, help="an OCSP responder")
    parser.add_argument(
        "--cert", type=Path, required=True, metavar="FILE", help="a test certificate, PEM or DER"
    )
    parser.add_argument(
        "--issuer", type=Path, required=True, metavar="FILE", help="the CA that issued it"
    )
    add_options(parser)
    output.add_options(parser)
    parser.set_defaults(handler=_examine)


def _examine(args: argparse.Namespace) -> int:
    setup = Setup(
        urls=tuple(args.url),
        certificate=read_certificate(args.cert),
        issuer=read_certificate(args.issuer),
        client_certificate=args.client_cert and read_certificate(args.client_cert),
        credential=credential_of(args),
        tls=tls_of(args),
        names_asker=says_who_asks(args),
        clock=lambda: datetime.now(UTC),
    )
    found = list(examine(setup))
    if args.json:
        print(as_json(_told(found)))
    else:
        for each in found:
            print(_line(each, args.lang))
    return int(worst(found))


def _line(finding: Finding, language: Language) -> str:
    words = explain(finding.reason, language)
    detail = f" ({finding.detail})" if finding.detail else ""
    said = f"{words.meaning} {words.remedy}".rstrip()
    gravity = finding.gravity.name.lower()
    return f"{gravity:7}  {finding.subject}  {finding.reason}: {said}{detail}"


def _told(found: Sequence[Finding]) -> dict[str, object]:
    return {
        "worst": worst(found).name.lower(),
        "findings": [
            {
                "gravity": each.gravity.name.lower(),
                "subject": each.subject,
                "reason": each.reason,
                "detail": each.detail,
                **{language: explain(each.reason, language)._asdict() for language in Language},
            }
            for each in found
        ],
    }
