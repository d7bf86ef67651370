"""What is frozen is corrected by a line with a reason and a second person, or only reported."""

import pytest

from support.till import APRIL, FROM, USER_AUTH, Till, Use, no_progress, price
from tashika_server.agreements.errors import BadScope, NoSuchRecord, SamePerson
from tashika_server.book import accounts as a
from tashika_server.book.trail import entries
from tashika_server.ledger.adjustments import (
    Decision,
    add_adjustment,
    adjustments,
    approve_adjustment,
    reject_adjustment,
)
from tashika_server.ledger.difference import difference_of
from tashika_server.ledger.errors import AdjustmentDecided, BadAdjustment, NotFrozen
from tashika_server.ledger.printed import print_statement
from tashika_server.ledger.statement import find_statement, statements
from tashika_server.ledger.tariff_record import Past, add_tariff
from tashika_server.metering.usage import Delivery

pytestmark = pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)


@pytest.fixture
def frozen(till: Till, agreement) -> Till:
    """April is frozen with three signatures at 20 yen."""
    till.priced(price(20), price(2, family=USER_AUTH))
    till.used(agreement, Use(FROM, 3))
    till.taken_in()
    till.close()
    return till


def due(till: Till) -> int:
    with till.book.reading() as connection:
        statement = find_statement(connection, "M-000001")
        return print_statement(connection, statement).after_adjustments.due_yen


def test_an_adjustment_counts_once_a_second_person_has_approved_it(frozen: Till):
    before = frozen.see(statements)
    added = frozen.do(add_adjustment, "M-000001", yen=-20, reason="answered twice")
    assert due(frozen) == 60
    frozen.actor = "  ＳＡ ＴＯ "  # noqa: RUF001 - the same name in another dress
    with pytest.raises(SamePerson, match="entered J-000001"):
        frozen.do(approve_adjustment, added.id)
    frozen.actor = "suzuki"
    approved = frozen.do(approve_adjustment, added.id)
    assert (approved.entered_by, approved.approved_by, due(frozen)) == ("sato", "suzuki", 40)
    assert frozen.see(statements) == before
    trail = [(each.actor, each.action) for each in frozen.see(lambda c: list(entries(c)))]
    assert trail[-2:] == [("sato", "adjustment.add"), ("suzuki", "adjustment.approve")]


def test_an_adjustment_is_decided_once(frozen: Till):
    frozen.do(add_adjustment, "M-000001", yen=20, reason="x")
    frozen.do(reject_adjustment, "J-000001")
    frozen.actor = "suzuki"
    for decide in (approve_adjustment, reject_adjustment):
        with pytest.raises(AdjustmentDecided, match="rejected by sato"):
            frozen.do(decide, "J-000001")
    assert due(frozen) == 60


@pytest.mark.parametrize(
    ("statement", "yen", "reason", "error"),
    [
        ("M-000001", 0, "x", BadAdjustment),
        ("M-000001", 10**12 + 1, "x", BadAdjustment),
        ("M-000001", 1, " ", BadScope),
        ("M-000002", 1, "x", NoSuchRecord),
        ("S-000001", 1, "x", NoSuchRecord),
    ],
)
def test_an_adjustment_of_nothing_or_without_a_reason_is_refused(
    frozen: Till, statement: str, yen: int, reason: str, error: type[Exception]
):
    with pytest.raises(error):
        frozen.do(add_adjustment, statement, yen=yen, reason=reason)
    assert frozen.see(adjustments) == ()


# --- What it would come to by now -----------------------------------------------------------


def difference(till: Till):
    return till.see(difference_of, APRIL, progress=no_progress)


def test_a_frozen_month_that_would_be_rated_the_same_has_no_difference(frozen: Till):
    assert difference(frozen) == ()


def test_late_usage_and_corrected_prices_show_and_change_nothing(frozen: Till, agreement, bank):
    other = frozen.active(bank, USER_AUTH, environment="test")
    before = frozen.see(statements)
    frozen.used(agreement, Use(FROM, 2), Use(FROM, 4, delivery=Delivery.UNKNOWN))
    frozen.used(other, Use(FROM, 9, family=USER_AUTH))
    frozen.do(add_tariff, price(25), supersedes="T-000001", past=Past.CHANGE)
    first, second = difference(frozen)
    assert (first.statement, first.frozen_yen, first.due_yen, first.open_yen) == (
        "M-000001",
        60,
        125,
        65,
    )
    assert [
        (line.rule, line.frozen_provisions, line.provisions, line.frozen_yen, line.due_yen)
        for line in first.lines
    ] == [("", 3, 5, 60, 125), ("delivery-unknown", 0, 4, 0, 0)]
    assert (second.agreement, second.statement, second.due_yen) == (other.id, None, 0)
    assert frozen.see(statements) == before


def test_what_was_adjusted_is_no_longer_open(frozen: Till, agreement):
    frozen.used(agreement, Use(FROM, 2))
    frozen.do(add_adjustment, "M-000001", yen=40, reason="two came late")
    assert [each.open_yen for each in difference(frozen)] == [40]
    frozen.actor = "suzuki"
    frozen.do(approve_adjustment, "J-000001")
    assert [each.open_yen for each in difference(frozen)] == [0]


def test_what_was_adjusted_shows_where_the_rating_is_the_same(frozen: Till):
    """It was right, or the month before it was not: whoever reads must see it."""
    for yen in (30, -10, 7):
        frozen.do(add_adjustment, "M-000001", yen=yen, reason="for March")
    (waiting,) = difference(frozen)
    assert (waiting.undecided_yen, waiting.adjusted_yen, waiting.open_yen) == (27, 0, 0)
    frozen.actor = "suzuki"
    frozen.do(approve_adjustment, "J-000001")
    frozen.do(approve_adjustment, "J-000002")
    frozen.do(reject_adjustment, "J-000003")
    (found,) = difference(frozen)
    assert (found.frozen_yen, found.due_yen, found.lines) == (60, 60, ())
    assert (found.undecided_yen, found.adjusted_yen, found.open_yen) == (0, 20, -20)
    assert [(each.id, each.state) for each in found.adjustments] == [
        ("J-000001", Decision.APPROVED),
        ("J-000002", Decision.APPROVED),
        ("J-000003", Decision.REJECTED),
    ]


def test_adjustments_that_cancel_out_are_not_hidden(frozen: Till):
    for yen in (30, -30):
        frozen.do(add_adjustment, "M-000001", yen=yen, reason="twice")
    frozen.actor = "suzuki"
    for adjustment in ("J-000001", "J-000002"):
        frozen.do(approve_adjustment, adjustment)
    (found,) = difference(frozen)
    assert (len(found.adjustments), found.adjusted_yen, found.open_yen) == (2, 0, 0)


def test_usage_that_vanished_shows(frozen: Till):
    with frozen.change() as change:
        change.connection.execute(a.usage_total.delete())
    assert [each.open_yen for each in difference(frozen)] == [-60]


def test_there_is_no_difference_of_what_is_not_frozen(till: Till):
    with pytest.raises(NotFrozen):
        difference(till)
