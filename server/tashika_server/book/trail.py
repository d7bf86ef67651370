"""The audit trail: who changed what, when, from what to what, in the order it happened.

An entry is written in the transaction of the change itself and never altered; the tables'
triggers see to that. Entries are numbered without gaps, so that a missing one shows, and each
names the digest of the one before, so that an altered one does too (docs/ledger.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, func, insert, select

from tashika_server.book.plain import canonical, plain
from tashika_server.book.tables import audit

__all__ = ["START", "Entry", "entries", "last_number", "newest", "write"]

START = bytes(32)
"""What the first entry names as the digest of the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of one thing; `before` and `after` are canonical JSON, None where it was not."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: str | None
    after: str | None
    previous: bytes
    """The digest of the entry before."""

    @property
    def line(self) -> str:
        """The entry as it is hashed and exported; docs/ledger.md has the form, for good."""
        return canonical({"kind": "entry", **plain(self)})

    @property
    def digest(self) -> bytes:
        """What the next entry names: SHA-256 of the line."""
        return sha256(self.line.encode()).digest()


# Made once: to put them together takes longer than to run them.
_COLUMNS = [audit.c.id.label("number"), *(audit.c[name] for name in Entry.__slots__[1:])]
_HEAD = select(audit.c.id, audit.c.digest).order_by(audit.c.id.desc()).limit(1)
_ADD = insert(audit)


def last_number(connection: Connection) -> int:
    """Return the number of the newest entry, 0 for none: it moves with every change."""
    return connection.scalar(select(func.max(audit.c.id))) or 0


def newest(connection: Connection) -> Entry | None:
    """Return the newest entry; another one after every change."""
    return next(entries(connection, after=last_number(connection) - 1), None)


def entries(
    connection: Connection,
    *,
    subject: str | None = None,
    after: int = 0,
    last: int | None = None,
) -> Iterator[Entry]:
    """Read the entries above `after`, up to `last`, oldest first; of one `subject` if given."""
    query = select(*_COLUMNS).where(audit.c.id > after).order_by(audit.c.id)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    if last is not None:
        query = query.where(audit.c.id <= last)
    for row in connection.execute(query):
        yield Entry(**row._asdict())


def write(
    connection: Connection,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    before: object | None,
    after: object | None,
) -> Entry:
    """Add an entry about a value object, as it was and as it is now."""
    number, head = connection.execute(_HEAD).one_or_none() or (0, START)
    values: dict[str, Any] = {
        "at": at,
        "actor": actor,
        "action": action,
        "subject": subject,
        "before": None if before is None else canonical(before),
        "after": None if after is None else canonical(after),
        "previous": head,
    }
    entry = Entry(number=number + 1, **values)
    connection.execute(_ADD, {"id": entry.number, "digest": entry.digest, **values})
    return entry
