"""Reading a stream again, answer by answer, as far as it was taken in.

`ingest` counts what is new; this finds again what was counted, and comes to the same or refuses.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tashika_server.metering.errors import JournalHarmed
from tashika_server.metering.reading import Cursor, Page, State, read_page
from tashika_server.metering.salvage import salvage
from tashika_server.metering.usage import Usage

__all__ = ["Extent", "walk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """A part of a stream that was taken in, and all that is known about it."""

    directory: Path
    start: Cursor
    before: int
    """The number of the first answer no longer in it."""
    settled: Container[int | None]
    """The segments that a person has gone on without."""
    digests: Mapping[int, bytes]
    """What the book has of the segments' content."""


def walk(extent: Extent) -> Iterator[Usage]:
    """Read the answers of an extent in order, past harm that is settled.

    Raises JournalHarmed where something is not as it was when it was taken in, and OSError.
    """
    cursor, state = extent.start, State.MORE
    while cursor.sequence < extent.before and state in _MORE:
        page = read_page(extent.directory, cursor)
        found, cursor, state = page.usages, page.cursor, page.state
        _compare(extent, page)
        if page.damage and cursor.sequence < extent.before:
            rest = salvage(extent.directory, cursor, page.damage)
            found, cursor = found + rest.usages, rest.cursor
        yield from (each for each in found if each.sequence < extent.before)
    if cursor.sequence < extent.before:
        raise _harmed(extent, f"{extent.before} answers were taken in, and {cursor.sequence} found")


_MORE = frozenset({State.MORE, State.HARMED})


def _compare(extent: Extent, page: Page) -> None:
    """Raise JournalHarmed unless a page is what it was when it was taken in."""
    harm = page.damage
    if harm and page.cursor.sequence < extent.before and harm.at.segment not in extent.settled:
        raise _harmed(extent, f"{harm.harm}: {harm.detail}")
    for each in page.closed:
        if extent.digests.get(each.number, each.digest) != each.digest:
            raise _harmed(extent, f"segment {each.number} has changed since it was taken in")


def _harmed(extent: Extent, what: str) -> JournalHarmed:
    return JournalHarmed(f"journal {extent.directory.name}: {what}; restore its files from a copy")
