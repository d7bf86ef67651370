"""What columns of the book are made of: ids, instants, references, rules of a row.

`tables` and `accounts` declare with them, in one metadata. Nothing here is a table.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    Table,
    TypeDecorator,
    text,
)

__all__ = ["Instant", "may", "metadata", "need", "of", "one_open", "only", "row_id"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """A moment as microseconds since 1970 in UTC: the same and exact on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        """Refuse a time without a zone: it would mean another moment on another machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time for the book must be aware")
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        """Give it back aware and in UTC."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


metadata = MetaData(
    naming_convention={
        "ix": "%(column_0_N_label)s_ix",
        "uq": "%(table_name)s_%(column_0_N_name)s_uq",
        "ck": "%(table_name)s_%(constraint_name)s_ck",
        "fk": "%(table_name)s_%(column_0_N_name)s_fk",
        "pk": "%(table_name)s_pk",
    }
)


def row_id() -> Column[int]:
    """Have the primary key."""
    # The book numbers rows itself, densely, so that a rehearsal foretells the number.
    return Column("id", BigInteger, primary_key=True, autoincrement=False)


def of(table: str, *, optional: bool = False, name: str | None = None) -> Column[int]:
    """Refer to a row of a table."""
    key = ForeignKey(f"{table}.id")
    return Column(name or f"{table}_id", BigInteger, key, nullable=optional)


def need(name: str, kind: Any) -> Column[Any]:
    """Have a value that every row has."""
    return Column(name, kind, nullable=False)


def may(name: str, kind: Any) -> Column[Any]:
    """Have a value that a row may lack."""
    return Column(name, kind, nullable=True)


def only(name: str, rule: str) -> CheckConstraint:
    """Keep out rows that break a rule."""
    return CheckConstraint(rule, name=name)


def one_open(name: str, table: Table, *columns: str, while_null: str) -> Index:
    """Allow one row for these columns while another column has no value yet."""
    still_open = text(f"{while_null} IS NULL")
    return Index(
        name,
        *(table.c[column] for column in columns),
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
