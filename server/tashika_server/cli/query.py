"""`tashika-server query`: the operator's look-up of one certificate, straight from the index.

Needs no running service and signs nothing: what it prints is for the operator's eyes, never
for a relying party.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from tashika.pki.certid import CertId
from tashika.pki.errors import TashikaError
from tashika.pki.standing import Revoked, Standing
from tashika_server.agreements.compromise_file import Compromised
from tashika_server.assembly.examining import compromised
from tashika_server.certificate_file import BadFile, read_certificate
from tashika_server.clock import SystemClock
from tashika_server.config import load_config
from tashika_server.index import Finding, IndexMissing, IndexReader, Quarantined
from tashika_server.issuer import Issuer
from tashika_server.refusal import Refusal
from tashika_server.responder.compromised import condemned
from tashika_server.responder.judge import judge

__all__ = ["FOREVER", "add_commands", "certificate_named", "issuer_of"]

GOOD, REVOKED, UNDETERMINED = 0, 1, 2
FOREVER = datetime.max.replace(tzinfo=UTC)
COMPLETE = "the complete CRL"
UNSIGNED = "unsigned: for the operator, not for a relying party"


class NotServed(TashikaError):
    """The certificate is not of an issuer that is configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the index says of one certificate, judged as the responder would judge it."""

    issuer: Issuer
    generation: int
    finding: Finding
    standing: Standing | None
    """None where the responder would decline to answer, for the reason `refusal`."""
    refusal: Refusal | None
    missing: tuple[str, ...]
    """The partitions of which no CRL was ever accepted."""
    quarantined: tuple[Quarantined, ...]
    compromise: str | None = None
    """The declaration that the issuer's key is compromised, if it is."""


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `query`."""
    noun = nouns.add_parser(
        "query",
        help="look one certificate up in the index",
        epilog="exit status: 0 good, 1 revoked, 2 not determined, 64 usage",
    )
    noun.add_argument("config", type=Path, metavar="CONFIG")
    noun.add_argument(
        "--cert", type=certificate_named, required=True, metavar="FILE", help="PEM or DER"
    )
    noun.add_argument("--json", action="store_true", help="print one JSON object")
    noun.set_defaults(handler=_query)


def certificate_named(name: str) -> x509.Certificate:
    """Read the certificate that is named."""
    try:
        return read_certificate(Path(name))
    except BadFile as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None


def _query(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    try:
        issuer = issuer_of(options.cert, config.issuers)
        with closing(IndexReader.open(config.settings.index.path)) as index:
            known = compromised(config.settings.run)
            at = SystemClock().now()
            result = look_up(index, issuer, options.cert.serial_number, known, at=at)
    except (NotServed, IndexMissing) as unknown:
        print(f"tashika-server: {unknown}", file=sys.stderr)
        return UNDETERMINED
    described = describe(result)
    print(json.dumps(described, indent=2) if options.json else _as_words(described))
    return {"good": GOOD, "revoked": REVOKED}.get(described["standing"], UNDETERMINED)


def issuer_of(certificate: x509.Certificate, issuers: Iterable[Issuer]) -> Issuer:
    """Find the issuer by its key: all generations of a CA share one name."""
    for issuer in issuers:
        try:
            certificate.verify_directly_issued_by(issuer.certificate)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
            continue
        return issuer
    raise NotServed(
        "no configured issuer signed this certificate; its CA's key must be an [[issuer]]"
    )


def look_up(
    index: IndexReader,
    issuer: Issuer,
    serial: int,
    known: Mapping[bytes, Compromised] = MappingProxyType({}),
    *,
    at: datetime,
) -> Result:
    """Look one serial up under one generation; IndexMissing while nothing was ever loaded."""
    fingerprint = issuer.identity.fingerprint
    with index.snapshot() as view:
        finding = view.find(fingerprint, serial)
        generation, quarantined = view.generation, view.quarantined(fingerprint)
        arrived = view.marks(fingerprint)
    if declared := known.get(fingerprint):
        finding = condemned(finding, serial, declared, at=at)
    cert_id = CertId.build(issuer.identity, serial)
    standing, refusal = None, None
    try:
        standing = judge(cert_id, finding, issuer, signer_end=FOREVER, at=at).standing
    except Refusal as declined:
        refusal = declined
    return Result(
        issuer=issuer,
        generation=generation,
        finding=finding,
        standing=standing,
        refusal=refusal,
        missing=tuple(each.name for each in issuer.partitions if each.name not in arrived),
        quarantined=quarantined,
        compromise=declared.id if declared else None,
    )


def describe(result: Result) -> dict[str, Any]:
    """Write a result for JSON; times as RFC 3339 in UTC, words as in the configuration."""
    coverage, standing = result.finding.coverage, result.standing
    return {
        "signed": False,
        "standing": type(standing).__name__.lower() if standing else None,
        "declined": result.refusal and result.refusal.reply.metric,
        "why": result.refusal and _first_line(result.refusal),
        **_describe_revocation(standing),
        "issuer": result.issuer.name,
        "compromise": result.compromise,
        "issued": result.finding.issued,
        "generation": result.generation,
        "crl": coverage
        and {
            "number": coverage.number,
            "this_update": _time(coverage.this_update),
            "next_update": _time(coverage.next_update),
        },
        "missing": list(result.missing),
        "quarantined": [
            {
                "partition": each.partition,
                "since": _time(each.at),
                "check": each.check,
                "detail": each.detail,
            }
            for each in result.quarantined
        ],
    }


def _describe_revocation(standing: Standing | None) -> dict[str, str | None]:
    if not isinstance(standing, Revoked):
        return {"revoked_at": None, "reason": None, "invalid_since": None}
    return {
        "revoked_at": _time(standing.at),
        "reason": standing.reason.name.lower() if standing.reason else None,
        "invalid_since": _time(standing.invalid_since),
    }


def _as_words(found: dict[str, Any]) -> str:
    headline = (found["standing"] or "not determined").upper()
    lines = [f"{headline} ({UNSIGNED})"]
    if found["why"]:
        lines.append(f"  why          {found['why']}")
    if found["revoked_at"]:
        lines.append(
            f"  revoked at   {found['revoked_at']}, {found['reason'] or 'no reason given'}"
        )
    if found["invalid_since"]:
        lines.append(f"  key lost     {found['invalid_since']}")
    if found["compromise"]:
        lines.append(f"  key          compromised, by {found['compromise']}")
    registered = {True: "as issued", False: "not: never issued", None: "no register is loaded"}
    lines += [
        f"  issuer       {found['issuer']}",
        f"  registered   {registered[found['issued']]}",
        f"  generation   {found['generation']}",
    ]
    if crl := found["crl"]:
        number = "all CRLs" if crl["number"] is None else f"CRL {crl['number']}"
        lines.append(f"  source       {number} of {crl['this_update']}, next {crl['next_update']}")
    lines += [f"  never came   {partition or COMPLETE}" for partition in found["missing"]]
    for each in found["quarantined"]:
        lines.append(f"  quarantined  {each['partition'] or COMPLETE}")
        lines.append(f"               since {each['since']}, {each['check']}: {each['detail']}")
    return "\n".join(lines)


def _first_line(refusal: Refusal) -> str:
    return (type(refusal).__doc__ or "").partition("\n")[0]


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
