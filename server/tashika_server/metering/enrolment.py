"""From the roster into the book: a stream is known before anything of it is read.

So a stream whose files have vanished shows, and one that the roster should name and does not.
"""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from tashika_server.book import Book, Change
from tashika_server.book.accounts import journal_alarm, journal_stream
from tashika_server.metering.alarms import Alarm, Doubt, alarms, open_alarm
from tashika_server.metering.reading import Cursor
from tashika_server.metering.roster import Roster, read_roster, strays
from tashika_server.metering.streams import (
    FINISHED,
    Outlook,
    Stream,
    enrol,
    note_roster_read,
    streams,
)

__all__ = ["enrol_streams", "roster_harm"]

UNKNOWN_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Of a stream that the roster does not name: before any month that could be closed."""


def enrol_streams(
    book: Book, journal: Path, *, node: str, actor: str, at: datetime
) -> tuple[frozenset[str], tuple[Alarm, ...]]:
    """Let the book know the streams of a journal; returns all of them, and the alarms raised.

    `at` is a moment before the roster was looked at. Raises OSError, BookError.
    """
    with book.reading() as connection:  # first: what it knows by now, the roster must name
        going = {
            each.id
            for each in streams(
                connection, journal_stream.c.node == node, journal_stream.c.state.not_in(FINISHED)
            )
        }
    roster = read_roster(journal)
    listed = {each.stream.hex() for each in roster.streams}
    unlisted = {each.name for each in strays(journal)} | going - listed
    with book.writing(actor=actor, at=at) as change:
        _enrol(change, _listed(roster, node) + _unlisted(unlisted, node))
        raised = tuple(filter(None, _doubt(change, node, roster, unlisted)))
        note_roster_read(change.connection, node, at)
    return frozenset(listed | unlisted), raised


def _enrol(change: Change, found: Collection[Stream]) -> None:
    known = set(change.connection.scalars(select(journal_stream.c.id)))
    for each in found:
        if each.id not in known:
            enrol(change.connection, each)


def roster_harm(node: str, roster: Roster) -> str:
    """Say what is wrong with the roster of a machine, in an alarm's words; empty for nothing."""
    return f"{node}: {roster.harm}" if roster.harm else ""


def _doubt(
    change: Change, node: str, roster: Roster, unlisted: Collection[str]
) -> Iterator[Alarm | None]:
    told = alarms(change.connection, journal_alarm.c.kind == Doubt.STRAY)
    for each in sorted(set(unlisted) - {alarm.stream for alarm in told}):
        detail = "the roster does not name this stream, so that it has lost a line"
        yield open_alarm(change, Doubt.STRAY, each, at=None, detail=detail)
    if harm := roster_harm(node, roster):
        yield open_alarm(change, Doubt.ROSTER, None, at=None, detail=harm)


def _listed(roster: Roster, node: str) -> list[Stream]:
    return [_stream(each.stream.hex(), node, each.started_at) for each in roster.streams]


def _unlisted(ids: Collection[str], node: str) -> list[Stream]:
    return [_stream(each, node, UNKNOWN_BEGINNING) for each in sorted(ids)]


def _stream(stream: str, node: str, started_at: datetime) -> Stream:
    return Stream(
        id=stream,
        node=node,
        started_at=started_at,
        cursor=Cursor(),
        outlook=Outlook.OPEN,
        caught_up_to=None,
    )
