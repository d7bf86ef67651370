"""Receipts: where an answer stands in the operator's journal, and what both sides hash of it.

A receipt travels in the signed answer, in a non-critical response extension of our own:

    Receipt ::= SEQUENCE {
        stream  OCTET STRING (SIZE(16)),
        first   INTEGER (0..9223372036854775807) }

The answer's i-th SingleResponse, counted from 0, is number ``first + i`` of that stream. Not
for keeping receipts (:mod:`tashika.receipts`) or the hashes of trees (:mod:`tashika.pki.merkle`).
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from tashika.pki import der
from tashika.pki.errors import Malformed
from tashika.pki.standing import Good, Revoked, Standing

RECEIPT = "1.2.840.113556.1.8000.2554.44752.47074.36088.18438.46743.6530262.14365004.1"
"""Below the UUID aed0b7e2-8cf8-4806-b697-63a4d6db314c, in the arc that Microsoft gives to all.

Not 2.25.<UUID> (ITU-T X.667): pkilint refuses an arc of more than 32 bits, and Go of more than 31.
"""

STREAM_BYTES = 16
MAX_SEQUENCE = 2**63 - 1
"""What a BIGINT of the operator's book holds."""

_VERSION = 1
_LEAF = Struct(">B16sQq32s16sB")
LEAF_BYTES = _LEAF.size
_CALENDAR = (-62_135_596_800, 253_402_300_799)
"""The first and the last second of the years 1 to 9999."""


class StandingCode(IntEnum):
    """What was said of a certificate, as one octet; the numbers never change."""

    GOOD = 1
    REVOKED = 2
    UNKNOWN = 3
    NEVER_ISSUED = 4
    """Revoked as RFC 6960 2.2 says it of a serial that was never issued."""
    HELD = 5
    """Revoked with the reason certificateHold."""

    @classmethod
    def of(cls, standing: Standing, *, never_issued: bool) -> "StandingCode":
        """Return the code of a standing; ``never_issued`` as CheckedAnswer has it."""
        if isinstance(standing, Good):
            return cls.GOOD
        if not isinstance(standing, Revoked):
            return cls.UNKNOWN
        if never_issued:
            return cls.NEVER_ISSUED
        return cls.HELD if standing.on_hold else cls.REVOKED

    @property
    def word(self) -> str:
        """As files and commands write it, such as ``never-issued``."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True, order=True)
class Receipt:
    """The place of an answer's first statement in the journal of the worker that gave it."""

    stream: bytes
    """16 octets that name the journal."""
    first: int

    def of(self, index: int) -> "Receipt":
        """Return the place of the answer's i-th statement, counted from 0."""
        return Receipt(self.stream, self.first + index)


def encode_receipt(receipt: Receipt) -> bytes:
    """Write the value of the extension RECEIPT."""
    return der.sequence(der.octet_string(receipt.stream), der.integer(receipt.first))


def read_receipt(parent: der.Reader) -> Receipt:
    """Read the value of the extension RECEIPT; raises Malformed."""
    fields = parent.take(der.SEQUENCE)
    stream, first = fields.octets(), fields.integer()
    fields.done()
    if len(stream) != STREAM_BYTES or not 0 <= first <= MAX_SEQUENCE:
        raise Malformed("a receipt names no place in a journal")
    return Receipt(stream, first)


class Leaf(NamedTuple):
    """One answer about one certificate, as both sides know it."""

    stream: bytes
    sequence: int
    second: int
    """producedAt, in seconds since 1970 UTC."""
    issuer: bytes
    """IssuerIdentity.fingerprint: 32 octets."""
    pseudonym: bytes
    """16 octets that stand for the serial (:mod:`tashika.pki.pseudonym`)."""
    standing: int
    """A StandingCode."""


def leaf(  # noqa: PLR0917 - the six fields in their order; keywords cost time with each answer
    stream: bytes, sequence: int, second: int, issuer: bytes, pseudonym: bytes, standing: int
) -> bytes:
    """Write the leaf of one answer: 82 octets, numbers with the highest octet first.

    ====== ====== ==========================================================
    octet  length what
    ====== ====== ==========================================================
    0      1      1, the version of this format
    1      16     stream
    17     8      sequence
    25     8      second: producedAt in seconds since 1970 UTC, signed
    33     32     issuer: SHA-256(SHA-256(DER of its name) || its key)
    65     16     pseudonym
    81     1      standing: a StandingCode
    ====== ====== ==========================================================

    The verifier writes it from the answer, the operator from the journal; a month's tree is
    made of ``merkle.leaf_hash`` of these, in the order of stream and sequence.
    """
    return _LEAF.pack(_VERSION, stream, sequence, second, issuer, pseudonym, standing)


def read_leaf(data: bytes) -> Leaf:
    """Read what leaf() wrote; raises Malformed."""
    if len(data) != LEAF_BYTES or data[0] != _VERSION:
        raise Malformed(f"a leaf is not {LEAF_BYTES} octets of version {_VERSION}")
    found = Leaf._make(_LEAF.unpack(data)[1:])
    if not StandingCode.GOOD <= found.standing <= StandingCode.HELD:
        raise Malformed("a leaf has a standing that does not exist")
    if not _CALENDAR[0] <= found.second <= _CALENDAR[1]:
        raise Malformed("a leaf has a time that no GeneralizedTime can say")
    return found
