"""``tashika verify`` and ``recheck``: a signature and its certificate, now and from evidence."""

import argparse
from pathlib import Path
from typing import Any

from tashika.cli import output
from tashika.cli.credential import add_options, credential_of, tls_of
from tashika.cli.files import read_certificate, read_file
from tashika.cli.output import Phrase, as_json, as_time, misuse, row
from tashika.client import Client
from tashika.errors import Malformed
from tashika.language import Language, explain
from tashika.path.causes import Outcome
from tashika.signature import (
    Form,
    OneTier,
    SignatureReport,
    Submitted,
    Terms,
    keep_evidence,
    recheck,
)
from tashika.signature.limits import MAX_PDF_BYTES
from tashika.signature.report import purpose_text

_EXIT = {Outcome.VALID: 0, Outcome.INVALID: 1, Outcome.UNDETERMINED: 2}
_HEADLINE = {
    Outcome.VALID: Phrase("VALID", "有効な署名"),
    Outcome.INVALID: Phrase("INVALID", "無効な署名"),
    Outcome.UNDETERMINED: Phrase("NOT DETERMINED", "確認できず"),
}
_TOO_LONG = Phrase(
    "{path} is longer than {most} octets: verify by the library",
    "{path} は {most} オクテットを超えます。ライブラリで検証してください",
)
_NO_EVIDENCE = Phrase("{path} is no evidence: {why}", "{path} は証拠ファイルではありません: {why}")
_UNWRITABLE = Phrase("cannot write {path}: {why}", "{path} に書き込めません: {why}")
_EPILOG = "exit status: 0 valid, 1 invalid, 2 not determined (do not accept), 64 usage"


def add_commands(nouns: "argparse._SubParsersAction[Any]") -> None:
    """Add ``verify`` and ``recheck`` to the command line."""
    _add_verify(nouns)
    _add_recheck(nouns)


def _add_verify(nouns: "argparse._SubParsersAction[Any]") -> None:
    parser = nouns.add_parser(
        "verify", help="verify a signature, and that its certificate is in force", epilog=_EPILOG
    )
    parser.add_argument(
        "--signature",
        type=Path,
        required=True,
        metavar="FILE",
        help="the signature; a PDF or XML file as a whole",
    )
    parser.add_argument("--document", type=Path, metavar="FILE", help="where it stands apart")
    parser.add_argument("--cert", type=Path, metavar="FILE", help="where it does not come along")
    parser.add_argument(
        "--form", type=Form, choices=[*Form], default=Form.RAW, help="default: %(default)s"
    )
    _add_issuer(parser)
    parser.add_argument("--url", action="append", required=True, help="an OCSP responder")
    parser.add_argument(
        "--purpose", required=True, help="what you verify it for; recorded with the evidence"
    )
    parser.add_argument(
        "--evidence", type=Path, metavar="FILE", help="write evidence there, without certificate"
    )
    add_options(parser)
    output.add_options(parser)
    parser.set_defaults(handler=_verify)


def _add_recheck(nouns: "argparse._SubParsersAction[Any]") -> None:
    parser = nouns.add_parser(
        "recheck", help="judge evidence of a signature again, offline", epilog=_EPILOG
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="what verify --evidence wrote")
    parser.add_argument(
        "--document", type=Path, required=True, metavar="FILE", help="a PDF or XML file as a whole"
    )
    _add_issuer(parser)
    parser.add_argument("--purpose", required=True, help="the one that the evidence was kept for")
    parser.add_argument(
        "--supply",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="what the evidence holds by its digest only, such as the certificate",
    )
    output.add_options(parser)
    parser.set_defaults(handler=_recheck)


def _add_issuer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--issuer",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="the key generations of the CA that you trust",
    )


def _verify(args: argparse.Namespace) -> int:
    submitted = Submitted(
        signature=_read(args.signature),
        document=args.document and _read(args.document),
        certificate=args.cert and read_certificate(args.cert),
        form=args.form,
    )
    with Client(*args.url, tls=tls_of(args), credential=credential_of(args)) as client:
        report = client.verify_signature(submitted, _terms(args))
    if args.evidence and report.presented:
        _write(args.evidence, keep_evidence(report))
    return _say(report, args)


def _recheck(args: argparse.Namespace) -> int:
    supplied = map(_read, args.supply)
    try:
        report = recheck(_read(args.file), _read(args.document), _terms(args), supplied=supplied)
    except Malformed as wrong:
        raise misuse(_NO_EVIDENCE, path=args.file, why=wrong) from wrong
    return _say(report, args)


def _terms(args: argparse.Namespace) -> Terms:
    return Terms(judge=OneTier(tuple(map(read_certificate, args.issuer))), purpose=args.purpose)


def _say(report: SignatureReport, args: argparse.Namespace) -> int:
    print(as_json(_told(report, args.lang)) if args.json else _as_words(report, args.lang))
    return _EXIT[report.outcome]


def _read(path: Path) -> bytes:
    data = read_file(path, MAX_PDF_BYTES)
    if len(data) > MAX_PDF_BYTES:
        raise misuse(_TOO_LONG, path=path, most=MAX_PDF_BYTES)
    return data


def _write(path: Path, evidence: bytes) -> None:
    try:
        path.write_bytes(evidence)
    except OSError as wrong:
        raise misuse(_UNWRITABLE, path=path, why=wrong.strerror) from wrong


def _as_words(report: SignatureReport, language: Language) -> str:
    headline = _HEADLINE[report.outcome].said(language)
    lines = [f"{headline}: {' '.join(explain(report.because, language))}"]
    if report.detail:
        lines.append(row(Phrase("namely", "詳細").said(language), report.detail))
    lines.append(row(Phrase("purpose", "目的").said(language), purpose_text(report.purpose)))
    lines.append(row(Phrase("received", "受領日時").said(language), as_time(report.received_at)))
    return "\n".join(lines)


def _told(report: SignatureReport, language: Language) -> dict[str, object]:
    return {
        "outcome": report.outcome.value,
        "cause": report.cause,
        "because": report.because,
        **explain(report.because, language)._asdict(),
        "detail": report.detail,
        "purpose": purpose_text(report.purpose),
        "received_at": as_time(report.received_at),
        "at": as_time(report.at),
    }
