"""The audit trail: who changed what, when, from what to what, in the order it happened.

An entry is written in the transaction of the change itself and never altered; the tables'
triggers see to that. Entries are numbered without gaps, so that a missing one shows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from tashika_server.book.plain import canonical
from tashika_server.book.tables import audit

__all__ = ["Entry", "entries", "last_number", "write"]


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


def last_number(connection: Connection) -> int:
    """Return the number of the newest entry, 0 for none: it moves with every change."""
    return connection.scalar(select(func.max(audit.c.id))) or 0


def entries(
    connection: Connection, *, subject: str | None = None, after: int = 0
) -> Iterator[Entry]:
    """Read the entries numbered above `after`, oldest first; of one `subject` if given."""
    query = select(audit).where(audit.c.id > after).order_by(audit.c.id)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    for row in connection.execute(query):
        values = row._asdict()
        yield Entry(number=values.pop("id"), **values)


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
    values: dict[str, Any] = {
        "at": at,
        "actor": actor,
        "action": action,
        "subject": subject,
        "before": None if before is None else canonical(before),
        "after": None if after is None else canonical(after),
    }
    entry = Entry(number=last_number(connection) + 1, **values)
    connection.execute(insert(audit).values(id=entry.number, **values))
    return entry
