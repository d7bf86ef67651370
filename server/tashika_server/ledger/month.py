"""Closing a month: is it complete, rate it, freeze it with its statements, enter it.

Rating reads one snapshot and may take a while; freezing is one short transaction that makes
sure nothing has moved since. A frozen month never changes: corrections are adjustments.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from tashika_server.agreements import ids
from tashika_server.agreements.agreement_record import Agreement, agreements
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.parties import verifiers
from tashika_server.agreements.period import Period
from tashika_server.book import Change
from tashika_server.book import accounts as a
from tashika_server.book.plain import canonical
from tashika_server.ledger.billable import BillableTable
from tashika_server.ledger.days import Month
from tashika_server.ledger.document import digest_of
from tashika_server.ledger.errors import MonthFrozen, MonthMoved, NotFrozen
from tashika_server.ledger.rating import Progress, count_usage, rate_month
from tashika_server.ledger.sheet import Sheet
from tashika_server.ledger.statement import (
    Drafted,
    Frame,
    Receipts,
    document_of,
    keep_statements,
)
from tashika_server.ledger.tariff_record import rates
from tashika_server.ledger.tax import TaxCategory
from tashika_server.ledger.watermark import demand_complete

__all__ = [
    "ClosingRules",
    "Draft",
    "FrozenMonth",
    "came_late",
    "draft_month",
    "find_month",
    "freeze_month",
    "frozen_since",
    "months",
    "table_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingRules:
    """What a house closes its months by."""

    table: BillableTable
    tax: TaxCategory
    receipts: Receipts
    operators: Mapping[str, str]
    """The operators of record by the names of their issuers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A month rated and not yet frozen, and what it was rated from."""

    month: Month
    rated_at: datetime
    tariff: str | None
    """The tariff row entered last."""
    table: BillableTable
    usage: int
    """All provisions that the totals counted."""
    statements: tuple[Drafted, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenMonth:
    """A month that never changes again; its digest is over those of its statements."""

    id: str
    fiscal_year: int
    frozen_at: datetime
    frozen_by: str
    caught_up_to: datetime
    """Every journal had been taken in up to here at least."""
    tariff: str | None
    billable: str
    """The version of the table of what is billable; `table_of` returns all of it."""
    provisions: int
    list_yen: int
    waived_yen: int
    due_yen: int
    digest: bytes


def draft_month(
    connection: Connection, month: Month, rules: ClosingRules, *, at: datetime, progress: Progress
) -> Draft:
    """Rate a complete month; MonthFrozen, MonthIncomplete, and what `rate_month` raises.

    Every agreement that was in force in the month, or was used, gets a statement.
    """
    _demand_open(connection, month)
    demand_complete(connection, month, at)
    believed = rates(connection)
    sheets = rate_month(connection, month, rates=believed, table=rules.table, progress=progress)
    frame = Frame(
        month=month, rated_at=at, tax=rules.tax, table=rules.table, operators=rules.operators
    )
    known = {each.id: each for each in verifiers(connection)}
    trees = rules.receipts(connection, month)
    documents = (
        document_of(
            frame,
            sheet,
            agreement,
            known[agreement.verifier],
            trees(agreement.id),
        )
        for agreement, sheet in _with_sheets(agreements(connection), month, sheets)
    )
    return Draft(
        month=month,
        rated_at=at,
        tariff=believed.newest,
        table=rules.table,
        usage=sum(sheet.provisions for sheet in sheets),
        statements=tuple(Drafted(document=each, text=each.text) for each in documents),
    )


def freeze_month(change: Change, draft: Draft) -> FrozenMonth:
    """Freeze a month as it was drafted, with all its statements.

    Raises MonthFrozen, MonthIncomplete, and MonthMoved if it would be rated otherwise by now.
    """
    connection, month = change.connection, draft.month
    _demand_open(connection, month)
    caught_up_to = demand_complete(connection, month, change.at)
    _demand_unmoved(connection, draft)
    totals = [each.document.totals for each in draft.statements]
    connection.execute(
        insert(a.month).values(
            id=str(month),
            frozen_at=change.at,
            frozen_by=change.actor,
            caught_up_to=caught_up_to,
            tariff_id=ids.number(Kind.TARIFF, draft.tariff),
            billable=draft.table.text,
            provisions=draft.usage,
            list_yen=sum(each.list_yen for each in totals),
            waived_yen=sum(each.waived_yen for each in totals),
            due_yen=sum(each.due_yen for each in totals),
            digest=_digest(draft.statements),
        )
    )
    keep_statements(change, draft.statements)
    frozen = find_month(connection, month)
    change.record("month.freeze", frozen.id, before=None, after=frozen)
    return frozen


def find_month(connection: Connection, month: Month) -> FrozenMonth:
    """Look up a frozen month; NotFrozen."""
    for row in connection.execute(select(a.month).where(a.month.c.id == str(month))):
        return _frozen(row)
    raise NotFrozen(
        f"{month} is not frozen",
        rule="what can still change has no statements",
        remedy=f"close it: `tashika-server month close CONFIG {month}`",
    )


def months(connection: Connection) -> tuple[FrozenMonth, ...]:
    """List the frozen months, oldest first."""
    return tuple(map(_frozen, connection.execute(select(a.month).order_by(a.month.c.id))))


def came_late(connection: Connection, frozen: FrozenMonth) -> int:
    """Count the provisions that came in after a month was frozen."""
    return count_usage(connection, Month.read(frozen.id)) - frozen.provisions


def frozen_since(connection: Connection, day: date) -> tuple[str, ...]:
    """Name the frozen months that end after a day: what a change of the past does not reach."""
    query = select(a.month.c.id).where(a.month.c.id >= f"{day:%Y-%m}").order_by(a.month.c.id)
    return tuple(connection.scalars(query))


def table_of(connection: Connection, frozen: FrozenMonth) -> BillableTable:
    """Return the table of what is billable that a month was frozen with."""
    query = select(a.month.c.billable).where(a.month.c.id == frozen.id)
    return BillableTable.from_text(connection.execute(query).scalar_one())


def _demand_open(connection: Connection, month: Month) -> None:
    for row in connection.execute(select(a.month).where(a.month.c.id == str(month))):
        raise MonthFrozen(
            f"{month} was frozen by {row.frozen_by}",
            rule="a month is frozen once, and never changes after that",
            remedy="correct a statement with `tashika-server adjustment add`",
        )


def _demand_unmoved(connection: Connection, draft: Draft) -> None:
    now = (rates(connection).newest, count_usage(connection, draft.month))
    if now != (draft.tariff, draft.usage):
        raise MonthMoved(
            f"usage or tariffs of {draft.month} changed while it was being rated",
            rule="a month is frozen as it was rated",
            remedy="close it again",
        )


def _with_sheets(
    known: Iterable[Agreement], month: Month, sheets: Iterable[Sheet]
) -> Iterator[tuple[Agreement, Sheet]]:
    used = {sheet.agreement: sheet for sheet in sheets}
    for agreement in known:
        if agreement.id in used or _in_force(agreement, month.period):
            yield agreement, used.get(agreement.id) or Sheet(agreement=agreement.id)


def _in_force(agreement: Agreement, period: Period) -> bool:
    activated = agreement.activated_at
    if activated is None or (period.end and activated >= period.end):
        return False
    return any(piece.common(period) for _, piece in agreement.timeline())


def _digest(drafted: Iterable[Drafted]) -> bytes:
    return digest_of(canonical({each.document.agreement: digest_of(each.text) for each in drafted}))


def _frozen(row: Row[Any]) -> FrozenMonth:
    return FrozenMonth(
        id=row.id,
        fiscal_year=Month.read(row.id).fiscal_year,
        frozen_at=row.frozen_at,
        frozen_by=row.frozen_by,
        caught_up_to=row.caught_up_to,
        tariff=ids.label(Kind.TARIFF, row.tariff_id),
        billable=BillableTable.from_text(row.billable).version,
        provisions=row.provisions,
        list_yen=row.list_yen,
        waived_yen=row.waived_yen,
        due_yen=row.due_yen,
        digest=row.digest,
    )
