"""A stream as it is read back: every answer once, in order, with what became of it.

    page = read_page(directory, cursor)
    # keep what page.usages add up to and page.cursor in one transaction; go on from there

The cursor is the place of the first answer of which nothing is known yet: it was journalled, and
neither handed over nor abandoned, and its writer lives. What is before it is never read again,
so an answer counts exactly once if the cursor moves with the counts. With the end of a writer
the rest is known too: of what it journalled and never spoke of again nobody can tell whether it
was delivered (Delivery.UNKNOWN).

Not for deciding what to do about harm: a page ends before it, and so does every later one.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from tashika_server.metering.ending import Harm
from tashika_server.metering.record import SLOT_BYTES, Ending, Kind, Slot
from tashika_server.metering.roster import is_held
from tashika_server.metering.segment import is_begun, segment_path
from tashika_server.metering.segment_reader import SegmentReader
from tashika_server.metering.usage import Context, Delivery, Usage

__all__ = ["Closed", "Cursor", "Damage", "Page", "State", "read_page"]

MOST = 50_000
"""Answers in a page, some 20 MB; more only where the end of a writer settles many at once."""

_USAGE = int(Kind.USAGE)  # comparing with an enum's member takes three times as long


class State(StrEnum):
    """Why a page ends where it does."""

    MORE = "more"
    """It is full: read on at once."""
    OPEN = "open"
    """Nothing more is known at present; the writer lives."""
    ENDED = "ended"
    """The writer ended the stream: there will be no more."""
    DEAD = "dead"
    """The writer died: there will be no more."""
    HARMED = "harmed"
    """What comes next is not as it should be: a person must look."""


class Cursor(NamedTuple):
    """How far a stream has been taken."""

    segment: int = 1
    offset: int = 0
    sequence: int = 0
    """The number of the next answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A segment to which nothing will be added, and from which everything was taken."""

    number: int
    first: int
    """The number of its first answer."""
    usages: int
    digest: bytes
    """SHA-256 of what is before its seal; without a seal, of what is whole."""
    ended_at: int
    """The time of its last record, in microseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What stands in the way."""

    harm: Harm
    at: Cursor
    """Where, and the number of the answer that is due there."""
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What came after a cursor."""

    usages: tuple[Usage, ...]
    cursor: Cursor
    """Where the next page begins."""
    state: State
    closed: tuple[Closed, ...]
    """The segments that the cursor has left; with ENDED and DEAD the last one, too."""
    caught_up_to: int | None
    """No later page has an answer from before this time; None where this one cannot tell."""
    damage: Damage | None
    """With HARMED, and only there."""


def read_page(directory: Path, cursor: Cursor, *, most: int = MOST) -> Page:
    """Read on in a stream's directory from a cursor; what lies there alone decides what comes.

    There is nothing to read on from ENDED and DEAD. Raises OSError where reading fails.
    """
    page = _Reading(directory, cursor, most).page()
    if page.state is State.HARMED:
        # A file takes a while to read, and its end may be of a later moment than its beginning:
        # of two honest writes meanwhile only the second is seen then. A second look sees both.
        page = _Reading(directory, cursor, most).page()
    return page


