"""What a frozen month would come to if it were rated now: a report, never a change.

Usage may arrive late and tariffs may be corrected for the past; the statements stay, and what
they got wrong is made good by adjustments. Each of these is told, also of a statement that would
be rated the same: it may make good what another month got wrong.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from tashika.pki.profile import Family
from tashika_server.agreements.terms import Method
from tashika_server.ledger.adjustments import Adjustment, Decision, adjustments
from tashika_server.ledger.days import Month
from tashika_server.ledger.document import Document
from tashika_server.ledger.month import find_month, table_of
from tashika_server.ledger.rating import Progress, rate_month
from tashika_server.ledger.sheet import Sheet, What
from tashika_server.ledger.statement import Statement, statement_document, statements
from tashika_server.ledger.tariff_record import rates

__all__ = ["Difference", "LineDifference", "difference_of"]

BILLABLE = ""
"""Stands for the rule of what has a price; all other rules have a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDifference:
    """One kind of provision, as frozen and as it is now."""

    family: Family
    method: Method
    issuer: str
    rule: str
    """Why it costs nothing; empty where it has a price."""
    frozen_provisions: int
    provisions: int
    frozen_yen: int
    due_yen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One agreement whose statement would read otherwise by now, or was adjusted."""

    agreement: str
    statement: str | None
    """None if it had none."""
    frozen_yen: int
    due_yen: int
    adjustments: tuple[Adjustment, ...]
    """All of the statement, undecided and rejected ones too."""
    lines: tuple[LineDifference, ...]

    @property
    def adjusted_yen(self) -> int:
        """What approved adjustments have made good already."""
        return self._yen(Decision.APPROVED)

    @property
    def undecided_yen(self) -> int:
        """What adjustments would make good that wait for a second person."""
        return self._yen(Decision.OPEN)

    @property
    def open_yen(self) -> int:
        """What is still to be adjusted; below 0 it is owed to the verifier."""
        return self.due_yen - self.frozen_yen - self.adjusted_yen

    def _yen(self, state: Decision) -> int:
        return sum(each.yen for each in self.adjustments if each.state is state)


def difference_of(
    connection: Connection, month: Month, *, progress: Progress
) -> tuple[Difference, ...]:
    """Rate a frozen month anew, by today's totals and tariffs, and tell what would change.

    Goes by the table of what is billable that the month was frozen with. Raises NotFrozen,
    StatementAltered, and what `rate_month` raises.
    """
    table = table_of(connection, find_month(connection, month))
    sheets = rate_month(connection, month, rates=rates(connection), table=table, progress=progress)
    now = {sheet.agreement: _of_sheet(sheet) for sheet in sheets}
    frozen = {each.agreement: each for each in statements(connection, month=month)}
    return tuple(_differences(connection, frozen, now))


class _Amount(NamedTuple):
    provisions: int = 0
    yen: int = 0


_Amounts = dict[tuple[What, str], _Amount]
"""By what was provided and the rule; one that has a price may be on several lines."""


def _differences(
    connection: Connection, frozen: Mapping[str, Statement], now: Mapping[str, _Amounts]
) -> Iterator[Difference]:
    adjusted = defaultdict[str, list[Adjustment]](list)
    for each in adjustments(connection):
        adjusted[each.statement].append(each)
    for agreement in sorted(frozen.keys() | now.keys()):
        statement = frozen.get(agreement)
        before = _of_document(statement_document(connection, statement)) if statement else {}
        after = now.get(agreement, {})
        ours = tuple(adjusted[statement.id]) if statement else ()
        if ours or before != after:
            yield Difference(
                agreement=agreement,
                statement=statement.id if statement else None,
                frozen_yen=sum(each.yen for each in before.values()),
                due_yen=sum(each.yen for each in after.values()),
                adjustments=ours,
                lines=tuple(_lines(before, after)),
            )


def _lines(before: _Amounts, after: _Amounts) -> Iterator[LineDifference]:
    for what, rule in sorted(before.keys() | after.keys()):
        was, now = (each.get((what, rule), _Amount()) for each in (before, after))
        if was != now:
            yield LineDifference(
                **what._asdict(),
                rule=rule,
                frozen_provisions=was.provisions,
                provisions=now.provisions,
                frozen_yen=was.yen,
                due_yen=now.yen,
            )


def _of_sheet(sheet: Sheet) -> _Amounts:
    return _added(
        *((line.what, BILLABLE, line.provisions, line.due_yen) for line in sheet.lines),
        *((each.what, each.rule.name, each.provisions, 0) for each in sheet.unbilled),
    )


def _of_document(document: Document) -> _Amounts:
    return _added(
        *((line.what, BILLABLE, line.provisions, line.due_yen) for line in document.lines),
        *((each.what, each.rule, each.provisions, 0) for each in document.unbilled),
    )


def _added(*lines: tuple[What, str, int, int]) -> _Amounts:
    sums: _Amounts = {}
    for what, rule, provisions, yen in lines:
        had = sums.get((what, rule), _Amount())
        sums[what, rule] = _Amount(had.provisions + provisions, had.yen + yen)
    return sums
