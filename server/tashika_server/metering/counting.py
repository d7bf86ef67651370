"""What the answers after a cursor add up to: the pages of `reading`, counted.

Long runs of answers with nothing special among them, such as an office finds that was away for
an hour, are counted here without making an object of each: five times as fast. Such a run ends
before the first thing that is not exactly as it should be, for `reading` to judge.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from tashika_server.metering.reading import Closed, Cursor, Damage, State, read_page
from tashika_server.metering.record import (
    BODY_BYTES,
    SLOT,
    SLOT_BYTES,
    TIMED,
    Kind,
    Slot,
    Strange,
    read_context,
    read_slot,
    seed,
)
from tashika_server.metering.segment import segment_path
from tashika_server.metering.segment_reader import SegmentReader
from tashika_server.metering.usage import (
    END_OF_TIME,
    Context,
    Delivery,
    Occasion,
    StandingCode,
    Usage,
)

__all__ = ["Counted", "Like", "Range", "count", "count_page", "unknown_ranges"]

HOUR = 3_600_000_000
"""Microseconds."""
MANY = 4096
"""Slots from which on a run is looked for; a busy worker writes half of it in a second."""


class Like(NamedTuple):
    """What answers that are counted together have in common."""

    hour: int
    """Whole hours since 1970 in UTC; each lies in one day of Japan."""
    context: Context
    standing: int
    occasion: int
    delivery: int


_Key = tuple[int, int, int, int, int]
"""The same with a number for the context."""


class Range(NamedTuple):
    """Answers with successive numbers."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What came after a cursor; all but the counts is as in `reading.Page`."""

    counts: Counter[Like]
    unknown: tuple[Range, ...]
    """The answers of which nobody knows whether they were delivered."""
    cursor: Cursor
    state: State
    closed: tuple[Closed, ...] = ()
    caught_up_to: int | None
    damage: Damage | None = None


def count_page(directory: Path, cursor: Cursor) -> Counted:
    """Count what comes after a cursor: a page, or a long run. Raises OSError."""
    if _is_long(directory, cursor) and (run := _count_run(directory, cursor)):
        return run
    page = read_page(directory, cursor, most=MANY)
    return Counted(
        counts=count(page.usages),
        unknown=unknown_ranges(page.usages),
        cursor=page.cursor,
        state=page.state,
        closed=page.closed,
        caught_up_to=page.caught_up_to,
        damage=page.damage,
    )


def count(usages: Iterable[Usage]) -> Counter[Like]:
    """Count answers of a kind together."""
    # By the context's place in memory: its hash takes longer than all the rest of this.
    contexts: dict[int, Context] = {}

    def keys() -> Iterator[_Key]:
        for each in usages:
            contexts[id(each.context)] = each.context
            yield each.at // HOUR, id(each.context), each.standing, each.occasion, each.delivery

    return _likes(Counter(keys()), contexts)


def _likes(counts: Counter[_Key], contexts: Mapping[int, Context]) -> Counter[Like]:
    found: Counter[Like] = Counter()
    for (hour, number, *codes), answers in counts.items():
        found[Like(hour, contexts[number], *codes)] += answers
    return found


def unknown_ranges(usages: Iterable[Usage]) -> tuple[Range, ...]:
    """Tell of which answers nobody knows whether they were delivered."""
    found: list[Range] = []
    for each in usages:
        if each.delivery is Delivery.UNKNOWN:
            follows = found and found[-1].last + 1 == each.sequence
            first = found.pop().first if follows else each.sequence
            found.append(Range(first, each.sequence))
    return tuple(found)


# --- Long runs ------------------------------------------------------------------------------

_ROW = Struct(f"{SLOT.format}I")
_USAGE, _CONTEXT, _ABANDONED = int(Kind.USAGE), int(Kind.CONTEXT), int(Kind.ABANDONED)
_TIMED = frozenset(map(int, TIMED))
_SAID = frozenset((int(said), int(how)) for said in StandingCode for how in Occasion)


def _is_long(directory: Path, cursor: Cursor) -> bool:
    """Tell whether something is written so far behind a cursor that a run may pay."""
    try:
        with segment_path(directory, cursor.segment).open("rb", buffering=0) as file:
            return any(os.pread(file.fileno(), SLOT_BYTES, cursor.offset + MANY * SLOT_BYTES))
    except FileNotFoundError:
        return False


