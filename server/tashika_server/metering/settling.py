"""What a person says about an alarm, done: read on where the harm was mended, or leave it out.

What is left out is known by its numbers: they are in the trail, with who decided it and why.
Nothing in a journal is ever changed.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain, pairwise
from pathlib import Path

from tashika_server.book import Change
from tashika_server.metering.alarms import Alarm, Doubt, close_alarm, find_alarm
from tashika_server.metering.contexts import Stranger, check_context
from tashika_server.metering.counting import Counted, Range, count, count_page, unknown_ranges
from tashika_server.metering.enrolment import roster_harm
from tashika_server.metering.errors import SettlementRefused
from tashika_server.metering.lateness import tell_of_late
from tashika_server.metering.leaves import asking, keep_leaves, leaves_of, read_again
from tashika_server.metering.reading import Damage
from tashika_server.metering.roster import is_held, read_roster
from tashika_server.metering.salvage import salvage
from tashika_server.metering.streams import Outlook, Stream, advance, find_stream
from tashika_server.metering.totals import add_totals
from tashika_server.metering.usage import Usage

__all__ = ["LeftOut", "Settlement", "settle"]


class Settlement(StrEnum):
    """How an alarm is dealt with."""

    GO_ON = "go-on"
    """What was wrong has been mended: read on from where the stream stopped.

    Of a stream that the roster does not name: it is one of ours.
    """
    LEAVE_OUT = "leave-out"
    """What cannot be used is not counted: read on in the next segment, or end the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What is not in the totals, and where the stream goes on."""

    after: Stream
    lost: tuple[Range, ...] = ()
    """The numbers of the answers that nobody can read; what follows the last is not known of."""
    delivery_unknown: tuple[Range, ...] = ()
    """Of those that are counted."""


def settle(
    change: Change, journal: Path, number: int, how: Settlement, *, node: str, reason: str
) -> Alarm:
    """Deal with an alarm where its journal is, in the book's own transaction.

    Raises SettlementRefused, Overtaken, Stranger, and OSError where a journal cannot be read.
    """
    alarm = find_alarm(change.connection, number)
    if alarm is None or alarm.settled_at is not None:
        raise SettlementRefused(f"there is no open alarm {number}; see `usage alarms`")
    if not reason.strip():
        raise SettlementRefused("a settlement needs a reason; say what was found and done")
    if alarm.kind == Doubt.ROSTER:
        about, named, _ = alarm.detail.partition(": ")
        if named and about != node:
            raise _elsewhere(alarm, about)
        if how is Settlement.GO_ON and roster_harm(node, read_roster(journal)) == alarm.detail:
            raise _not_mended(alarm)
    elif alarm.stream and (stream := find_stream(change.connection, alarm.stream)):
        if stream.node != node and not (journal / stream.id).is_dir():
            raise _elsewhere(alarm, stream.node)
        act = _demand_mended if how is Settlement.GO_ON else _leave_out
        act(change, alarm, stream, journal / stream.id)
    return close_alarm(change, alarm, reason.strip())


def _demand_mended(change: Change, alarm: Alarm, stream: Stream, directory: Path) -> None:
    """Raise SettlementRefused if a reader would stop there again for the same reason."""
    page = count_page(directory, stream.cursor)
    if _harm_of(alarm, page):
        raise _not_mended(alarm)
    for each in {like.context for like in page.counts}:
        try:
            check_context(change.connection, each)
        except Stranger as stranger:
            if str(stranger) == alarm.detail:
                raise _not_mended(alarm) from None


def _leave_out(change: Change, alarm: Alarm, stream: Stream, directory: Path) -> None:
    match alarm.kind:
        case Doubt.STRANGER:
            pass  # what the settled alarm names is not counted from now on
        case Doubt.STRAY:
            _demand_dead(directory)
            _move(change, stream, LeftOut(after=replace(stream, outlook=Outlook.DEAD)))
        case _:
            _pass_over(change, alarm, stream, directory)


def _pass_over(change: Change, alarm: Alarm, stream: Stream, directory: Path) -> None:
    """Go on with the next segment; end the stream if there is none."""
    page = count_page(directory, stream.cursor)
    damage = _harm_of(alarm, page)
    if damage is None:
        raise SettlementRefused("the harm is not there any more; settle the alarm by going on")
    rest = salvage(directory, page.cursor, damage)
    if not rest.goes_on:
        _demand_dead(directory)
    counts = page.counts + count(rest.usages)
    counted = add_totals(change.connection, stream.id, counts)
    tell_of_late(change, stream.id, (like for like in counts if like.context in counted))
    if among := asking(change.connection, {like.context for like in counts} & counted):
        answers = chain(read_again(directory, stream.cursor, page.cursor), rest.usages)
        keep_leaves(change.connection, stream.id, leaves_of(stream.id, answers, among))
    outlook = Outlook.OPEN if rest.goes_on else Outlook.DEAD
    left = LeftOut(
        after=replace(stream, cursor=rest.cursor, outlook=outlook),
        lost=_lost(range(page.cursor.sequence, rest.cursor.sequence), rest.usages),
        delivery_unknown=unknown_ranges(rest.usages),
    )
    _move(change, stream, left)


def _lost(numbers: range, found: Sequence[Usage]) -> tuple[Range, ...]:
    """Tell which numbers nothing was found of."""
    places = [numbers.start - 1, *(each.sequence for each in found), numbers.stop]
    return tuple(
        Range(before + 1, after - 1) for before, after in pairwise(places) if after > before + 1
    )


def _move(change: Change, before: Stream, left: LeftOut) -> None:
    advance(change.connection, before, left.after)
    change.record("stream.leave_out", before.id, before=before, after=left)


def _demand_dead(directory: Path) -> None:
    """Raise SettlementRefused if more may still be written to a stream that is to end."""
    with suppress(FileNotFoundError):
        if is_held(directory):
            raise SettlementRefused(
                "its writer lives, and all that it will write would be left out too; "
                "have the workers replaced first"
            )


def _harm_of(alarm: Alarm, page: Counted) -> Damage | None:
    """Return the harm that a page ends at, if it is the alarm's."""
    found = page.damage
    same = found and (found.harm, *found.at[:2]) == (alarm.kind, alarm.segment, alarm.offset)
    return found if same else None


def _elsewhere(alarm: Alarm, node: str) -> SettlementRefused:
    return SettlementRefused(f"alarm {alarm.id} is about {node}; settle it there")


def _not_mended(alarm: Alarm) -> SettlementRefused:
    return SettlementRefused(
        f"it is still so: {alarm.detail}; mend it from a copy, or leave out what cannot be used"
    )
