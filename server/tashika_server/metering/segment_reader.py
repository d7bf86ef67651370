"""One segment as it is read: its records in order, and how it ends.

Not for whose turn it is to be read (`reading`), nor for what is counted (`counting`).
"""

from collections.abc import Iterator
from hashlib import sha256

from tashika.pki.receipt import MAX_SEQUENCE
from tashika_server.metering.ending import End, Harm, Verdict
from tashika_server.metering.record import (
    SLOT_BYTES,
    TIMED,
    Kind,
    Seal,
    Slot,
    Strange,
    claimed_header,
    read_context,
    read_header,
    read_seal,
    read_slot,
    seed,
)
from tashika_server.metering.segment import FIRST, GIVEN_UP_BYTES, MIN_SEGMENT_BYTES
from tashika_server.metering.usage import END_OF_TIME, Context

__all__ = ["SegmentReader"]

_ZEROS = bytes(64 * 1024)


class SegmentReader:
    """Reads one segment once: iterate over it, then look at `end`.

    Gives every USAGE, MARK and ABANDONED from an offset on, and a USAGE only when its context is
    in `contexts`. Any bytes at all have an end, and raise no error.
    """

    contexts: dict[int, Context]
    """By number; those declared before the offset, too."""
    first: int | None
    """The number of its first answer; None where it has not begun."""
    offset: int
    """What lies before it was read and is whole."""
    sequence: int
    """The number of the next answer."""
    at: int
    """The time of the last record before the offset; no later one is earlier."""
    end: End

    def __init__(
        self, data: bytes, *, stream: bytes, number: int, offset: int = 0, sequence: int
    ) -> None:
        """Read a file's bytes from a slot on, where the answer of this number is due."""
        self.contexts, self.first = {}, None
        self.offset, self.sequence, self.at = offset, sequence, 0
        self._data, self._seed, self._number = data, seed(stream, number), number
        self._group: int | None = None
        self._parts: list[Slot] = []

    def __iter__(self) -> Iterator[Slot]:
        """Give the records in their order and set `end`."""
        try:
            if self._open():
                yield from self._walk()
        except Strange as strange:
            self.end = End(verdict=Verdict.CORRUPT, harm=Harm.STRANGE, detail=str(strange))
        except _Harmed as harmed:
            self.end = End(verdict=Verdict.CORRUPT, harm=harmed.harm, detail=str(harmed))

    def digest(self) -> bytes:
        """Return the SHA-256 of what is before the seal; without a seal, of what is whole."""
        if self.end.seal is not None:
            return self.end.seal.digest
        return sha256(self._data[: self.offset]).digest()

    # --- The beginning ----------------------------------------------------------------------

    def _open(self) -> bool:
        """Read the header, and contexts before the offset; False if there is none to read."""
        slot = self._read(0)
        if slot is None:
            self._miss_header()
            return False
        header = read_header(slot)
        if len(self._data) != header.slots * SLOT_BYTES:
            raise _Harmed(Harm.CUT, f"{len(self._data)} octets of {header.slots * SLOT_BYTES}")
        self.first, self.at = slot.sequence, header.made_at
        if self.offset == 0:
            self._follow(slot)
            self.offset = SLOT_BYTES
            return True
        self._gather_contexts()
        before = self._read(self.offset - SLOT_BYTES)
        if before is not None and before.kind in TIMED:
            self.at = before.at
        return True

    def _miss_header(self) -> None:
        if other := claimed_header(self._data):
            whose = f"segment {other.number} of stream {other.stream.hex()}"
            raise _Harmed(Harm.FOREIGN, f"this is {whose}")
        if self.offset:
            raise _Harmed(Harm.DAMAGED, "its header was read before and cannot be any more")
        # The file was durable in its whole length before the roster or a seal spoke of it.
        length = len(self._data)
        whole = length >= MIN_SEGMENT_BYTES and length % SLOT_BYTES == 0
        if not whole and self._data != bytes(GIVEN_UP_BYTES):
            raise _Harmed(Harm.CUT, f"{length} octets, which no segment has")
        if whole and self._number == FIRST:
            raise _Harmed(Harm.DAMAGED, "its header was there before the roster named the stream")
        self._judge()

    def _gather_contexts(self) -> None:
        # One octet of each slot, so that to read on does not cost what it costs to read anew.
        # What cannot be read here is missed by the USAGE that refers to it.
        kinds = self._data[: self.offset : SLOT_BYTES]
        place = kinds.find(Kind.CONTEXT)
        while place >= 0:
            part = self._read(place * SLOT_BYTES)
            if part is None or part.standing == 0:
                self._parts.clear()
            if part is not None:
                self._add_part(part)
            place = kinds.find(Kind.CONTEXT, place + 1)

    # --- Slot by slot -----------------------------------------------------------------------

    def _walk(self) -> Iterator[Slot]:
        while slot := self._read(self.offset):
            self._follow(slot)
            if slot.kind in TIMED:
                self._check_record(slot)
                self.offset += SLOT_BYTES
                yield slot
            elif slot.kind == Kind.CONTEXT:
                self._add_part(slot)
                self.offset += SLOT_BYTES
            elif slot.kind == Kind.SEAL:
                self._close(read_seal(slot))
                return
            else:
                raise Strange(f"a slot of kind {slot.kind} does not belong there")
        self._judge()

    def _read(self, offset: int) -> Slot | None:
        return read_slot(self._data, offset, self._seed)

    def _follow(self, slot: Slot) -> None:
        """See that a slot follows the one before it; its place is in its checksum."""
        if slot.sequence != self.sequence:
            raise _Harmed(Harm.GAP, f"number {self.sequence} is due, {slot.sequence} comes")
        if slot.group != slot.place and self._group not in {None, slot.group}:
            raise _Harmed(Harm.GAP, f"a write from slot {slot.group} on is out of its order")
        if slot.group > slot.place or slot.lag > slot.sequence:
            raise Strange("a slot speaks of what is yet to come")
        self._group = slot.group

    def _check_record(self, slot: Slot) -> None:
        if slot.at < self.at:
            raise _Harmed(Harm.GAP, f"time {slot.at} comes after {self.at}")
        if (slot.sequence | slot.generation) > MAX_SEQUENCE or slot.at > END_OF_TIME:
            raise Strange("a number is larger than any book holds, or a time than any calendar")
        if self._parts:
            raise Strange("a context breaks off")
        self.at = slot.at
        if slot.kind == Kind.USAGE:
            if slot.context not in self.contexts:
                raise Strange(f"context {slot.context} is not in the segment")
            slot.said()
            self.sequence += 1
        elif slot.kind == Kind.ABANDONED:
            first, count = slot.generation, slot.context
            if not slot.sequence - slot.lag <= first <= slot.sequence - count:
                raise Strange("answers are abandoned that did not wait")

    def _add_part(self, part: Slot) -> None:
        self._parts.append(part)
        if len(self._parts) >= self._parts[0].occasion:
            number, context = read_context(self._parts)
            if self.contexts.setdefault(number, context) != context:
                raise Strange(f"context {number} is declared twice, and differently")
            self._parts.clear()

    # --- The end ----------------------------------------------------------------------------

    def _close(self, seal: Seal) -> None:
        """End at the seal, if it is right."""
        usages = self.sequence - (self.first or 0)
        if (seal.digest, seal.usages) != (sha256(self._data[: self.offset]).digest(), usages):
            raise _Harmed(Harm.DIGEST, "the seal was made for another content")
        if not self._is_blank(self.offset + SLOT_BYTES):
            raise _Harmed(Harm.DAMAGED, "there is more behind the seal")
        self.offset += SLOT_BYTES
        self.end = End(verdict=Verdict.SEALED, seal=seal)

    def _judge(self) -> None:
        """Say what it means that the slot at the offset cannot be read (see `ending`)."""
        if self._is_blank(self.offset):
            self.end = End(verdict=Verdict.OPEN if self.offset else Verdict.EMPTY)
        elif later := self._written_later():
            this = self.offset // SLOT_BYTES
            raise _Harmed(
                Harm.DAMAGED, f"slot {this} cannot be read, and slot {later} was written later"
            )
        else:
            self.end = End(verdict=Verdict.TORN)

    def _written_later(self) -> int | None:
        """Find a slot of a write that began behind the offset, after the one cut off there."""
        place = self.offset // SLOT_BYTES
        written = len(self._data.rstrip(b"\x00"))
        for offset in range(self.offset + SLOT_BYTES, written, SLOT_BYTES):
            slot = self._read(offset)
            if slot is not None and slot.group > place:
                return slot.place
        return None

    def _is_blank(self, begin: int) -> bool:
        """Tell whether there are only zeros from an offset on."""
        pieces = (
            self._data[offset : offset + len(_ZEROS)]
            for offset in range(begin, len(self._data), len(_ZEROS))
        )
        return all(piece == _ZEROS or not any(piece) for piece in pieces)


class _Harmed(Exception):
    """The segment is corrupt."""

    def __init__(self, harm: Harm, detail: str) -> None:
        super().__init__(detail)
        self.harm = harm
