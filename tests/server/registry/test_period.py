"""Periods and days of Japan; gaps and overlaps against counting hours one by one."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tashika_server.agreements.errors import BadPeriod
from tashika_server.agreements.period import Period, day_begins, gaps, years_later

ZERO = datetime(2026, 4, 1, tzinfo=UTC)
HOURS = 24


def hour(n: int) -> datetime:
    return ZERO + timedelta(hours=n)


@st.composite
def periods(draw: st.DrawFn) -> Period:
    start = draw(st.integers(0, HOURS - 1))
    end = draw(st.none() | st.integers(start + 1, HOURS))
    return Period(hour(start), None if end is None else hour(end))


def hours(*which: Period) -> set[int]:
    return {n for n in range(HOURS + 3) if any(each.covers(hour(n)) for each in which)}


@given(periods(), periods())
def test_the_common_part_is_what_both_cover(one: Period, other: Period):
    both = one.common(other)
    assert both == other.common(one)
    assert hours(*filter(None, [both])) == hours(one) & hours(other)


@given(periods(), st.none() | st.integers(0, HOURS + 1))
def test_a_cut_keeps_what_lies_before(period: Period, at: int | None):
    kept = period.cut(None if at is None else hour(at))
    before = set(range(HOURS + 3)) if at is None else set(range(at))
    assert hours(*filter(None, [kept])) == hours(period) & before


@given(st.lists(periods(), max_size=5), periods())
def test_gaps_are_what_nothing_covers(covered: list[Period], within: Period):
    left = gaps(covered, within)
    assert hours(*left) == hours(within) - hours(*covered)
    assert all(a.end < b.start for a, b in pairwise(left))


@pytest.mark.parametrize("end", [0, -1])
def test_an_end_before_a_start_is_refused(end: int):
    with pytest.raises(BadPeriod, match="not after the start 2026-04-01 09:00 JST"):
        Period(hour(0), hour(end))


@pytest.mark.parametrize("year", [1, 1969, 9001, 9999])
def test_a_year_out_of_all_reason_is_refused(year: int):
    with pytest.raises(BadPeriod, match="1970 to 9000"):
        Period(datetime(year, 6, 1, tzinfo=UTC))


def test_days_are_whole_days_of_japan():
    april = Period.days(date(2026, 4, 1), date(2026, 4, 30))
    assert april == Period(
        datetime(2026, 3, 31, 15, tzinfo=UTC), datetime(2026, 4, 30, 15, tzinfo=UTC)
    )
    assert Period.days(date(2026, 4, 1), None).end is None
    with pytest.raises(BadPeriod):
        Period.days(date(2026, 4, 2), date(2026, 4, 1))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 4, 1), date(2027, 4, 1)),
        (date(2024, 2, 29), date(2025, 3, 1)),
        (date(2023, 3, 1), date(2024, 3, 1)),
    ],
)
def test_a_year_is_a_calendar_year_of_japan(start: date, end: date):
    assert years_later(day_begins(start), 1) == day_begins(end)
