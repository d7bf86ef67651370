"""Answers found again in the journals: items of a statement, and a count to compare totals with.

What `ingest` has added up is read anew, answer by answer and by other code, as long as the
journals are kept. The count comes to exactly the totals, or there is something to look into.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from tashika_server.book.accounts import (
    journal_alarm,
    journal_segment,
    journal_stream,
    usage_total,
)
from tashika_server.metering.alarms import alarms
from tashika_server.metering.contexts import known_among
from tashika_server.metering.counting import Like, count
from tashika_server.metering.ending import Harm
from tashika_server.metering.errors import JournalHarmed, NotKept
from tashika_server.metering.reading import Cursor
from tashika_server.metering.streams import FINISHED, Segment, Stream, segments, streams
from tashika_server.metering.totals import Total, hour_of, totals
from tashika_server.metering.usage import Usage, instant
from tashika_server.metering.walking import Extent, walk

__all__ = ["Item", "Reckoned", "Span", "extents", "items", "reconcile", "recount"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR, _JST = timedelta(hours=1), timedelta(hours=9)


@dataclass(frozen=True, slots=True)
class Span:
    """From `begin` until before `end`."""

    begin: datetime
    end: datetime


class Item(NamedTuple):
    """One answer, and where it stands."""

    stream: str
    usage: Usage


def extents(connection: Connection, journals: Sequence[Path], span: Span) -> tuple[Extent, ...]:
    """Find what was taken in of a span: every stream of the book, in any of these directories.

    `journals` are those of every machine that provided anything then. Raises NotKept for what
    has been purged, and JournalHarmed for what is nowhere.
    """
    column = journal_stream.c
    return tuple(
        _extent(connection, journals, each, span)
        for each in streams(connection, column.started_at < span.end, column.sequence > 0)
        if each.outlook not in FINISHED or (each.caught_up_to or span.end) >= span.begin
    )


def items(
    found: Sequence[Extent],
    span: Span,
    *,
    verifier: str | None = None,
    agreement: str | None = None,
) -> Iterator[Item]:
    """Read the answers of a span, all or those of one party: stream by stream, in their order.

    Raises JournalHarmed where a journal is not as it was, and OSError: what came before that is
    a part, and whoever adds up must not take it for the whole (T39).
    """
    for extent in found:
        for usage in walk(extent):
            if (at := instant(usage.at)) >= span.end:
                break
            mine = verifier is None or verifier == usage.context.verifier
            if at >= span.begin and mine and agreement in (None, usage.context.agreement):
                yield Item(extent.directory.name, usage)


def recount(found: Sequence[Extent], span: Span) -> Counter[Like]:
    """Count the answers of a span anew; raises as `items` does."""
    return count(each.usage for each in items(found, span))


# --- Reconciliation -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """The answers of one verifier in one day of Japan, from the journals and in the totals."""

    day: date
    verifier: str
    journalled: int
    ingested: int

    @property
    def difference(self) -> int:
        """Above 0 if the totals have less."""
        return self.journalled - self.ingested


def reconcile(
    connection: Connection, journals: Sequence[Path], first: date, last: date
) -> tuple[Reckoned, ...]:
    """Compare journals and totals by verifier and day, from the first to the last day.

    The ingest may go on meanwhile: both sides are as the connection's snapshot has them, and
    whom the registry does not know is in neither. Raises as `extents` and `items` do.
    """
    span = Span(_begins(first), _begins(last + timedelta(days=1)))
    hours = usage_total.c.hour.between(hour_of(span.begin), hour_of(span.end) - 1)
    found = extents(connection, journals, span)
    ingested = _by_day((each, each.answers) for each in totals(connection, hours))
    counts = recount(found, span)
    known = known_among(connection, {like.context for like in counts})
    journalled = _by_day(each for each in counts.items() if each[0].context in known)
    return tuple(
        Reckoned(day=day, verifier=verifier, journalled=journalled[key], ingested=ingested[key])
        for key in sorted(journalled.keys() | ingested.keys())
        for day, verifier in [key]
    )


def _by_day(counts: Iterable[tuple[Like | Total, int]]) -> Counter[tuple[date, str]]:
    found: Counter[tuple[date, str]] = Counter()
    for like, answers in counts:
        day = (_EPOCH + like.hour * _HOUR + _JST).date()
        found[day, like.context.verifier] += answers
    return found


def _begins(day: date) -> datetime:
    """Return the instant at which a day begins in Japan."""
    return datetime.combine(day, time(), UTC) - _JST


# --- What to read ---------------------------------------------------------------------------


def _extent(connection: Connection, journals: Sequence[Path], stream: Stream, span: Span) -> Extent:
    kept = tuple(segments(connection, journal_segment.c.stream == stream.id))
    for each in kept:
        if each.purged_at and each.ended_at >= span.begin:
            raise NotKept(
                f"segment {each.number} of journal {stream.id} was purged at {each.purged_at}; "
                "the totals are all there is of that time"
            )
    column = journal_alarm.c
    about = (column.stream == stream.id, column.kind.in_(Harm))
    settled = alarms(connection, *about, column.settled_at.is_not(None))
    return Extent(
        directory=_directory(journals, stream),
        start=_start(kept, span),
        before=stream.cursor.sequence,
        settled=frozenset(each.segment for each in settled),
        digests={each.number: each.digest for each in kept},
    )


def _directory(journals: Sequence[Path], stream: Stream) -> Path:
    for each in journals:
        if (each / stream.id).is_dir():
            return each / stream.id
    raise JournalHarmed(
        f"journal {stream.id} of {stream.node} is in none of the directories; "
        "name that of every machine"
    )


def _start(kept: Sequence[Segment], span: Span) -> Cursor:
    """Skip the segments that are over before a span begins."""
    over = [each for each in kept if each.ended_at < span.begin]
    if not over:
        return Cursor()
    return Cursor(over[-1].number + 1, 0, over[-1].first + over[-1].records)
