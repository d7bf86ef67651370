"""Writes the ledger, or some of its days, as lines that can be verified without the book."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from hashlib import sha256

from sqlalchemy import Connection

from tashika_server.book.accounts import ledger_root
from tashika_server.book.trail import START, Entry, entries, last_number
from tashika_server.ledger.errors import NoSuchRoot
from tashika_server.ledger.lines import Beginning, End
from tashika_server.ledger.root import Root
from tashika_server.ledger.roots import chain_at, newest_root, roots

__all__ = ["export_lines"]

PAGE = 1000
"""Entries that are in memory at once."""


def export_lines(
    connection: Connection, *, first: date | None = None, last: date | None = None
) -> Iterator[bytes]:
    """Yield the lines of the days from `first` to `last`, both included; by default of all.

    Begins with a day and ends with a root, so that all of it can be verified; without `last`
    the entries follow that have no root yet. Raises NoSuchRoot if it has nothing to end with.
    """
    digest, counts = sha256(), Counter[type]()
    for value in _values(connection, first, last):
        octets = f"{value.line}\n".encode()
        digest.update(octets)
        counts[type(value)] += 1
        yield octets
    end = End(entries=counts[Entry], roots=counts[Root], digest=digest.digest())
    yield f"{end.line}\n".encode()


def _values(
    connection: Connection, first: date | None, last: date | None
) -> Iterator[Beginning | Entry | Root]:
    chosen = _chosen(connection, first, last)
    done, previous_root = _before(connection, chosen)
    yield Beginning(
        first=done + 1, previous=chain_at(connection, done).head, previous_root=previous_root
    )
    for root in chosen:
        yield from _entries(connection, done, root.last)
        yield root
        done = root.last
    if last is None:
        yield from _entries(connection, done, last_number(connection))


def _chosen(connection: Connection, first: date | None, last: date | None) -> tuple[Root, ...]:
    within = ledger_root.c.day.between(first or date.min, last or date.max)
    chosen = roots(connection, within)
    if last and not chosen:
        raise NoSuchRoot(
            f"no day was closed from {first or 'the beginning'} to {last}",
            rule="an export that is not of all ends with a root",
            remedy="see `tashika-server ledger roots`, or leave the last day out",
        )
    return chosen


def _before(connection: Connection, chosen: tuple[Root, ...]) -> tuple[int, bytes]:
    """Return the last entry and the digest of the root before what is exported."""
    if chosen:
        return chosen[0].first - 1, chosen[0].previous
    newest = newest_root(connection)
    return (newest.last, newest.digest) if newest else (0, START)


def _entries(connection: Connection, done: int, last: int) -> Iterator[Entry]:
    for after in range(done, last, PAGE):
        yield from entries(connection, after=after, last=min(after + PAGE, last))
