"""Days, months and fiscal years of Japan."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tashika_server.ledger.days import Month, day_of, fiscal_year, hours_of, read_day
from tashika_server.ledger.errors import BadDay

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
dates = st.dates(date(1971, 1, 1), date(2999, 12, 31))


@given(day=dates)
def test_every_hour_lies_in_one_day_of_japan(day: date):
    for hour in hours_of(day):
        begun = EPOCH + timedelta(hours=hour)
        assert day_of(begun) == day_of(begun + timedelta(minutes=59, seconds=59)) == day
    assert hours_of(day)[-1] + 1 == hours_of(day + timedelta(days=1))[0]


@given(day=dates)
def test_months_follow_one_another_without_a_gap(day: date):
    month = Month(day.year, day.month)
    assert day in month.days
    assert month.period.start == day_month_begins(month)
    assert Month.read(str(month)) == month
    after = Month(month.after.year, month.after.month)
    assert after.period.start == month.end
    assert (str(month) < str(after)) is (month < after) is True


def day_month_begins(month: Month) -> datetime:
    return datetime(month.year, month.number, 1, tzinfo=UTC) - timedelta(hours=9)


@pytest.mark.parametrize(
    ("day", "year"),
    [
        (date(2026, 3, 31), 2025),
        (date(2026, 4, 1), 2026),
        (date(2026, 12, 31), 2026),
        (date(2027, 1, 1), 2026),
    ],
)
def test_the_fiscal_year_begins_in_april(day: date, year: int):
    assert fiscal_year(day) == year


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-13", "2026-00", "2026-4", "2026-04-01", "0000-01", "9000-01", "２０２６-04"],  # noqa: RUF001
)
def test_what_is_no_month_is_refused(text: str):
    with pytest.raises(BadDay, match="2026-04"):
        Month.read(text)


def test_what_is_no_day_is_refused():
    assert read_day("2026-04-01") == date(2026, 4, 1)
    for text in ("2026-02-30", "9999-12-31", "0001-01-01", "tomorrow"):
        with pytest.raises(BadDay, match="2026-04-01"):
            read_day(text)
