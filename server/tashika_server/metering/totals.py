"""The totals of usage: how many answers of each kind in each hour; rows of the book.

Added to by the intake alone. Not for prices (`ledger`), nor for single answers (`recount`).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite

from tashika_server.book.accounts import usage_context, usage_total
from tashika_server.metering.alarms import left_out
from tashika_server.metering.contexts import context_of, context_rows
from tashika_server.metering.counting import Like
from tashika_server.metering.usage import Context, Delivery, Occasion, StandingCode

__all__ = ["Total", "add_totals", "hour_of", "sums", "totals"]

HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Total(NamedTuple):
    """So many answers of one kind."""

    hour: int
    context: Context
    standing: StandingCode
    occasion: Occasion
    delivery: Delivery
    answers: int


def hour_of(at: datetime) -> int:
    """Return the hour that an instant lies in."""
    return (at - EPOCH) // HOUR


def add_totals(
    connection: Connection, stream: str, counts: Mapping[Like, int]
) -> frozenset[Context]:
    """Add what was counted in a stream; in the transaction that moves its cursor past it.

    Returns whose answers are in the totals now: all but those of strangers that are to be left
    out of this stream. Raises Stranger for others.
    """
    contexts = {like.context for like in counts}
    without = left_out(connection, stream) if contexts else frozenset()
    rows = context_rows(connection, contexts, left_out=without)
    columns = usage_total.c.keys()
    values = [
        dict(zip(columns, (like.hour, rows[like.context], *like[2:], count), strict=True))
        for like, count in counts.items()
        if like.context in rows
    ]
    if values:
        connection.execute(_adding(connection.dialect.name), values)
    return frozenset(contexts & rows.keys())


def totals(connection: Connection, *which: ColumnElement[bool]) -> Iterator[Total]:
    """Read what has been counted, or some of it, in the order of the hours."""
    counted = usage_total.c.count.label("answers")  # a row has a method of the other name
    query = select(usage_total, counted, usage_context).join(usage_context).where(*which)
    for row in connection.execute(query.order_by(*usage_total.primary_key)):
        yield _total(row)


def sums(connection: Connection, *which: ColumnElement[bool]) -> Iterator[Total]:
    """Add up what has been counted in several hours; the first of them stands for all."""
    codes = (usage_total.c.standing, usage_total.c.occasion, usage_total.c.delivery)
    added = (
        func.min(usage_total.c.hour).label("hour"),
        cast(func.sum(usage_total.c.count), BigInteger).label("answers"),
    )
    kinds = (*usage_context.c, *codes)
    query = select(*kinds, *added).join_from(usage_total, usage_context).where(*which)
    for row in connection.execute(query.group_by(*kinds).order_by(*kinds)):
        yield _total(row)


def _total(row: Row[Any, *tuple[Any, ...]]) -> Total:
    return Total(
        row.hour,
        context_of(row),
        StandingCode(row.standing),
        Occasion(row.occasion),
        Delivery(row.delivery),
        row.answers,
    )


def _adding(dialect: str) -> Any:
    statement: Any = _INSERT[dialect](usage_total)
    return statement.on_conflict_do_update(
        index_elements=list(usage_total.primary_key),
        set_={"count": usage_total.c.count + statement.excluded.count},
    )
