"""The book: one SQL database of who may ask, who did what, and later what it costs.

It knows transactions, migrations and the audit trail; what the rows mean is the business of
the packages above.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, insert, select

from tashika_server.book import schema, trail
from tashika_server.book.engine import Access, make_engine, transaction
from tashika_server.book.errors import BookError

__all__ = ["Book", "Change", "Mode", "open_book"]


class Mode(StrEnum):
    """Whether a change is kept. The default keeps it; a rehearsal does all but that."""

    KEEP = "keep"
    REHEARSE = "rehearse"


def open_book(dsn: str, *, relative_to: Path = Path()) -> "Book":
    """Open the book at a DSN; nothing is connected before the first transaction.

    `relative_to` is where a relative path of SQLite begins. Raises BadDsn.
    """
    return Book(make_engine(dsn, relative_to=relative_to))


class Book:
    """Transactions on the database. Safe from any thread; open it after a fork, not before."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read one snapshot; BookUnreachable, BookOutdated."""
        with transaction(self._engine, Access.READ) as connection:
            schema.demand_current(connection)
            yield connection

    @contextmanager
    def writing(self, *, actor: str, at: datetime, mode: Mode = Mode.KEEP) -> Iterator["Change"]:
        """Change the book as one whole: all of the block is kept, or nothing.

        Writers take turns. After a rehearsal the change still tells what it would have
        changed. Raises BookUnreachable, BookOutdated, BookRefuses.
        """
        try:
            with transaction(self._engine, Access.WRITE) as connection:
                schema.demand_current(connection)
                yield Change(connection, actor=actor, at=at)
                if mode is Mode.REHEARSE:
                    raise _Rehearsed
        except _Rehearsed:
            pass

    def upgrade(self) -> str:
        """Bring the tables to what this program needs and return the revision they now have."""
        with transaction(self._engine, Access.MIGRATE) as connection:
            schema.upgrade(connection)
        return schema.REVISION

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()


class Change:
    """One transaction that writes: who makes it, when, and what it has changed so far."""

    def __init__(self, connection: Connection, *, actor: str, at: datetime) -> None:
        self.connection = connection
        self.actor = actor.strip()
        if not (self.actor and self.actor.isprintable()):
            raise BookError("a change needs an actor with a name that can be shown")
        self.at = at
        self._entries: list[trail.Entry] = []

    @property
    def entries(self) -> tuple[trail.Entry, ...]:
        """What has been changed so far, in order."""
        return tuple(self._entries)

    def insert(self, table: Table, values: Mapping[str, Any]) -> int:
        """Add a row and return its number: one more than the highest there."""
        number = 1 + (self.connection.scalar(select(func.max(table.c.id))) or 0)
        self.connection.execute(insert(table).values(id=number, **values))
        return number

    @contextmanager
    def rehearsing(self) -> Iterator[None]:
        """Try a part of the change and undo it at the end of the block, as if it never was."""
        done = len(self._entries)
        attempt = self.connection.begin_nested()
        try:
            yield
        finally:
            attempt.rollback()
            del self._entries[done:]

    def record(
        self, action: str, subject: str, *, before: object | None, after: object | None
    ) -> None:
        """Enter one thing's change into the audit trail; the values must hold no secret."""
        entry = trail.write(
            self.connection,
            at=self.at,
            actor=self.actor,
            action=action,
            subject=subject,
            before=before,
            after=after,
        )
        self._entries.append(entry)


class _Rehearsed(Exception):
    """Ends a rehearsal's transaction without keeping it."""
