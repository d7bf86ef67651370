"""Removing what need not be kept any longer: segments of journals, by rule and with a trail.

A segment goes when all of this holds: it was taken in and has ended longer ago than journals are
kept; every month that it has answers of is frozen; no alarm about its stream is open. The totals
stay, and so does the segment's digest. What was left out of the count is kept for a person.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select, update

from tashika_server.book import Book, Change
from tashika_server.book.accounts import journal_alarm, journal_segment, month
from tashika_server.metering.record import SLOT_BYTES, claimed_header
from tashika_server.metering.segment import is_begun, segment_numbers, segment_path
from tashika_server.metering.streams import FINISHED, find_stream, segments
from tashika_server.metering.usage import instant

__all__ = ["Purged", "purge"]

_JST = timedelta(hours=9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """Segments of one stream that are removed, and the rule that says so."""

    segments: tuple[int, ...]
    ended_before: datetime


def purge(book: Book, journal: Path, *, actor: str, at: datetime, keep: timedelta) -> int:
    """Remove what ended longer than `keep` ago; returns how many segments that were.

    The book is told first: a removal that is cut short leaves only files that nobody reads, and
    the next purge takes them. Raises OSError, BookError.
    """
    directories = [each for each in sorted(journal.glob("?" * 32)) if each.is_dir()]
    with book.writing(actor=actor, at=at) as change:
        frozen = frozenset(change.connection.scalars(select(month.c.id)))
        for each in directories:
            due = _due(change.connection, each, at - keep, frozen)
            _note(change, each, Purged(segments=due, ended_before=at - keep))
    with book.reading() as connection:
        return sum(_remove(connection, each) for each in directories)


def _note(change: Change, directory: Path, purged: Purged) -> None:
    if not purged.segments:
        return
    column = journal_segment.c
    these = (column.stream == directory.name, column.number.in_(purged.segments))
    change.connection.execute(update(journal_segment).where(*these).values(purged_at=change.at))
    change.record("stream.purge", directory.name, before=None, after=purged)


def _due(
    connection: Connection, directory: Path, before: datetime, frozen: frozenset[str]
) -> tuple[int, ...]:
    """List the segments of a stream that are over, long ago, and of frozen months only."""
    about = (journal_alarm.c.stream == directory.name, journal_alarm.c.settled_at.is_(None))
    if connection.scalar(select(journal_alarm.c.id).where(*about).limit(1)):
        return ()
    column = journal_segment.c
    old = (column.stream == directory.name, column.purged_at.is_(None), column.ended_at < before)
    return tuple(
        each.number
        for each in segments(connection, *old)
        if (begun := _begun_at(segment_path(directory, each.number)))
        and frozen.issuperset(_months(begun, each.ended_at))
    )


def _begun_at(path: Path) -> datetime | None:
    """Tell when a segment was begun; None if the file cannot tell any more."""
    try:
        with path.open("rb") as file:
            header = claimed_header(file.read(SLOT_BYTES))
    except FileNotFoundError:
        return None
    return header and instant(header.made_at)


def _months(first: datetime, last: datetime) -> Iterator[str]:
    """Name the months of Japan from one moment to another."""
    day, until = (first + _JST).date().replace(day=1), (last + _JST).date()
    while day <= until:
        yield f"{day:%Y-%m}"
        day = (day + timedelta(days=31)).replace(day=1)


def _remove(connection: Connection, directory: Path) -> int:
    """Remove the files of what is purged, and a directory of which nothing else is left."""
    column = journal_segment.c
    purged = (column.stream == directory.name, column.purged_at.is_not(None))
    paths = [segment_path(directory, each.number) for each in segments(connection, *purged)]
    gone = [each for each in paths if each.exists()]
    for each in gone:
        each.unlink()
    stream = find_stream(connection, directory.name)
    left = any(is_begun(directory, number) for number in segment_numbers(directory))
    if stream and stream.outlook in FINISHED and not left:
        for each in directory.iterdir():
            each.unlink()
        directory.rmdir()
    return len(gone)
