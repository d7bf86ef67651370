"""The bytes of a journal: slots of 64 octets, each with a checksum that holds in one place only.

All numbers are little-endian. Every slot begins and ends alike:

    octet  size  what
    0      1     kind
    1      2     two small numbers of the kind
    3      1     0
    4      4     place: which slot of the segment this is
    8      4     group: the place at which the writes began that were synced together with this
                 one; what lies before it was durable before this was written
    12     4     lag: the answers before number sequence - lag have been dealt with, that is
                 handed over unless an ABANDONED names them
    16     8     sequence: of a USAGE its own number, else that of the next USAGE
    24     36    by kind, below
    60     4     CRC-32 of octets 0 to 59, begun with that of the stream's id and the segment

    kind         small numbers        octets 24 to 59
    1 HEADER     format, durability   "TSKJ", slots 4, segment 4, stream 16, made at 8
    2 USAGE      standing, occasion   generation 8, at 8, context 4, pseudonym 16
    3 CONTEXT    part, parts          context 4, 32 octets of its text: JSON, zeros to the end
    4 MARK       0, 0                 0, at 8, 0
    5 ABANDONED  0, 0                 first sequence 8, at 8, how many 4, 0
    6 SEAL       why, 0               SHA-256 of the segment before this slot 32, usages 4

A slot of zeros was never written. Times are microseconds since 1970 UTC and never fall. Not for
what the order of slots says: that is `segment`'s.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, fields
from enum import IntEnum
from struct import Struct
from struct import error as struct_error
from typing import Final, NamedTuple

from tashika_server.durable import Durability
from tashika_server.metering.usage import END_OF_TIME, Context, Occasion, StandingCode

__all__ = [
    "BODY_BYTES",
    "CHECKSUM",
    "HEAD",
    "MAX_PARTS",
    "SLOT",
    "SLOT_BYTES",
    "TIMED",
    "Content",
    "Ending",
    "Header",
    "Kind",
    "Seal",
    "Slot",
    "Strange",
    "abandoned_content",
    "claimed_header",
    "context_contents",
    "header_content",
    "mark_content",
    "read_context",
    "read_header",
    "read_seal",
    "read_slot",
    "seal_content",
    "seed",
]

SLOT = Struct("<BBBxIIIQQQI16s")
"""Octets 0 to 59, in the words of USAGE (see Slot)."""
HEAD = Struct("<BBBxIIIQ36s")
"""The same octets, in no kind's words after `sequence`."""
BODY_BYTES: Final = SLOT.size
CHECKSUM = Struct("<I")
SLOT_BYTES: Final = BODY_BYTES + CHECKSUM.size

MAX_VERSION = 2**31 - 1
"""Of an agreement: what the book's INTEGER holds."""
MAX_PARTS = 32
"""Slots of one context: 1 kB of text, of which most need a third."""

_FORMAT = 1
_MAGIC = b"TSKJ"
_TEXT_BYTES = 32
_HEADER = Struct("<4sII16sQ")
_CONTEXT = Struct(f"<I{_TEXT_BYTES}s")
_TIMED = Struct("<QQI16x")
_SEAL = Struct("<32sI")

_DURABILITIES = {1: Durability.DISK, 2: Durability.OS}
_CODES = {durability: code for code, durability in _DURABILITIES.items()}
_ALL_SAID = {
    (int(standing), int(occasion)): (standing, occasion)
    for standing in StandingCode
    for occasion in Occasion
}
_WRITTEN_AS = {each.name: str if each.type is bytes else each.type for each in fields(Context)}


class Strange(Exception):
    """A slot whose checksum holds says what no writer of this format says; has the reason."""


class Kind(IntEnum):
    """What a slot is."""

    HEADER = 1
    USAGE = 2
    CONTEXT = 3
    MARK = 4
    ABANDONED = 5
    SEAL = 6


class Ending(IntEnum):
    """Why a segment was sealed."""

    FULL = 1
    """The next segment goes on; it was there, and durable, before this seal."""
    LAST = 2
    """The stream ends here."""


class Slot(NamedTuple):
    """A slot whose checksum holds, in the words of USAGE."""

    kind: int
    standing: int
    occasion: int
    place: int
    group: int
    lag: int
    sequence: int
    generation: int
    at: int
    context: int
    pseudonym: bytes

    def said(self) -> tuple[StandingCode, Occasion]:
        """Return what a USAGE says; raises Strange."""
        said = _ALL_SAID.get((self.standing, self.occasion))
        if said is None:
            raise Strange(f"standing {self.standing} or occasion {self.occasion} does not exist")
        return said

    @property
    def rest(self) -> bytes:
        """Return octets 24 to 59, for kinds with other words."""
        return SLOT.pack(*self)[24:]


TIMED = frozenset({Kind.USAGE, Kind.MARK, Kind.ABANDONED})
"""Kinds whose `at` is a time."""


class Content(NamedTuple):
    """What a slot says, whatever its place."""

    kind: Kind
    small: tuple[int, int]
    rest: bytes