def _count_run(directory: Path, cursor: Cursor) -> Counted | None:
    """Count the answers of a segment that come one after the other; None if that cannot be."""
    stream = bytes.fromhex(directory.name)
    number, offset, due = cursor
    data = segment_path(directory, number).read_bytes()
    reader = SegmentReader(data, stream=stream, number=number, offset=offset, sequence=due)
    if (first := next(iter(reader), None)) is None:
        return None
    run = _Run(data, seed(stream, number), reader.contexts, due)
    run.read(first)
    return run.counted(number)


class _Run:
    """Answers of one segment, each exactly as it should be."""

    def __init__(self, data: bytes, begun: int, contexts: dict[int, Context], due: int) -> None:
        """Begin where the answer number `due` is the first of which nothing is known yet."""
        self._data, self._seed, self._contexts = data, begun, contexts
        self._begin = self._dealt = due
        self._place = self._at = 0
        self._answers: list[tuple[int, int, int, int]] = []
        """The hour, context, standing and occasion of each."""
        self._places: list[int] = []
        self._times: list[int] = []
        self._abandoned: set[int] = set()
        self._parts: list[Slot] = []

    def read(self, first: Slot) -> None:
        """Read from a slot that has been checked to the first that is not for here."""
        view, begun, contexts, parts = (
            memoryview(self._data),
            self._seed,
            self._contexts,
            self._parts,
        )
        answers, places, times = self._answers, self._places, self._times
        place, group, at, dealt, due = first.place, first.group, first.at, self._dealt, self._begin
        rows = _ROW.iter_unpack(view[place * SLOT_BYTES :])
        for kind, said, how, own, wrote, lag, number, since, time, context, _, checksum in rows:
            offset = place * SLOT_BYTES
            if (
                checksum != crc32(view[offset : offset + BODY_BYTES], begun)
                or own != place
                or number != due
                or lag > due
                or (wrote != group and wrote != place)  # noqa: PLR1714 - a third of the time
            ):
                break
            if kind == _CONTEXT:
                if not self._declare(offset):
                    break
            elif parts or kind not in _TIMED or time < at:  # noqa: SIM114 - long enough
                break
            elif kind == _USAGE and context not in contexts:
                break
            else:
                at, dealt = time, max(dealt, due - lag)
                if kind == _USAGE:
                    answers.append((time // HOUR, context, said, how))
                    places.append(place)
                    times.append(time)
                    due += 1
                elif kind == _ABANDONED:
                    # Too late for what had been dealt with by then.
                    self._abandoned.update(range(max(since, dealt), min(since + context, due)))
            group, place = wrote, place + 1
        self._place, self._at, self._dealt = place, at, dealt

    def _declare(self, offset: int) -> bool:
        """Take in a part of a context; False if it makes no sense."""
        part = read_slot(self._data, offset, self._seed)
        if part is None:
            return False
        self._parts.append(part)
        if len(self._parts) < self._parts[0].occasion:
            return True
        try:
            number, context = read_context(self._parts)
        except Strange:
            return False
        self._parts.clear()
        return self._contexts.setdefault(number, context) == context

    def counted(self, segment: int) -> Counted | None:
        """Return what has been dealt with; None if nothing has, or there is some nonsense."""
        done = self._dealt - self._begin
        handed = Counter(self._answers[:done])
        nonsense = self._at > END_OF_TIME or any(each[2:] not in _SAID for each in handed)
        if nonsense or not handed:
            return None
        given_up = Counter(
            self._answers[each - self._begin] for each in self._abandoned if each < self._dealt
        )
        counts = Counter[_Key]()
        for became, found in (
            (Delivery.HANDED_OVER, handed - given_up),
            (Delivery.ABANDONED, given_up),
        ):
            counts.update({(*each, became): answers for each, answers in found.items()})
        place, at = self._place, self._at
        if done < len(self._answers):
            place, at = self._places[done], self._times[done]
        return Counted(
            counts=_likes(counts, self._contexts),
            unknown=(),
            cursor=Cursor(segment, place * SLOT_BYTES, self._dealt),
            state=State.MORE,
            caught_up_to=at,
        )
