"""Tariffs as values: what one provision costs on a day, and which row says so.

Rows say for whom and from which day until before which; a waiver is a row of its own beside
the list price, so that both show. What was entered when is in `tariff_record`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from tashika.pki.profile import Family
from tashika_server.agreements.act import Category
from tashika_server.agreements.terms import Method
from tashika_server.ledger.days import DAY
from tashika_server.ledger.errors import BadTariff

__all__ = ["Aim", "Price", "Provision", "Rate", "Rates", "Tariff", "TariffKind"]


class TariffKind(StrEnum):
    """What a row's amount is."""

    LIST = "list"
    """The price as published."""
    WAIVER = "waiver"
    """What is due instead, while the price is waived in whole or in part (0 for all of it)."""


class Aim(NamedTuple):
    """What a row is about. Of two rows with one aim, only one may be in force on a day."""

    kind: TariffKind
    method: Method
    family: Family
    category: Category | None
    verifier: str | None
    issuer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The content of a row; the days are days of Japan."""

    method: Method
    family: Family
    kind: TariffKind
    payee: str
    """Whose income the fee is: the operator's, or an issuer's."""
    yen: int
    legal_basis: str
    approval: str
    """Where the amount was approved, such as the number of the decision."""
    valid_from: date
    valid_to: date | None = None
    """The first day no longer; None is without end."""
    category: Category | None = None
    """Only for verifiers of one category; None is all."""
    verifier: str | None = None
    """Only for one verifier; None is all."""
    issuer: str | None = None
    """Only for one issuer's certificates; None is all."""
    note: str = ""

    @property
    def aim(self) -> Aim:
        """What it is about."""
        return Aim(self.kind, self.method, self.family, self.category, self.verifier, self.issuer)

    @property
    def valid_last(self) -> date | None:
        """The last day on which it is in force; None is without end."""
        return None if self.valid_to is None else self.valid_to - DAY

    def covers(self, day: date) -> bool:
        """Tell whether it is in force on the day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def meets(self, other: "Price") -> bool:
        """Tell whether both are in force on some day."""
        return (other.valid_to is None or self.valid_from < other.valid_to) and (
            self.valid_to is None or other.valid_from < self.valid_to
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """A row: what it says, who entered it when, and which row it took the place of."""

    id: str
    price: Price
    entered_by: str
    entered_at: datetime
    supersedes: str | None = None


class Provision(NamedTuple):
    """What is to be priced, for whom."""

    method: Method
    family: Family
    issuer: str
    category: Category
    verifier: str


class Rate(NamedTuple):
    """The rows that price a provision on a day."""

    listed: Tariff
    waiver: Tariff | None

    @property
    def list_yen(self) -> int:
        """The list price of one provision."""
        return self.listed.price.yen

    @property
    def due_yen(self) -> int:
        """What is due for one provision."""
        return self.list_yen if self.waiver is None else self.waiver.price.yen


class Rates:
    """The rows believed at one time: those entered by then that none of them supersedes.

    `entered` is all of them in the order in which they were entered.
    """

    def __init__(self, entered: Iterable[Tariff]) -> None:
        entered = tuple(entered)
        gone = {row.supersedes for row in entered}
        self.rows = tuple(row for row in entered if row.id not in gone)
        self.newest = entered[-1].id if entered else None
        """The id of the row entered last; with it the same rows can be believed again."""
        self._by_aim: dict[Aim, list[Tariff]] = defaultdict(list)
        for row in self.rows:
            self._by_aim[row.price.aim].append(row)

    def with_aim(self, aim: Aim) -> tuple[Tariff, ...]:
        """List the rows about exactly this, on whatever days."""
        return tuple(self._by_aim.get(aim, ()))

    def rate(self, provision: Provision, day: date) -> Rate | None:
        """Find what a provision costs on a day, None if no list price says so.

        The most specific row wins: one for the verifier before one for its category before one
        for all; of two that are alike in this, one for the issuer before one for all issuers.
        Raises BadTariff if a waiver is above the price that it waives.
        """
        listed = self._find(TariffKind.LIST, provision, day)
        if listed is None:
            return None
        rate = Rate(listed, self._find(TariffKind.WAIVER, provision, day))
        if rate.waiver and rate.due_yen > rate.list_yen:
            raise BadTariff(
                f"on {day} the waiver {rate.waiver.id} of {rate.due_yen} yen is above "
                f"the list price {listed.id} of {rate.list_yen} yen",
                rule="a waiver lowers a price",
                remedy=f"correct one with `tariff add --supersedes {rate.waiver.id}`",
            )
        return rate

    def _find(self, kind: TariffKind, provision: Provision, day: date) -> Tariff | None:
        for aim in _aims(kind, provision):
            for row in self._by_aim.get(aim, ()):
                if row.price.covers(day):
                    return row
        return None


def _aims(kind: TariffKind, provision: Provision) -> Iterator[Aim]:
    """List what a row may be about to apply, the most specific first."""
    method, family, issuer, category, verifier = provision
    for group, one in ((None, verifier), (category, None), (None, None)):
        for whose in (issuer, None):
            yield Aim(kind, method, family, group, one, whose)
