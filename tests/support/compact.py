"""Compact sets made on the spot, by any key, of any content, as they should be and otherwise."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from support.sdk import AT
from tashika.compact import CompactSet, Trust
from tashika.pki.algorithms import algorithm_for, signing
from tashika.pki.certid import IssuerIdentity
from tashika.pki.compact.building import Written, assemble, build, write_octets
from tashika.pki.compact.changing import difference
from tashika.pki.compact.content import Content
from tashika.pki.compact.head import (
    COMPACT_SIGNING,
    Base,
    Head,
    Kind,
    Otherwise,
    Part,
)
from tashika.pki.compact.head_codec import (
    PREAMBLE,
    encode_head,
    key_hash,
    parse_head,
    read_preamble,
)
from tashika.pki.crl import CrlEntry
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika.testing.pki import KeyPair, Pki

DAY = timedelta(days=1)
PKI = Pki(at=AT)
"""One for all tests: keys take time."""

Ranges = Sequence[tuple[int, int]]


def revoked(serial: int, reason: Reason | None = None, *, days: int = 1) -> CrlEntry:
    return CrlEntry(serial, AT - days * DAY, reason)


def held(serial: int) -> CrlEntry:
    return revoked(serial, Reason.CERTIFICATE_HOLD)


@dataclass(frozen=True, kw_only=True)
class Press:
    """Signs as the issuer's operator does; any other value makes a wrong file."""

    signer: KeyPair = field(default_factory=lambda: PKI.ca)
    named: bool = False
    """Whether the signer's certificate comes along."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Of the head."""

    def sign(self, head: Head) -> bytes:
        algorithm = algorithm_for(self.signer.key.public_key())
        named = self.signer.certificate.public_bytes(Encoding.DER) if self.named else None
        head = replace(head, **self.changes)
        return encode_head(head, algorithm, signing(self.signer.key, algorithm), named)

    def head(self, written: list[Written], **given: Any) -> Head:
        parts = {each.section.part for each in written}
        otherwise = Otherwise.NEVER_ISSUED if Part.ISSUED in parts else Otherwise.GOOD
        return Head(
            kind=given.pop("kind", Kind.SET),
            issuer=IssuerIdentity.of(PKI.issuer).fingerprint,
            family=Family.SIGNATURE,
            otherwise=otherwise,
            signer=key_hash(self.signer.key.public_key()),
            sections=tuple(each.section for each in written),
            **{
                "number": 1,
                "this_update": AT - DAY / 2,
                "next_update": AT + DAY,
                "produced_at": AT - DAY / 4,
                **given,
            },
        )

    def print(
        self, entries: Iterable[CrlEntry] = (), issued: Ranges | None = None, **given: Any
    ) -> bytes:
        """Return a whole set."""
        written = build(sorted(entries, key=lambda each: each.serial), issued, BytesIO)
        return b"".join(assemble(self.sign(self.head(written, **given)), written))

    def delta(self, old: bytes, new: bytes, **given: Any) -> bytes:
        """Return what leads from one set to another."""
        _, base = head_of(old)
        _, target = head_of(new)
        written = difference(contents(old), contents(new), BytesIO)
        written.insert(0, write_octets(Part.TARGET, target.encoded, BytesIO))
        given = {
            "number": target.head.number,
            "this_update": target.head.this_update,
            "next_update": target.head.next_update,
            "base": Base(base.head.number, base.sha256),
            **given,
        }
        head = replace(
            self.head(written, kind=Kind.DELTA, **given), otherwise=target.head.otherwise
        )
        return b"".join(assemble(self.sign(head), written))


PRESS = Press()
TRUST = Trust(issuer=PKI.issuer)


def head_of(data: bytes) -> tuple[int, Any]:
    end = PREAMBLE + read_preamble(data[:PREAMBLE])
    return end, parse_head(data[PREAMBLE:end])


def contents(data: bytes) -> Content:
    start, signed = head_of(data)
    return Content(data, signed.head, start)


def core(data: bytes) -> bytes:
    """Cut a set off before its details."""
    start, signed = head_of(data)
    return data[: start + sum(s.length for s in signed.head.sections if not s.part.is_detail)]


def opened(path: Path, data: bytes | None = None, *, at: datetime = AT, **trust: Any) -> CompactSet:
    """Open what is at a path, or `data` put there first."""
    if data is not None:
        path.write_bytes(data)
    return CompactSet.open(path, trust=replace(TRUST, **trust), at=at)


def delegate(**wrong: Any) -> KeyPair:
    """Make a certificate for signing compact sets: a right one, or wrong as Pki.delegate says."""
    return PKI.delegate(**{"purposes": [x509.ObjectIdentifier(COMPACT_SIGNING)], **wrong})
