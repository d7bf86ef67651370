"""Closing the days of the ledger: one signed root for all that was written up to a day's end.

A day is closed after it is over, with every entry that no root has yet and up to the last one
whose time lies before the day's end: what comes later belongs to the next day that is closed. A
day that adds no entry has no root.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select

from tashika.pki.algorithms import PrivateKey
from tashika.pki.merkle import Tree, leaf_hash
from tashika_server.agreements.period import day_begins
from tashika_server.book import Book, Change
from tashika_server.book.accounts import ledger_root
from tashika_server.book.tables import audit
from tashika_server.book.trail import START, entries
from tashika_server.ledger.chain import Chain
from tashika_server.ledger.days import DAY, day_of
from tashika_server.ledger.root import Root, public_key, sign_root

__all__ = [
    "chain_at",
    "close_days",
    "draft_root",
    "find_root",
    "keep_root",
    "newest_root",
    "roots",
]


def close_days(book: Book, key: PrivateKey, *, actor: str, at: datetime) -> tuple[Root, ...]:
    """Close every day that is over, oldest first, and return the new roots.

    Several may do this at once. Raises LedgerBroken, BookError; what was closed stays closed.
    """
    closed: list[Root] = []
    while True:
        with book.reading() as connection:
            root = draft_root(connection, key, at=at)
        if root is None:
            return tuple(closed)
        with book.writing(actor=actor, at=at) as change:
            if keep_root(change, root):
                closed.append(root)


def draft_root(connection: Connection, key: PrivateKey, *, at: datetime) -> Root | None:
    """Sign the oldest day that can be closed; None if none can.

    The chain is followed through the day first: raises LedgerBroken, rather than sign what
    does not hold.
    """
    before = newest_root(connection)
    begin = before.last if before else 0
    oldest = connection.scalar(select(func.min(audit.c.at)).where(audit.c.id > begin))
    if oldest is None:
        return None
    day = day_of(oldest) if before is None else max(day_of(oldest), before.day + DAY)
    over = day_begins(day + DAY)
    if at < over:
        return None
    newest = select(func.max(audit.c.id)).where(audit.c.id > begin, audit.c.at < over)
    last = connection.execute(newest).scalar_one()
    root = Root(
        day=day,
        first=begin + 1,
        last=last,
        root=_merkle_root(connection, begin, last),
        previous=before.digest if before else START,
        key=public_key(key),
        closed_at=at,
    )
    return sign_root(root, key)


def keep_root(change: Change, root: Root) -> bool:
    """Keep a root that was drafted; tells False if somebody else has closed a day since."""
    before = newest_root(change.connection)
    if root.previous != (before.digest if before else START):
        return False
    values = {name: getattr(root, name) for name in root.__slots__}
    change.connection.execute(insert(ledger_root).values(**values))
    change.record("ledger.close", f"ledger {root.day}", before=None, after=root)
    return True


def newest_root(connection: Connection) -> Root | None:
    """Return the root of the last day that was closed."""
    newest = select(ledger_root).order_by(ledger_root.c.day.desc()).limit(1)
    return next(map(_root, connection.execute(newest)), None)


def find_root(connection: Connection, day: date) -> Root | None:
    """Return the root of a day; None while it is not closed, and if it added nothing."""
    return next(iter(roots(connection, ledger_root.c.day == day)), None)


def roots(connection: Connection, *which: ColumnElement[bool]) -> tuple[Root, ...]:
    """List all roots, or some, oldest first."""
    query = select(ledger_root).where(*which).order_by(ledger_root.c.day)
    return tuple(map(_root, connection.execute(query)))


def chain_at(connection: Connection, number: int) -> Chain:
    """Return the chain as it stood behind an entry; behind none for 0."""
    newest = next(entries(connection, after=number - 1, last=number), None)
    return Chain(number=number, head=newest.digest) if newest else Chain()


def _merkle_root(connection: Connection, begin: int, last: int) -> bytes:
    chain, tree = chain_at(connection, begin), Tree()
    for entry in entries(connection, after=begin, last=last):
        chain.follow(entry, entry.digest)
        tree.add(leaf_hash(chain.head))
    return tree.root()


def _root(row: Row[Any]) -> Root:
    return Root(**row._asdict())