class _Harmed(Exception):
    """Reading cannot go on."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(damage)
        self.damage = damage


class _Reading:
    """One page in the making."""

    def __init__(self, directory: Path, start: Cursor, most: int) -> None:
        self._directory, self._here, self._most = directory, start, most
        self._usages: list[Usage] = []
        self._waiting: deque[tuple[int, Slot, Context]] = deque()
        """Answers of which nothing is known yet, each with the number of its segment."""
        self._abandoned: set[int] = set()
        self._closed: list[Closed] = []
        self._at: int | None = None

    def page(self) -> Page:
        """Read, and say how far it went."""
        damage = None
        try:
            state = self._run()
        except _Harmed as harmed:
            state, damage = State.HARMED, harmed.damage
        cursor, time = self._here, self._at
        if self._waiting:
            number, slot, _ = self._waiting[0]
            cursor, time = Cursor(number, slot.place * SLOT_BYTES, slot.sequence), slot.at
        over = state in {State.ENDED, State.DEAD}
        return Page(
            usages=tuple(self._usages),
            cursor=cursor,
            state=state,
            closed=tuple(each for each in self._closed if over or each.number < cursor.segment),
            caught_up_to=time,
            damage=damage,
        )

    def _run(self) -> State:
        # First of all: who is dead now will write no more while this reads.
        lives = self._writer_lives()
        while True:
            # Before this segment: whoever has begun the next had sealed this one by then.
            next_begun = is_begun(self._directory, self._here.segment + 1)
            reader = self._open()
            if self._take(reader):
                return State.MORE
            match self._finish(reader):
                case Ending.FULL:
                    self._here = Cursor(self._here.segment + 1, 0, self._here.sequence)
                case Ending.LAST:
                    self._settle(self._here.sequence, Delivery.UNKNOWN)
                    return State.ENDED
                case _ if next_begun:
                    raise self._harmed(Harm.UNSEALED, "it has no seal, and the next has begun")
                case _ if lives:
                    return State.OPEN
                case _:
                    self._close(reader)
                    self._settle(self._here.sequence, Delivery.UNKNOWN)
                    return State.DEAD

    def _writer_lives(self) -> bool:
        try:
            return is_held(self._directory)
        except FileNotFoundError:
            raise self._harmed(Harm.MISSING, "the stream's lock is not there") from None

    def _open(self) -> SegmentReader:
        number, offset, sequence = self._here
        stream = bytes.fromhex(self._directory.name)
        try:
            data = segment_path(self._directory, number).read_bytes()
        except FileNotFoundError:
            raise self._harmed(Harm.MISSING, "the segment is not there") from None
        return SegmentReader(data, stream=stream, number=number, offset=offset, sequence=sequence)

    def _take(self, reader: SegmentReader) -> bool:
        """Take in records, and what they say of earlier ones; True if the page is full."""
        number, waiting = self._here.segment, self._waiting
        for slot in reader:
            dealt = slot.sequence - slot.lag
            if waiting and waiting[0][1].sequence < dealt:
                self._settle(dealt, Delivery.HANDED_OVER)
            if slot.kind == _USAGE:
                waiting.append((number, slot, reader.contexts[slot.context]))
            elif slot.kind == Kind.ABANDONED:
                # The reader has seen that none of them is yet to come; what is dealt with is over.
                oldest = waiting[0][1].sequence if waiting else slot.sequence
                first = max(slot.generation, oldest)
                self._abandoned.update(range(first, slot.generation + slot.context))
            if len(self._usages) >= self._most:
                self._stand_at(reader)
                return True
        self._stand_at(reader)
        return False

    def _settle(self, before: int, delivery: Delivery) -> None:
        """Give the answers before a number, with this delivery unless they were abandoned."""
        while self._waiting and self._waiting[0][1].sequence < before:
            _, slot, context = self._waiting.popleft()
            became = Delivery.ABANDONED if slot.sequence in self._abandoned else delivery
            standing, occasion = slot.said()
            self._usages.append(
                Usage(
                    slot.sequence,
                    context,
                    standing,
                    occasion,
                    became,
                    slot.generation,
                    slot.pseudonym,
                    slot.at,
                )
            )

    def _stand_at(self, reader: SegmentReader) -> None:
        self._here = Cursor(self._here.segment, reader.offset, reader.sequence)
        if reader.first is not None:
            self._at = reader.at

    def _finish(self, reader: SegmentReader) -> Ending | None:
        """Look at how a segment ends; returns what its seal says, None if it has none."""
        end = reader.end
        if end.harm is not None:
            raise self._harmed(end.harm, end.detail)
        if end.seal is None:
            return None
        self._close(reader)
        return end.seal.why

    def _close(self, reader: SegmentReader) -> None:
        if reader.first is not None:
            self._closed.append(
                Closed(
                    number=self._here.segment,
                    first=reader.first,
                    usages=reader.sequence - reader.first,
                    digest=reader.digest(),
                    ended_at=reader.at,
                )
            )

    def _harmed(self, harm: Harm, detail: str) -> _Harmed:
        return _Harmed(Damage(harm=harm, at=self._here, detail=detail))
