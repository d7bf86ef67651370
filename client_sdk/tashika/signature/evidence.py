"""Evidence that a signature was verified: one file, canonical JSON, to be judged again offline.

The form, member by member: docs/evidence.md. Holds no document, and the
certificate only if asked to. What it says of the verdict is for people.
"""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from tashika.errors import Malformed, WrongUse
from tashika.signature.limits import MAX_EVIDENCE_BYTES
from tashika.signature.presented import Form
from tashika.signature.report import KeyUse
from tashika.signature.schemes import Digest, Scheme

FORMAT = "tashika-evidence-1"
_WRONG = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, WrongUse)
"""What JSON of another shape ends in; a time near year 1 or 9999 has no UTC."""


class PieceKind(StrEnum):
    """What a piece of evidence is."""

    CERTIFICATE = "certificate"
    """The signer's."""
    ISSUER = "issuer"
    """A CA's on the path, the anchor's side first."""
    ANSWER = "answer"
    """An OCSP answer."""
    LIST = "list"
    """A CRL."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Piece:
    """Something the verdict rests on: whole, or by its digest."""

    kind: PieceKind
    sha256: bytes
    content: bytes | None = None
    number: int | None = None
    """Of a CRL."""
    this_update: datetime | None = None
    next_update: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Evidence:
    """What a file of evidence says; nothing of it is verified."""

    library: str
    """What made it, and its version."""
    form: Form
    scheme: Scheme
    digest: Digest
    """Of what was signed: Presented.digest."""
    covered: bytes | None
    signature: bytes
    claimed_at: datetime | None
    purpose: str
    use: KeyUse
    policy: str
    """The relying party's name for the rules it judged by."""
    account: str | None
    """The relying party's opaque key of the account."""
    received_at: datetime
    at: datetime
    judged_at: datetime
    anchor: bytes | None
    """SHA-256 of the SubjectPublicKeyInfo that the path began at."""
    policies: tuple[str, ...]
    """Certificate policies that held."""
    remarks: tuple[str, ...]
    """What else the status rested on, such as that nobody looked."""
    pieces: tuple[Piece, ...]
    outcome: str
    """Said then. Never relied on."""
    cause: str

    def __repr__(self) -> str:
        """Name nobody."""
        return f"<Evidence {self.form} judged at {_time(self.at)}>"


def write_evidence(evidence: Evidence) -> bytes:
    """Write it: UTF-8 JSON, members sorted, no white space, one way only."""
    document = {
        "format": FORMAT,
        "library": evidence.library,
        "signature": {
            "form": evidence.form.value,
            "scheme": evidence.scheme.value,
            "digest": _text(evidence.digest.value),
            "covered": _text(evidence.covered),
            "value": _text(evidence.signature),
            "claimed_at": _time(evidence.claimed_at),
        },
        "check": {
            "purpose": evidence.purpose,
            "use": evidence.use.value,
            "policy": evidence.policy,
            "account": evidence.account,
            "received_at": _time(evidence.received_at),
            "at": _time(evidence.at),
            "judged_at": _time(evidence.judged_at),
        },
        "path": {
            "anchor": _text(evidence.anchor),
            "policies": list(evidence.policies),
            "remarks": list(evidence.remarks),
        },
        "pieces": [_piece(each) for each in evidence.pieces],
        "verdict": {"outcome": evidence.outcome, "cause": evidence.cause},
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii")


def read_evidence(data: bytes) -> Evidence:
    """Read a file of evidence; Malformed unless it is, octet for octet, what would be written."""
    if not isinstance(data, bytes):
        raise WrongUse("evidence is passed as bytes")
    if len(data) > MAX_EVIDENCE_BYTES:
        raise Malformed(f"evidence is longer than {MAX_EVIDENCE_BYTES} bytes")
    try:
        document = json.loads(data)
        if document["format"] != FORMAT:
            raise Malformed(f"this is no evidence of the form {FORMAT}")
        evidence = _evidence(document)
        same = write_evidence(evidence) == data
    except _WRONG as wrong:
        raise Malformed("a file of evidence lacks a member, or has a wrong one") from wrong
    if not same:
        raise Malformed("a file of evidence is not in its canonical form")
    return evidence


def _evidence(document: Any) -> Evidence:
    signature, check, path = document["signature"], document["check"], document["path"]
    scheme = Scheme(signature["scheme"])
    return Evidence(
        library=_string(document["library"]),
        form=Form(signature["form"]),
        scheme=scheme,
        digest=Digest(scheme.hash_name, _octets(signature["digest"])),
        covered=None if signature["covered"] is None else _octets(signature["covered"]),
        signature=_octets(signature["value"]),
        claimed_at=_instant(signature["claimed_at"]),
        purpose=_string(check["purpose"]),
        use=KeyUse(check["use"]),
        policy=_string(check["policy"]),
        account=None if check["account"] is None else _string(check["account"]),
        received_at=_instant_of(check["received_at"]),
        at=_instant_of(check["at"]),
        judged_at=_instant_of(check["judged_at"]),
        anchor=None if path["anchor"] is None else _octets(path["anchor"]),
        policies=tuple(map(_string, path["policies"])),
        remarks=tuple(map(_string, path["remarks"])),
        pieces=tuple(map(_read_piece, document["pieces"])),
        outcome=_string(document["verdict"]["outcome"]),
        cause=_string(document["verdict"]["cause"]),
    )


def _piece(piece: Piece) -> dict[str, object]:
    return {
        "kind": piece.kind.value,
        "sha256": _text(piece.sha256),
        "content": _text(piece.content),
        "number": None if piece.number is None else f"{piece.number:x}",
        "this_update": _time(piece.this_update),
        "next_update": _time(piece.next_update),
    }


def _read_piece(document: Any) -> Piece:
    content = document["content"]
    number = document["number"]
    return Piece(
        kind=PieceKind(document["kind"]),
        sha256=_octets(document["sha256"]),
        content=None if content is None else _octets(content),
        number=None if number is None else int(number, 16),
        this_update=_instant(document["this_update"]),
        next_update=_instant(document["next_update"]),
    )


def _text(octets: bytes | None) -> str | None:
    return None if octets is None else base64.b64encode(octets).decode("ascii")


def _octets(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _time(at: datetime | None) -> str | None:
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _instant(text: str | None) -> datetime | None:
    return None if text is None else _instant_of(text)


def _instant_of(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise Malformed("a time in evidence has no zone")
    return found


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
