"""What can be used of a harmed segment, once a person has decided to go on without the rest.

Every answer that can be read counts. Where something cannot be read, nobody knows any more what
became of the answers before it: what would tell may have stood there. The next segment begins
anew, and its header says with which number.
"""

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tashika.pki.receipt import MAX_SEQUENCE
from tashika_server.metering.reading import Cursor, Damage
from tashika_server.metering.record import (
    SLOT_BYTES,
    TIMED,
    Kind,
    Slot,
    Strange,
    read_context,
    read_slot,
    seed,
)
from tashika_server.metering.segment import segment_numbers, segment_path
from tashika_server.metering.usage import END_OF_TIME, Context, Delivery, Usage

__all__ = ["Salvage", "salvage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvage:
    """What was found of a harmed segment, and where to read on."""

    usages: tuple[Usage, ...]
    """From the cursor on, in order."""
    cursor: Cursor
    """In the next segment, or behind all that was found."""
    goes_on: bool
    """Whether there is a next segment."""


def salvage(directory: Path, cursor: Cursor, damage: Damage) -> Salvage:
    """Take up what can be read from a cursor to the end of the harmed segment.

    The cursor is that of the page that ended at the damage. Raises OSError.
    """
    following = _next_segment(directory, damage)
    diver = _Diver(cursor.sequence, following.sequence if following else MAX_SEQUENCE)
    for number in range(cursor.segment, damage.at.segment + 1):
        path = segment_path(directory, number)
        data = path.read_bytes() if path.exists() else b""
        start = cursor.offset if number == cursor.segment else 0
        diver.dive(data, seed(bytes.fromhex(directory.name), number), start)
    diver.give_up()
    end = damage.at._replace(sequence=max(diver.due, damage.at.sequence))
    return Salvage(
        usages=tuple(diver.found), cursor=following or end, goes_on=following is not None
    )


def _next_segment(directory: Path, damage: Damage) -> Cursor | None:
    """Find the next segment with a header; None if there is none."""
    for number in segment_numbers(directory):
        if number > damage.at.segment:
            with segment_path(directory, number).open("rb") as file:
                begun = seed(bytes.fromhex(directory.name), number)
                header = read_slot(file.read(SLOT_BYTES), 0, begun)
            if header and header.sequence >= damage.at.sequence:
                return Cursor(number, 0, header.sequence)
    return None


class _Diver:
    """Takes up what lies about, in the order of its numbers."""

    def __init__(self, due: int, before: int) -> None:
        self.found: list[Usage] = []
        self.due, self._before = due, before
        self._waiting: deque[tuple[Slot, Context]] = deque()
        self._abandoned: set[int] = set()

    def dive(self, data: bytes, begun: int, start: int) -> None:
        """Go through a segment; from `start` on for answers, but through all for contexts."""
        contexts: dict[int, Context] = {}
        parts: list[Slot] = []
        for offset in range(0, len(data), SLOT_BYTES):
            if offset < start and data[offset] != Kind.CONTEXT:
                continue
            slot = read_slot(data, offset, begun)
            if slot is None:
                self.give_up()
            elif slot.kind == Kind.CONTEXT:
                parts = [*parts, slot] if slot.standing else [slot]
                _declare(parts, contexts)
            elif offset >= start and slot.kind in TIMED:
                self._take(slot, contexts.get(slot.context))

    def _take(self, slot: Slot, context: Context | None) -> None:
        if slot.at > END_OF_TIME:
            return
        self._give(slot.sequence - slot.lag, Delivery.HANDED_OVER)
        if slot.kind == Kind.ABANDONED:
            self._abandoned.update(
                each.sequence
                for each, _ in self._waiting
                if 0 <= each.sequence - slot.generation < slot.context
            )
        elif slot.kind == Kind.USAGE and context and self.due <= slot.sequence < self._before:
            self._waiting.append((slot, context))
            self.due = slot.sequence + 1

    def give_up(self) -> None:
        """Take all that waits as nobody can tell what became of it."""
        self._give(self.due, Delivery.UNKNOWN)

    def _give(self, before: int, delivery: Delivery) -> None:
        while self._waiting and self._waiting[0][0].sequence < before:
            slot, context = self._waiting.popleft()
            became = Delivery.ABANDONED if slot.sequence in self._abandoned else delivery
            with suppress(Strange):
                self.found.append(_usage(slot, context, became))


def _usage(slot: Slot, context: Context, became: Delivery) -> Usage:
    standing, occasion = slot.said()
    return Usage(
        slot.sequence,
        context,
        standing,
        occasion,
        became,
        slot.generation,
        slot.pseudonym,
        slot.at,
    )


def _declare(parts: list[Slot], contexts: dict[int, Context]) -> None:
    """Take in a context when its last part is there."""
    if len(parts) == parts[0].occasion:
        try:
            number, context = read_context(parts)
        except Strange:
            return
        contexts[number] = context
