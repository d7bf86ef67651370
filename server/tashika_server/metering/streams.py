"""How far each journal is taken in: the rows of nodes, streams and segments in the book.

The cursor is what makes usage count once: it moves only from where a reader found it, in the
transaction that adds what was read. Not for reading journals (`reading`).
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from tashika_server.book import Change
from tashika_server.book.accounts import (
    journal_alarm,
    journal_node,
    journal_segment,
    journal_stream,
)
from tashika_server.book.tables import audit
from tashika_server.metering.counting import Range
from tashika_server.metering.errors import MeteringError
from tashika_server.metering.reading import Cursor

__all__ = [
    "FINISHED",
    "Outlook",
    "Overtaken",
    "Segment",
    "Stream",
    "Uncertainty",
    "advance",
    "behind",
    "close_segment",
    "end_stream",
    "enrol",
    "find_stream",
    "note_roster_read",
    "segments",
    "streams",
    "to_read",
    "uncertainties",
]


class Outlook(StrEnum):
    """What may still come of a stream."""

    OPEN = "open"
    """More, for all we know."""
    ENDED = "ended"
    """Nothing: its writer closed it, and all of it is taken in."""
    DEAD = "dead"
    """Nothing: its writer died or the rest was given up, and all that counts is taken in."""
    MISSING = "missing"
    """Its files are gone; an alarm says so."""


FINISHED = frozenset({Outlook.ENDED, Outlook.DEAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream as the book knows it."""

    id: str
    """32 hexadecimal digits."""
    node: str
    started_at: datetime
    cursor: Cursor
    outlook: Outlook
    caught_up_to: datetime | None
    """Everything answered before this moment is in the totals; None until that can be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment of which all is taken in."""

    stream: str
    number: int
    first: int
    """The sequence of its first record of usage."""
    records: int
    digest: bytes
    """SHA-256 of its bytes up to the seal, or up to where a dead stream ends."""
    ended_at: datetime
    """No record in it is later."""
    purged_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """What is not known of a stream that was taken in."""

    delivery_unknown: tuple[Range, ...] = ()
    """Answers that are counted as such."""
    lost: tuple[Range, ...] = ()
    """Answers that are in no total."""


class Overtaken(MeteringError):
    """Another reader has moved the cursor; what was read is taken in already, by them."""


def enrol(connection: Connection, stream: Stream) -> None:
    """Add a stream that the roster names and the book does not know yet."""
    connection.execute(insert(journal_stream).values(**_values(stream)))


def note_roster_read(connection: Connection, node: str, at: datetime) -> None:
    """Say that every stream which a node had begun by then is in the book."""
    mine = journal_node.c.node == node
    # A node that is back is retired no more. The last word holds, be it of an earlier moment: a
    # clock that was ahead has vouched for a time of which nothing could be known yet.
    values = {"read_to": at, "retired_at": None}
    if not connection.execute(update(journal_node).where(mine).values(**values)).rowcount:
        connection.execute(insert(journal_node).values(node=node, read_to=at))


def advance(connection: Connection, before: Stream, after: Stream) -> None:
    """Move a stream from exactly where it was found; Overtaken if it is there no more."""
    found = _values(before)
    where = [journal_stream.c[name] == value for name, value in found.items() if name in _CURSOR]
    moved = connection.execute(update(journal_stream).where(*where).values(**_values(after)))
    if moved.rowcount != 1:
        raise Overtaken(f"journal {before.id} has been read on meanwhile; try again")


def close_segment(change: Change, segment: Segment) -> None:
    """Keep what a segment came to, and enter its digest into the trail."""
    change.connection.execute(insert(journal_segment).values(**asdict(segment)))
    change.record("segment.seal", f"{segment.stream}/{segment.number}", before=None, after=segment)


def end_stream(change: Change, stream: Stream, unknown: tuple[Range, ...]) -> None:
    """Enter into the trail that all of a stream is taken in, and of which answers nobody knows."""
    after = {"outlook": stream.outlook, "cursor": stream.cursor, "delivery_unknown": unknown}
    change.record("stream.end", stream.id, before=None, after=after)


def find_stream(connection: Connection, stream: str) -> Stream | None:
    """Look one up."""
    query = select(journal_stream).where(journal_stream.c.id == stream)
    return next(map(_stream, connection.execute(query)), None)


def streams(connection: Connection, *which: ColumnElement[bool]) -> tuple[Stream, ...]:
    """List all, or some, oldest first."""
    order = (journal_stream.c.started_at, journal_stream.c.id)
    query = select(journal_stream).where(*which).order_by(*order)
    return tuple(map(_stream, connection.execute(query)))


def to_read(connection: Connection, node: str, listed: Collection[str]) -> tuple[Stream, ...]:
    """List a node's streams and those `listed` that may have more and that no alarm stops."""
    stopped = select(journal_alarm.c.stream).where(
        journal_alarm.c.settled_at.is_(None), journal_alarm.c.stream.is_not(None)
    )
    column = journal_stream.c
    found = streams(connection, column.state.not_in(FINISHED), column.id.not_in(stopped))
    return tuple(each for each in found if each.node == node or each.id in listed)


def behind(connection: Connection, node: str, at: datetime) -> timedelta:
    """Say how far back answers of a node may lie that are in no total yet."""
    column = journal_stream.c
    open_here = streams(connection, column.node == node, column.state.not_in(FINISHED))
    known_to = [each.caught_up_to or each.started_at for each in open_here]
    return max(at - min(known_to, default=at), timedelta())


def uncertainties(connection: Connection) -> dict[str, Uncertainty]:
    """Tell by stream which answers are lost, or not known to be delivered: from the trail."""
    found: dict[str, Uncertainty] = {}
    told = audit.c.action.in_(("stream.end", "stream.leave_out"))
    for row in connection.execute(select(audit).where(told).order_by(audit.c.id)):
        said = json.loads(row.after)
        unknown, lost = _ranges(said["delivery_unknown"]), _ranges(said.get("lost", ()))
        if unknown or lost:
            before = found.get(row.subject, Uncertainty())
            found[row.subject] = Uncertainty(
                delivery_unknown=before.delivery_unknown + unknown, lost=before.lost + lost
            )
    return found


def segments(connection: Connection, *which: ColumnElement[bool]) -> Iterator[Segment]:
    """List the segments that are taken in, or some, in their order."""
    order = (journal_segment.c.stream, journal_segment.c.number)
    for row in connection.execute(select(journal_segment).where(*which).order_by(*order)):
        yield Segment(**row._asdict())


_CURSOR = ("id", "segment", "offset", "sequence", "state")


def _ranges(said: Iterable[Sequence[int]]) -> tuple[Range, ...]:
    return tuple(Range(*each) for each in said)


def _values(stream: Stream) -> dict[str, Any]:
    return {
        "id": stream.id,
        "node": stream.node,
        "started_at": stream.started_at,
        "state": stream.outlook,
        "caught_up_to": stream.caught_up_to,
        **stream.cursor._asdict(),
    }


def _stream(row: Row[Any]) -> Stream:
    return Stream(
        id=row.id,
        node=row.node,
        started_at=row.started_at,
        cursor=Cursor(row.segment, row.offset, row.sequence),
        outlook=Outlook(row.state),
        caught_up_to=row.caught_up_to,
    )
