"""The items of a statement, read from the journals again, are those that it counts."""

from datetime import datetime, timedelta

import pytest

from support.till import APRIL, FROM, ISSUERS, SIGNATURE, Till, Use, price
from tashika_server.ledger.detail import ItemLine, itemise
from tashika_server.ledger.errors import DetailDiffers
from tashika_server.ledger.statement import find_statement
from tashika_server.ledger.tariff import TariffKind
from tashika_server.metering.recount import Item, Span
from tashika_server.metering.usage import Context, Delivery, Occasion, StandingCode, Usage

pytestmark = pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)

EPOCH = APRIL.begin
CONTEXT = Context(
    verifier="V-000001",
    holder="",
    agreement="A-000001",
    version=1,
    family="signature",
    issuer=ISSUERS[SIGNATURE],
    fingerprint=bytes(32),
    method="ocsp",
    purpose="",
)


def answer(sequence: int, at: datetime = EPOCH, occasion: Occasion = Occasion.FRESH) -> Item:
    usage = Usage(
        sequence=sequence,
        context=CONTEXT,
        standing=StandingCode.GOOD,
        occasion=occasion,
        delivery=Delivery.HANDED_OVER,
        generation=1,
        pseudonym=sequence.to_bytes(16, "big"),
        at=round(at.timestamp() * 1_000_000),
    )
    return Item("ab" * 16, usage)


JOURNALLED = [
    answer(0),
    answer(1, occasion=Occasion.RETRY),
    answer(2, EPOCH + timedelta(days=15) - timedelta(microseconds=1)),
    answer(3, EPOCH + timedelta(days=15)),
]


@pytest.fixture
def frozen(till: Till, agreement) -> Till:
    """Three billable answers and a retry; from the 16th there is a waiver of 15 yen."""
    waiver = price(5, kind=TariffKind.WAIVER, valid_from=FROM + timedelta(days=15))
    till.priced(price(20), waiver)
    till.used(
        agreement,
        Use(FROM),
        Use(FROM, occasion=Occasion.RETRY),
        Use(FROM + timedelta(days=14)),
        Use(FROM + timedelta(days=15)),
    )
    till.taken_in()
    till.close()
    return till


def items(till: Till, journalled: list[Item]) -> list[ItemLine]:
    def journals(agreement: str, span: Span) -> list[Item]:
        assert (agreement, span) == ("A-000001", Span(APRIL.begin, APRIL.end))
        return journalled

    with till.book.reading() as connection:
        return list(itemise(connection, find_statement(connection, "M-000001"), journals))


def test_every_item_has_its_price_and_the_rule(frozen: Till):
    found = items(frozen, JOURNALLED)
    assert [(each.sequence, each.rule, each.list_yen, each.due_yen) for each in found] == [
        (0, "provision", 20, 20),
        (1, "retry", 0, 0),
        (2, "provision", 20, 20),
        (3, "provision", 20, 5),
    ]
    assert (found[0].at, found[0].pseudonym, found[0].holder) == (EPOCH, bytes(16), "")
    assert found[3].at == EPOCH + timedelta(days=15)


@pytest.mark.parametrize(
    "journalled",
    [
        JOURNALLED[:-1],
        [*JOURNALLED, answer(4)],
        [*JOURNALLED[1:], answer(4, occasion=Occasion.RETRY)],
        [],
    ],
)
def test_items_that_are_not_what_the_statement_counts_are_told(frozen: Till, journalled):
    with pytest.raises(DetailDiffers, match="the statement counts 4") as told:
        items(frozen, journalled)
    assert "month difference CONFIG 2026-04" in told.value.remedy
