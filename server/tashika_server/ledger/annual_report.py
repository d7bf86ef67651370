"""Makes the yearly report on what was provided, from the totals or from the journals again.

A pure reading, the same whenever it is made once the year is complete, and the same from either.
What the report says is in `annual_form`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple
from datetime import date, datetime
from enum import StrEnum
from itertools import product
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, cast, func, select

from tashika.pki.profile import Family
from tashika_server.agreements.act import Category
from tashika_server.agreements.agreement_record import agreements
from tashika_server.agreements.parties import verifiers
from tashika_server.agreements.terms import Environment, Method
from tashika_server.book import accounts as a
from tashika_server.ledger.annual_form import (
    AnnualReport,
    Figures,
    ReportLine,
    ReportSum,
    Service,
)
from tashika_server.ledger.days import Month, hours_of
from tashika_server.ledger.errors import ReportDiffers, UnknownUsage
from tashika_server.ledger.watermark import demand_complete, obstacles
from tashika_server.metering.contexts import context_of, known_among
from tashika_server.metering.counting import Like
from tashika_server.metering.usage import Context, Delivery, Occasion, StandingCode

__all__ = ["Recount", "Years", "annual_report", "demand_borne_out", "recounted"]

Recount = Callable[[Month], Mapping[Like, int]]
"""Counts a month's answers in the journals again; raises if it cannot find all of them."""


class Years(StrEnum):
    """Of which years a report is made. The default refuses one of which something may come."""

    COMPLETE = "complete"
    ANY = "any"


SERVICES = {
    Method.OCSP: Service.INFORMATION,
    Method.STATUS_API: Service.INFORMATION,
    Method.FILE: Service.FILES,
    Method.CORRESPONDING: Service.NUMBERS,
}


def annual_report(
    connection: Connection,
    year: int,
    *,
    operators: Mapping[str, str],
    at: datetime,
    years: Years = Years.COMPLETE,
) -> AnnualReport:
    """Report on the fiscal year that begins on 1 April of `year`, in Japan, from the totals.

    Raises MonthIncomplete, unless `years` allows any, and UnknownUsage.
    """
    march = Month(year + 1, 3)
    if years is Years.COMPLETE:
        demand_complete(connection, march, at)
    tally = _Tally(connection, operators)
    for month in _months(year):
        for context, codes, answers in _totals(connection, month):
            tally.add(context, codes, answers)
    return tally.report(year, interim=bool(obstacles(connection, march, at)))


def recounted(connection: Connection, report: AnnualReport, recount: Recount) -> AnnualReport:
    """Make the same report from the journals; what the book leaves out is left out here."""
    tally = _Tally(connection, report.operators)
    for month in _months(report.fiscal_year):
        counts = recount(month)
        known = known_among(connection, {like.context for like in counts})
        for (_, context, *codes), answers in counts.items():
            if context in known:
                tally.add(context, _Codes(*codes), answers)
    return tally.report(report.fiscal_year, interim=report.interim)


def demand_borne_out(report: AnnualReport, recount: AnnualReport) -> None:
    """Raise ReportDiffers with every line that two reports do not have in common."""
    before, after = ({_group(each): each.figures for each in of.lines} for of in (report, recount))
    differing = [
        f"{', '.join(group)}: {_sum(before.get(group))} are reported and "
        f"{_sum(after.get(group))} journalled"
        for group in sorted(before.keys() | after.keys())
        if before.get(group) != after.get(group)
    ]
    if differing:
        raise ReportDiffers(
            "\n".join(differing),
            rule="a report says what the journals say",
            remedy="look at `tashika-server usage reconcile`",
        )


def _sum(figures: Figures | None) -> str:
    return "none" if figures is None else "+".join(map(str, astuple(figures)))


# --- Reading --------------------------------------------------------------------------------


class _Codes(NamedTuple):
    standing: int
    occasion: int
    delivery: int


def _months(year: int) -> Iterator[Month]:
    yield from (Month(year, number) for number in range(4, 13))
    yield from (Month(year + 1, number) for number in range(1, 4))


