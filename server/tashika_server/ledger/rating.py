"""Rating: the usage of a month, priced day by day, one sheet for each agreement.

A pure reading of totals, tariffs and the table of what is billable: no order of arrival shows
in it, and nothing is written.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Row, cast, func, select

from tashika.pki.profile import Family
from tashika_server.agreements import ids
from tashika_server.agreements.act import Category
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.terms import Environment, Method
from tashika_server.book import accounts as a
from tashika_server.book import tables as t
from tashika_server.ledger.billable import TEST, BillableTable, Fact, Rule
from tashika_server.ledger.days import Month, hours_of
from tashika_server.ledger.errors import UnknownUsage
from tashika_server.ledger.holes import Holes
from tashika_server.ledger.sheet import DayCount, Line, Sheet, Unbilled, What
from tashika_server.ledger.tariff import Provision, Rate, Rates
from tashika_server.metering.usage import Delivery, Occasion, StandingCode

__all__ = ["Progress", "count_usage", "rate_month"]

Progress = Callable[[int, int], None]
"""Is told how many steps of how many are done."""


def rate_month(
    connection: Connection,
    month: Month,
    *,
    rates: Rates,
    table: BillableTable,
    progress: Progress,
) -> tuple[Sheet, ...]:
    """Rate all usage of a month; a sheet for each agreement that has some, in order.

    Raises TariffHole with all that has no price (T39), UnknownUsage and BadTariff.
    """
    contexts = _contexts(connection)
    asker_of = cache(lambda number: _asker(contexts[number]))
    tallies: dict[str, _Tally] = defaultdict(_Tally)
    holes = Holes()
    days = tuple(month.days)
    for done, day in enumerate(days):
        progress(done, len(days))
        for context, codes, count in _usage(connection, day):
            asker = asker_of(context)
            rule = _rule(table, asker, codes)
            tally = tallies[asker.agreement]
            tally.days[day, rule.billable] += count
            if not rule.billable:
                tally.add_unbilled(asker.what, rule, count)
            elif rate := rates.rate(asker.provision, day):
                tally.add_priced(asker.what, rate, count)
            else:
                holes.add(asker.provision, day)
    progress(len(days), len(days))
    holes.demand_none()
    return tuple(tally.sheet(agreement) for agreement, tally in sorted(tallies.items()))


def count_usage(connection: Connection, month: Month) -> int:
    """Count all usage of a month. Totals only ever grow: the same count is the same usage."""
    days = tuple(month.days)
    within = a.usage_total.c.hour.between(hours_of(days[0])[0], hours_of(days[-1])[-1])
    return connection.scalar(select(_COUNTED).where(within)) or 0


# --- Reading --------------------------------------------------------------------------------

_COUNTED = cast(func.sum(a.usage_total.c.count), BigInteger)
"""PostgreSQL adds BIGINTs up to a NUMERIC, which would reach us as a Decimal."""


class _Codes(NamedTuple):
    standing: int
    occasion: int
    delivery: int


class _Asker(NamedTuple):
    """What a row of contexts is about."""

    agreement: str
    environment: Environment
    provision: Provision

    @property
    def what(self) -> What:
        return What(self.provision.family, self.provision.method, self.provision.issuer)


def _contexts(connection: Connection) -> Mapping[int, Row[Any]]:
    query = (
        select(a.usage_context, t.verifier.c.category, t.agreement.c.environment)
        .join(t.verifier, a.usage_context.c.verifier_id == t.verifier.c.id)
        .join(t.agreement, a.usage_context.c.agreement_id == t.agreement.c.id)
    )
    return {row.id: row for row in connection.execute(query)}


def _asker(row: Row[Any]) -> _Asker:
    agreement = ids.label(Kind.AGREEMENT, row.agreement_id)
    try:
        method, family = Method(row.method), Family(row.family)
    except ValueError as unknown:
        raise _nameless(agreement, unknown) from None
    return _Asker(
        agreement,
        Environment(row.environment),
        Provision(
            method=method,
            family=family,
            issuer=row.issuer,
            category=Category(row.category),
            verifier=ids.label(Kind.VERIFIER, row.verifier_id),
        ),
    )


def _usage(connection: Connection, day: date) -> Iterator[tuple[int, _Codes, int]]:
    """Add up the hours of a day: context, codes and count."""
    hours = hours_of(day)
    total = a.usage_total.c
    kind = (total.context_id, total.standing, total.occasion, total.delivery)
    within = total.hour.between(hours[0], hours[-1])
    for context, *codes, count in connection.execute(
        select(*kind, _COUNTED).where(within).group_by(*kind)
    ):
        yield context, _Codes(*codes), count


def _rule(table: BillableTable, asker: _Asker, codes: _Codes) -> Rule:
    if asker.environment is Environment.TEST:
        return TEST
    try:
        fact = Fact(
            asker.provision.method,
            StandingCode(codes.standing),
            Occasion(codes.occasion),
            Delivery(codes.delivery),
        )
    except ValueError as unknown:
        raise _nameless(asker.agreement, unknown) from None
    return table.decide(fact)


def _nameless(agreement: str, unknown: ValueError) -> UnknownUsage:
    return UnknownUsage(
        f"the totals of {agreement} have a code without a name: {unknown}",
        rule="what is counted has a name",
        remedy="close the month with the program that took the journals in, or a newer one",
    )


# --- Adding up ------------------------------------------------------------------------------


class _Tally:
    """Adds up one agreement, in any order."""

    def __init__(self) -> None:
        self.days: Counter[tuple[date, bool]] = Counter()
        self._priced: Counter[tuple[What, str, str]] = Counter()
        self._unbilled: Counter[tuple[What, str]] = Counter()
        # Kept by name: to hash whole rows and rules would be most of the work.
        self._rates: dict[tuple[str, str], Rate] = {}
        self._rules: dict[str, Rule] = {}

    def add_priced(self, what: What, rate: Rate, count: int) -> None:
        rows = (rate.listed.id, rate.waiver.id if rate.waiver else "")
        self._rates[rows] = rate
        self._priced[what, *rows] += count

    def add_unbilled(self, what: What, rule: Rule, count: int) -> None:
        self._rules[rule.name] = rule
        self._unbilled[what, rule.name] += count

    def sheet(self, agreement: str) -> Sheet:
        return Sheet(
            agreement=agreement,
            lines=tuple(
                Line(what, self._rates[listed, waiver], count)
                for (what, listed, waiver), count in sorted(self._priced.items())
            ),
            unbilled=tuple(
                Unbilled(what, self._rules[rule], count)
                for (what, rule), count in sorted(self._unbilled.items())
            ),
            days=tuple(
                DayCount(day=day, billable=self.days[day, True], unbilled=self.days[day, False])
                for day in sorted({day for day, _ in self.days})
            ),
        )
