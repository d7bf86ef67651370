"""The items of a statement, read from the journals again when somebody asks for them.

The book keeps totals only; journals are kept for a time that the operator sets, and after that
there is no detail any more. An item names its certificate by a pseudonym that the verifier alone
can compute.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from tashika.pki.profile import Family
from tashika_server.agreements.terms import Environment, Method
from tashika_server.ledger.billable import TEST, BillableTable, Fact, Rule
from tashika_server.ledger.days import Month, day_of
from tashika_server.ledger.document import Document
from tashika_server.ledger.errors import DetailDiffers
from tashika_server.ledger.month import find_month, table_of
from tashika_server.ledger.sheet import What
from tashika_server.ledger.statement import Statement, statement_document
from tashika_server.ledger.tariff import Provision, Rates
from tashika_server.metering.recount import Item, Span
from tashika_server.metering.usage import Usage, instant

__all__ = ["ItemLine", "Journals", "itemise"]


Journals = Callable[[str, Span], Iterable[Item]]
"""Reads the answers under one agreement in a span from the journals again, in any order.

Raises what `recount.items` does: what came before that is a part, and not to be relied on.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLine:
    """One answer as the statement counts it."""

    at: datetime
    stream: str
    sequence: int
    holder: str
    """The tenant or confirmer; empty for the verifier itself."""
    family: Family
    method: Method
    issuer: str
    purpose: str
    pseudonym: bytes
    standing: str
    occasion: str
    delivery: str
    rule: str
    """The rule of the table that decides whether it is billable."""
    list_yen: int
    due_yen: int


def itemise(connection: Connection, statement: Statement, journals: Journals) -> Iterator[ItemLine]:
    """Read the items of a statement; DetailDiffers at the end unless they are what it counts."""
    document = statement_document(connection, statement)
    month = Month.read(document.month)
    pricing = _Pricing(document, table_of(connection, find_month(connection, month)))
    span = Span(month.begin, month.end)
    for item in journals(document.agreement, span):
        yield pricing.price(item)
    pricing.demand_all_counted()


class _Kind(NamedTuple):
    """What is counted together; the rule is empty for what has a price."""

    what: What
    rule: str
    list_yen: int
    due_yen: int


class _Pricing:
    """Prices items by the statement's own rows, and counts them."""

    def __init__(self, document: Document, table: BillableTable) -> None:
        self._document = document
        self._table = table
        self._rates = Rates(document.tariffs)
        self._counted: Counter[_Kind] = Counter()

    def price(self, item: Item) -> ItemLine:
        usage, context = item.usage, item.usage.context
        what = What(Family(context.family), Method(context.method), context.issuer)
        at = instant(usage.at)
        rule = self._rule(what, usage)
        list_yen = due_yen = 0
        if rule.billable:
            list_yen, due_yen = self._yen(what, at)
        self._counted[_Kind(what, "" if rule.billable else rule.name, list_yen, due_yen)] += 1
        return ItemLine(
            at=at,
            stream=item.stream,
            sequence=usage.sequence,
            holder=context.holder,
            **what._asdict(),
            purpose=context.purpose,
            pseudonym=usage.pseudonym,
            standing=usage.standing.name.lower(),
            occasion=usage.occasion.name.lower(),
            delivery=usage.delivery.name.lower(),
            rule=rule.name,
            list_yen=list_yen,
            due_yen=due_yen,
        )

    def demand_all_counted(self) -> None:
        expected: Counter[_Kind] = Counter()
        for line in self._document.lines:
            expected[_Kind(line.what, "", line.list_price, line.price)] += line.provisions
        for each in self._document.unbilled:
            expected[_Kind(each.what, each.rule, 0, 0)] += each.provisions
        if self._counted != expected:
            raise DetailDiffers(
                f"the journals hold {self._counted.total()} items of {self._document.agreement} "
                f"in {self._document.month}, the statement counts {expected.total()}",
                rule="a statement counts what the journals hold",
                remedy="look at `tashika-server usage reconcile` and "
                f"`tashika-server month difference CONFIG {self._document.month}`",
            )

    def _rule(self, what: What, usage: Usage) -> Rule:
        if self._document.environment is Environment.TEST:
            return TEST
        fact = Fact(what.method, usage.standing, usage.occasion, usage.delivery)
        return self._table.decide(fact)

    def _yen(self, what: What, at: datetime) -> tuple[int, int]:
        party = self._document.verifier
        provision = Provision(
            method=what.method,
            family=what.family,
            issuer=what.issuer,
            category=party.category,
            verifier=party.id,
        )
        rate = self._rates.rate(provision, day_of(at))
        if rate is None:
            raise DetailDiffers(
                f"an item of {day_of(at)} has no price in the statement",
                rule="a statement carries the rows that price its items",
                remedy=f"look at `tashika-server month difference CONFIG {self._document.month}`",
            )
        return rate.list_yen, rate.due_yen