def _totals(connection: Connection, month: Month) -> Iterator[tuple[Context, _Codes, int]]:
    """Add up the hours of a month."""
    contexts = {row.id: context_of(row) for row in connection.execute(select(a.usage_context))}
    total = a.usage_total.c
    kind = (total.context_id, total.standing, total.occasion, total.delivery)
    days = tuple(month.days)
    within = total.hour.between(hours_of(days[0])[0], hours_of(days[-1])[-1])
    # PostgreSQL adds BIGINTs up to a NUMERIC, which would reach us as a Decimal.
    answers = cast(func.sum(total.count), BigInteger)
    for context, *codes, count in connection.execute(
        select(*kind, answers).where(within).group_by(*kind)
    ):
        yield contexts[context], _Codes(*codes), count


# --- Adding up ------------------------------------------------------------------------------


class _Group(NamedTuple):
    family: Family
    method: Method
    issuer: str
    category: Category


def _group(line: ReportLine) -> _Group:
    return _Group(line.family, line.method, line.issuer, line.category)


class _Tally:
    """Adds up a year, in any order."""

    def __init__(self, connection: Connection, operators: Mapping[str, str]) -> None:
        self._operators = operators
        self._categories = {each.id: each.category for each in verifiers(connection)}
        self._tests = {
            each.id for each in agreements(connection) if each.environment is Environment.TEST
        }
        self._counts: dict[_Group, Counter[str]] = defaultdict(Counter)

    def add(self, context: Context, codes: _Codes, answers: int) -> None:
        """Add answers of one kind; those of the test environment provide nothing."""
        if context.agreement in self._tests:
            return
        try:
            family, method, column = Family(context.family), Method(context.method), _column(codes)
        except ValueError as unknown:
            raise UnknownUsage(
                f"what was counted has a code without a name: {unknown}",
                rule="what is counted has a name",
                remedy="report with the program that took the journals in, or a newer one",
            ) from None
        group = _Group(family, method, context.issuer, self._categories[context.verifier])
        self._counts[group][column] += answers

    def report(self, year: int, *, interim: bool) -> AnnualReport:
        """Write down what has been added up."""
        # Article 41 speaks of each of the three for both families: nought is said, too.
        spoken_of = product((Family.SIGNATURE, Family.USER_AUTH), Service)
        sums: dict[tuple[Family, Service], Counter[str]] = {each: Counter() for each in spoken_of}
        for group, counts in self._counts.items():
            sums.setdefault((group.family, SERVICES[group.method]), Counter()).update(counts)
        return AnnualReport(
            fiscal_year=year,
            first=date(year, 4, 1),
            last=date(year + 1, 3, 31),
            interim=interim,
            sums=tuple(
                ReportSum(family=family, service=service, figures=Figures(**counts))
                for (family, service), counts in sorted(sums.items(), key=_of_the_act)
            ),
            lines=tuple(
                ReportLine(**group._asdict(), figures=Figures(**counts))
                for group, counts in sorted(self._counts.items())
            ),
            operators={
                issuer: operator
                for issuer, operator in sorted(self._operators.items())
                if issuer in {group.issuer for group in self._counts}
            },
        )


def _of_the_act(summed: tuple[tuple[Family, Service], object]) -> tuple[Family, int]:
    """Sort as the Act names them: information, files, numbers."""
    (family, service), _ = summed
    return family, tuple(Service).index(service)


def _column(codes: _Codes) -> str:
    """Name the figure that these belong to; ValueError for a code without a name."""
    standing, occasion = StandingCode(codes.standing), Occasion(codes.occasion)
    delivery = Delivery(codes.delivery)
    if delivery is not Delivery.HANDED_OVER:
        return "uncertain" if delivery is Delivery.UNKNOWN else "undelivered"
    if standing is StandingCode.UNKNOWN:
        return "unknown"
    return "repeated" if occasion in {Occasion.RETRY, Occasion.REPLAY} else "provided"
