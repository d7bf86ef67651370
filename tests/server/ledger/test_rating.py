"""Rating: it adds up, whatever the order of arrival, and days are days of Japan."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.till import APRIL, FROM, SIGNATURE, USER_AUTH, Till, Use, no_progress, price
from tashika_server.agreements.terms import Environment, Method
from tashika_server.book import Change, Mode
from tashika_server.book import accounts as a
from tashika_server.ledger.annual_report import Years, annual_report
from tashika_server.ledger.days import Month
from tashika_server.ledger.errors import BadTariff, UnknownUsage
from tashika_server.ledger.rating import count_usage, rate_month
from tashika_server.ledger.sheet import Sheet
from tashika_server.ledger.statement import Frame, document_of
from tashika_server.ledger.tariff import TariffKind
from tashika_server.ledger.tariff_record import Past, add_tariff, rates
from tashika_server.ledger.tax import TaxCategory
from tashika_server.metering.usage import Delivery, Occasion, StandingCode

DAY = timedelta(days=1)
LATE = date(2026, 4, 30)
EARLY = date(2026, 4, 1)

days = st.dates(date(2026, 3, 30), date(2026, 5, 2))
uses = st.builds(
    Use,
    day=days,
    count=st.integers(1, 10**9),
    hour=st.sampled_from([0, 8, 9, 23]),
    family=st.sampled_from([SIGNATURE, USER_AUTH]),
    method=st.just(Method.OCSP),
    standing=st.sampled_from(StandingCode),
    occasion=st.sampled_from(Occasion),
    delivery=st.sampled_from(Delivery),
)


def rate(till: Till, change: Change, month: Month = APRIL) -> tuple[Sheet, ...]:
    return rate_month(
        change.connection,
        month,
        rates=rates(change.connection),
        table=till.table,
        progress=no_progress,
    )


def rated(till: Till, month: Month = APRIL) -> tuple[Sheet, ...]:
    with till.change() as change:
        return rate(till, change, month)


@pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)
class TestEverySum:
    """Against a reckoning of the test's own, one answer after the other."""

    @settings(
        max_examples=20,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        used=st.lists(uses, max_size=12),
        shuffled=st.randoms(use_true_random=False),
        risen=st.dates(date(2026, 4, 2), LATE),
        waived=st.dates(EARLY, LATE),
    )
    def test_it_adds_up_and_the_order_of_arrival_is_irrelevant(
        self, *, till: Till, agreement, bank, used, shuffled, risen, waived
    ):
        documents = []
        for arrival in (used, _in_pieces(used, shuffled)):
            with till.change(Mode.REHEARSE) as change:
                for each in _prices(risen, waived):
                    add_tariff(change, each, past=Past.CHANGE)
                till.use(change, agreement, arrival)
                sheets = rate(till, change)
                counted = count_usage(change.connection, APRIL)
            (sheet,) = sheets or (Sheet(agreement=agreement.id),)
            frame = Frame(
                month=APRIL, rated_at=till.at, tax=TaxCategory(), table=till.table, operators={}
            )
            documents.append(document_of(frame, sheet, agreement, bank, None))
        assert documents[0].text == documents[1].text
        documents[0].demand_sound()
        april = [use for use in used if use.day.month == 4]
        priced = [_yen(use, risen, waived) for use in april if _is_billable(use)]
        totals = documents[0].totals
        assert totals.list_yen == sum(listed for listed, _ in priced)
        assert totals.due_yen == sum(due for _, due in priced)
        assert totals.waived_yen == totals.list_yen - totals.due_yen
        assert totals.provisions == counted == sum(use.count for use in april)
        assert totals.billable == sum(use.count for use in april if _is_billable(use))


def _in_pieces(used: list[Use], shuffled) -> list[Use]:
    """The same answers, each in two instalments, in another order."""
    pieces = [use._replace(count=part) for use in used for part in _halves(use.count)]
    shuffled.shuffle(pieces)
    return pieces


