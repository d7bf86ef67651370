"""Which row prices a provision: against the rule itself, written as a choice among all rows."""

from datetime import date, timedelta
from itertools import product
from operator import attrgetter
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from support.registry import START
from support.strategies import steady
from support.till import FROM, SIGNATURE, USER_AUTH, price
from tashika_server.agreements.act import Category
from tashika_server.agreements.terms import Method
from tashika_server.ledger.tariff import Price, Provision, Rates, Tariff, TariffKind

BANK, COURT = Category.ACCREDITED_VERIFIER, Category.COURT
FOR_GOOD = 6
DAYS = [FROM + timedelta(days=number) for number in range(FOR_GOOD)]
PROVISIONS = [
    Provision(method, family, issuer, category, verifier)
    for method, family, issuer, (category, verifier) in product(
        (Method.OCSP, Method.FILE),
        (SIGNATURE, USER_AUTH),
        ("g2", "g3"),
        ((BANK, "V-000001"), (BANK, "V-000002"), (COURT, "V-000003")),
    )
]


class Entered(NamedTuple):
    """One row, perhaps in place of an earlier one."""

    kind: TariffKind
    party: tuple[Category | None, str | None]
    issuer: str | None
    first: int
    days: int
    yen: int
    instead: int | None


entered = st.builds(
    Entered,
    st.sampled_from(TariffKind),
    st.sampled_from([(None, None), (BANK, None), (COURT, None), (None, "V-000001")]),
    st.sampled_from([None, "g2", "g3"]),
    st.integers(0, 5),
    st.integers(1, FOR_GOOD),
    st.integers(0, 3),
    st.none() | st.integers(0, 7),
)


def rows_of(order: list[Entered]) -> list[Tariff]:
    """Enter what does not meet another row about the same, as the book does."""
    rows: list[Tariff] = []
    for number, each in enumerate(order):
        standing = believed(rows)
        instead = next((row for row in standing if row.id == f"T-{each.instead}"), None)
        said = price_of(each)
        taken = {
            day
            for row in standing
            if row is not instead and row.price.aim == said.aim
            for day in days_of(row.price)
        }
        if taken.isdisjoint(days_of(said)):
            rows.append(
                Tariff(
                    id=f"T-{number}",
                    price=said,
                    entered_by="sato",
                    entered_at=START,
                    supersedes=instead and instead.id,
                )
            )
    return rows


def price_of(each: Entered) -> Price:
    category, verifier = each.party
    first, after = (
        FROM + timedelta(days=number) for number in (each.first, each.first + each.days)
    )
    return price(
        each.yen if each.kind is TariffKind.WAIVER else each.yen + 3,
        kind=each.kind,
        category=category,
        verifier=verifier,
        issuer=each.issuer,
        valid_from=first,
        valid_to=None if each.days == FOR_GOOD else after,
    )


def believed(rows: list[Tariff]) -> list[Tariff]:
    gone = {row.supersedes for row in rows}
    return [row for row in rows if row.id not in gone]


def days_of(said: Price) -> set[date]:
    return {
        day
        for day in DAYS
        if day >= said.valid_from and not (said.valid_to and day >= said.valid_to)
    }


def chosen(rows: list[Tariff], kind: TariffKind, asked: Provision, day: date) -> Tariff | None:
    """Of all that fit, the one that says the most: the party before the issuer."""
    fitting = [
        row
        for row in believed(rows)
        if (row.price.kind, row.price.method, row.price.family)
        == (kind, asked.method, asked.family)
        and row.price.category in {None, asked.category}
        and row.price.verifier in {None, asked.verifier}
        and row.price.issuer in {None, asked.issuer}
        and day in days_of(row.price)
    ]
    said = attrgetter("price.verifier", "price.category", "price.issuer")
    return max(fitting, key=lambda row: [each is not None for each in said(row)], default=None)


@steady
@given(st.lists(entered, max_size=8))
def test_a_provision_costs_what_the_row_says_that_says_the_most(order: list[Entered]) -> None:
    rows = rows_of(order)
    rates = Rates(rows)
    for asked, day in product(PROVISIONS, DAYS):
        listed, waiver = (chosen(rows, kind, asked, day) for kind in TariffKind)
        found = rates.rate(asked, day)
        if listed is None:
            assert found is None
        else:
            assert found == (listed, waiver)
            assert found.due_yen == (waiver or listed).price.yen
