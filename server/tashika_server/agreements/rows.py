"""The statements that every kind of record needs: find, list, add, alter.

Whoever adds or alters leaves the entry in the audit trail with the same call, so that neither
happens without the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Table, select, update

from tashika_server.agreements import ids
from tashika_server.agreements.ids import Kind
from tashika_server.book import Change

__all__ = ["Rows"]


class _Record(Protocol):
    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=_Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(Generic[R]):
    """One kind of record, a row each."""

    kind: Kind
    table: Table
    read: Callable[[Row[Any]], R]
    owner: Kind = Kind.VERIFIER
    """What it belongs to, by a column such as `verifier_id`."""

    def find(self, connection: Connection, record_id: str) -> R:
        """Look one up; NoSuchRecord."""
        row = ids.number(self.kind, record_id)
        for found in connection.execute(select(self.table).where(self.table.c.id == row)):
            return self.read(found)
        raise ids.missing(self.kind, record_id)

    def list(
        self, connection: Connection, owner_id: str | None = None, *which: ColumnElement[bool]
    ) -> tuple[R, ...]:
        """List those of one owner, or all, in the order they were added."""
        query = select(self.table).where(*which).order_by(self.table.c.id)
        if owner_id is not None:
            column = self.table.c[f"{self.owner.name.lower()}_id"]
            query = query.where(column == ids.number(self.owner, owner_id))
        return tuple(map(self.read, connection.execute(query)))

    def add(self, change: Change, action: str, /, **values: Any) -> R:
        """Insert a row, enter it into the trail and return it as it now reads."""
        row = change.insert(self.table, values)
        added = self.find(change.connection, ids.label(self.kind, row))
        change.record(action, added.id, before=None, after=added)
        return added

    def alter(self, change: Change, action: str, before: R, /, **values: Any) -> R:
        """Update some columns, enter that into the trail and return it as it now reads."""
        row = ids.number(self.kind, before.id)
        change.connection.execute(update(self.table).where(self.table.c.id == row).values(**values))
        after = self.find(change.connection, before.id)
        change.record(action, after.id, before=before, after=after)
        return after