class Header(NamedTuple):
    """What the first slot of a segment says."""

    durability: Durability
    slots: int
    number: int
    stream: bytes
    made_at: int


class Seal(NamedTuple):
    """What the last slot of a segment says."""

    why: Ending
    digest: bytes
    usages: int


def seed(stream: bytes, number: int) -> int:
    """Return what the checksums of a segment begin with: a slot counts nowhere else."""
    return zlib.crc32(number.to_bytes(8, "little"), zlib.crc32(stream))


# --- Writing; USAGE is written by the journal itself -----------------------------------------


def header_content(header: Header) -> Content:
    """Write the first slot of a segment."""
    rest = _HEADER.pack(_MAGIC, header.slots, header.number, header.stream, header.made_at)
    return Content(Kind.HEADER, (_FORMAT, _CODES[header.durability]), rest)


def context_contents(number: int, context: Context) -> list[Content]:
    """Write a context, for slots that follow each other; ValueError if it is too long."""
    said = {**asdict(context), "fingerprint": context.fingerprint.hex()}
    text = json.dumps(said, separators=(",", ":")).encode()
    pieces = [text[at : at + _TEXT_BYTES] for at in range(0, len(text), _TEXT_BYTES)]
    if len(pieces) > MAX_PARTS:
        raise ValueError(f"names of {len(text)} octets are too long; an issuer's may be shortened")
    return [
        Content(Kind.CONTEXT, (part, len(pieces)), _CONTEXT.pack(number, piece))
        for part, piece in enumerate(pieces)
    ]


def mark_content(at: int) -> Content:
    """Write that nothing of an earlier time will follow."""
    return Content(Kind.MARK, (0, 0), _TIMED.pack(0, at, 0))


def abandoned_content(first: int, count: int, at: int) -> Content:
    """Write that these answers were never handed over."""
    return Content(Kind.ABANDONED, (0, 0), _TIMED.pack(first, at, count))


def seal_content(seal: Seal) -> Content:
    """Write the last slot of a segment."""
    return Content(Kind.SEAL, (seal.why, 0), _SEAL.pack(seal.digest, seal.usages))


# --- Reading --------------------------------------------------------------------------------


def read_slot(data: bytes, at: int, begun: int) -> Slot | None:
    """Read the slot at an offset; None unless its checksum, begun with a seed, holds there."""
    body = data[at : at + BODY_BYTES]
    checksum = data[at + BODY_BYTES : at + SLOT_BYTES]
    if checksum != CHECKSUM.pack(zlib.crc32(body, begun)):
        return None
    slot = Slot._make(SLOT.unpack(body))
    return slot if slot.place * SLOT_BYTES == at else None


def read_header(slot: Slot) -> Header:
    """Read the HEADER; raises Strange."""
    magic, slots, number, stream, made_at = _HEADER.unpack(slot.rest)
    if slot.kind != Kind.HEADER or magic != _MAGIC:
        raise Strange("the first slot is no header")
    if slot.standing != _FORMAT:
        raise Strange(f"it has format {slot.standing}, and this program reads {_FORMAT}")
    if slot.occasion not in _DURABILITIES:
        raise Strange(f"durability {slot.occasion} does not exist")
    if made_at > END_OF_TIME:
        raise Strange("it was made at a time that no calendar has")
    return Header(_DURABILITIES[slot.occasion], slots, number, stream, made_at)


def read_context(parts: Sequence[Slot]) -> tuple[int, Context]:
    """Put the parts of a context together: its number, and what it says; raises Strange."""
    numbers, pieces = zip(*(_CONTEXT.unpack(each.rest) for each in parts), strict=True)
    expected = [(Kind.CONTEXT, part, len(parts)) for part in range(len(parts))]
    if [each[:3] for each in parts] != expected or len(set(numbers)) != 1:
        raise Strange("the parts of a context do not belong together")
    try:
        said = json.loads(b"".join(pieces).rstrip(b"\x00"))
        if {name: type(value) for name, value in said.items()} != _WRITTEN_AS:
            raise TypeError
        # What no database keeps would stop the intake of every other journal too.
        texts = (each for each in said.values() if isinstance(each, str))
        if not (0 <= said["version"] <= MAX_VERSION and all(map(str.isprintable, texts))):
            raise ValueError
        context = Context(**{**said, "fingerprint": bytes.fromhex(said["fingerprint"])})
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Strange("the text of a context is not what a writer makes") from None
    return numbers[0], context


def claimed_header(data: bytes) -> Header | None:
    """Read the header that is at home in another segment, or as another stream's; else None."""
    try:
        claimed = read_header(Slot._make(SLOT.unpack(data[:BODY_BYTES])))
    except (Strange, struct_error):
        return None
    return claimed if read_slot(data, 0, seed(claimed.stream, claimed.number)) else None


def read_seal(slot: Slot) -> Seal:
    """Read a SEAL; raises Strange."""
    digest, usages = _SEAL.unpack(slot.rest)
    if slot.standing not in set(Ending):
        raise Strange(f"the seal's reason {slot.standing} does not exist")
    return Seal(Ending(slot.standing), digest, usages)
