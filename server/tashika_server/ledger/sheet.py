"""One agreement in one month, rated: lines with prices, what costs nothing, and the days.

Values only; every sum is made of whole yen and whole provisions. `rating` makes sheets,
`statement` freezes them.
"""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from tashika.pki.profile import Family
from tashika_server.agreements.terms import Method
from tashika_server.ledger.billable import Rule
from tashika_server.ledger.tariff import Rate

__all__ = ["DayCount", "Line", "Sheet", "Unbilled", "What"]


class What(NamedTuple):
    """What was provided."""

    family: Family
    method: Method
    issuer: str


class Line(NamedTuple):
    """Provisions of one kind at one price."""

    what: What
    rate: Rate
    provisions: int

    @property
    def list_yen(self) -> int:
        """What they cost at the list price."""
        return self.provisions * self.rate.list_yen

    @property
    def due_yen(self) -> int:
        """What is due for them."""
        return self.provisions * self.rate.due_yen

    @property
    def waived_yen(self) -> int:
        """What is waived of it."""
        return self.list_yen - self.due_yen


class Unbilled(NamedTuple):
    """Provisions that cost nothing, and the rule that says so."""

    what: What
    rule: Rule
    provisions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """How many provisions a day of Japan had."""

    day: date
    billable: int
    unbilled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What an agreement used in a month and what that comes to."""

    agreement: str
    lines: tuple[Line, ...] = ()
    unbilled: tuple[Unbilled, ...] = ()
    days: tuple[DayCount, ...] = ()

    @property
    def list_yen(self) -> int:
        """All of it at the list price."""
        return sum(line.list_yen for line in self.lines)

    @property
    def waived_yen(self) -> int:
        """What is waived."""
        return sum(line.waived_yen for line in self.lines)

    @property
    def due_yen(self) -> int:
        """What is due."""
        return sum(line.due_yen for line in self.lines)

    @property
    def billable(self) -> int:
        """The provisions that have a price, be it 0."""
        return sum(line.provisions for line in self.lines)

    @property
    def provisions(self) -> int:
        """All provisions, billable or not."""
        return self.billable + sum(each.provisions for each in self.unbilled)
