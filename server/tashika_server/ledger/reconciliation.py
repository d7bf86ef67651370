"""Journalled, ingested, rated: the same by verifier and day, or there is something to look into.

The first two are `metering.recount`'s; what a frozen month's statements say comes beside them.
The verifier's own count, by its receipts, is the SDK's (`tashika usage compare`).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from tashika_server.ledger.days import Month
from tashika_server.ledger.month import months
from tashika_server.ledger.statement import rated_by_day
from tashika_server.metering.recount import Reckoned

__all__ = ["Reconciled", "with_rated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """The answers of one verifier in one day of Japan, on their way from journal to statement."""

    day: date
    verifier: str
    journalled: int
    ingested: int
    rated: int | None
    """None while its month is not frozen."""

    @property
    def difference(self) -> int:
        """Above 0 if the totals have less than the journals."""
        return self.journalled - self.ingested

    @property
    def unrated(self) -> int:
        """Above 0 if the statements say less than the totals; 0 while there are none."""
        return 0 if self.rated is None else self.ingested - self.rated


def with_rated(
    connection: Connection, rows: Iterable[Reckoned], first: date, last: date
) -> tuple[Reconciled, ...]:
    """Put what the statements say beside what was journalled and ingested; StatementAltered.

    From the first to the last day, also of those of which statements alone know.
    """
    counted = {(each.day, each.verifier): each for each in rows}
    frozen = {
        each.id for each in months(connection) if f"{first:%Y-%m}" <= each.id <= f"{last:%Y-%m}"
    }
    rated: Counter[tuple[date, str]] = Counter()
    for each in frozen:
        rated.update(rated_by_day(connection, Month.read(each)))
    stated = {key for key in rated if first <= key[0] <= last}
    return tuple(
        Reconciled(
            day=day,
            verifier=verifier,
            journalled=found.journalled if found else 0,
            ingested=found.ingested if found else 0,
            rated=rated[day, verifier] if f"{day:%Y-%m}" in frozen else None,
        )
        for day, verifier in sorted(counted.keys() | stated)
        for found in [counted.get((day, verifier))]
    )