def _halves(count: int) -> list[int]:
    return [part for part in (count // 2, count - count // 2) if part]


def _prices(risen: date, waived: date):
    yield price(20, valid_to=risen)
    yield price(25, valid_from=risen)
    yield price(2, family=USER_AUTH)
    yield price(1, family=USER_AUTH, kind=TariffKind.WAIVER, valid_from=waived)


def _yen(use: Use, risen: date, waived: date) -> tuple[int, int]:
    if use.family is SIGNATURE:
        each = 25 if use.day >= risen else 20
        return use.count * each, use.count * each
    return use.count * 2, use.count * (1 if use.day >= waived else 2)


def _is_billable(use: Use) -> bool:
    return (
        use.standing in {StandingCode.GOOD, StandingCode.REVOKED, StandingCode.HELD}
        and use.occasion in {Occasion.FRESH, Occasion.CACHED}
        and use.delivery is Delivery.HANDED_OVER
    )


# --- Borders --------------------------------------------------------------------------------


def test_a_tariff_changes_at_midnight_in_japan(till: Till, agreement):
    till.priced(price(20, valid_to=date(2026, 4, 15)), price(30, valid_from=date(2026, 4, 15)))
    till.used(agreement, Use(date(2026, 4, 14), 5, hour=23), Use(date(2026, 4, 15), 7, hour=0))
    (sheet,) = rated(till)
    assert [(line.rate.list_yen, line.provisions) for line in sheet.lines] == [(20, 5), (30, 7)]


def test_a_fiscal_year_changes_at_midnight_in_japan(till: Till, agreement):
    till.priced(price(20, valid_from=date(2026, 3, 1)))
    till.used(agreement, Use(date(2026, 3, 31), 5, hour=23), Use(date(2026, 4, 1), 7, hour=0))
    march = Month(2026, 3)
    assert [sheet.provisions for month in (march, APRIL) for sheet in rated(till, month)] == [5, 7]
    assert (march.fiscal_year, APRIL.fiscal_year) == (2025, 2026)


def test_the_answers_of_the_test_environment_cost_nothing_and_need_no_price(till: Till, bank):
    trial = till.active(bank, SIGNATURE, environment=Environment.TEST)
    till.used(trial, Use(FROM, 4))
    (sheet,) = rated(till)
    assert [(each.rule.name, each.provisions) for each in sheet.unbilled] == [("test", 4)]


def test_a_code_without_a_name_refuses(till: Till, agreement):
    till.priced(price())
    till.used(agreement, Use(FROM, standing=99))
    with pytest.raises(UnknownUsage, match=r"A-000001.*99"):
        rated(till)


@pytest.mark.parametrize("column", ["method", "family"])
def test_a_word_without_a_meaning_refuses_its_own_month_and_no_other(
    till: Till, agreement, column: str
):
    till.priced(price(20))
    till.used(agreement, Use(EARLY, 1))
    with till.change() as change:
        change.connection.execute(a.usage_context.update().values({column: "to come"}))
    with pytest.raises(UnknownUsage, match="'to come' is not a valid"):
        rated(till)
    with pytest.raises(UnknownUsage, match="'to come' is not a valid"):
        till.see(annual_report, 2026, operators={}, at=till.at, years=Years.ANY)
    assert rated(till, Month(2026, 5)) == ()


def test_a_waiver_above_its_price_refuses(till: Till, agreement):
    till.priced(price(2), price(3, kind=TariffKind.WAIVER))
    till.used(agreement, Use(FROM))
    with pytest.raises(BadTariff, match="the waiver T-000002 of 3 yen is above"):
        rated(till)


def test_sums_beyond_32_bits_stay_whole(till: Till, agreement):
    till.priced(price(1_000_000))
    till.used(agreement, Use(FROM, 10**11), Use(FROM, 10**11, hour=3))
    (sheet,) = rated(till)
    assert (sheet.due_yen, type(sheet.due_yen)) == (2 * 10**17, int)
