from datetime import UTC, date, datetime, timedelta

import pytest

from tashika_server.lab.days import (
    authority_end,
    holder_end,
    move_out_lapse,
    within_renewal_window,
)

SECOND = timedelta(seconds=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("birth", "at", "end"),
    [
        (date(1980, 6, 15), utc(2026, 4, 1, 3), utc(2030, 6, 15, 14, 59, 59)),
        (date(1980, 3, 15), utc(2026, 4, 1, 3), utc(2031, 3, 15, 14, 59, 59)),
        # On the birthday itself: the fifth one *after* the day of issue.
        (date(1980, 4, 1), utc(2026, 4, 1, 3), utc(2031, 4, 1, 14, 59, 59)),
        # 14:59:59Z is still the eve in Japan, 15:00:00Z the birthday.
        (date(1980, 4, 2), utc(2026, 4, 1, 14, 59, 59), utc(2030, 4, 2, 14, 59, 59)),
        (date(1980, 4, 2), utc(2026, 4, 1, 15), utc(2031, 4, 2, 14, 59, 59)),
        # Born on a leap day: 28 February in other years.
        (date(1980, 2, 29), utc(2026, 4, 1, 3), utc(2031, 2, 28, 14, 59, 59)),
        (date(1980, 2, 29), utc(2023, 4, 1, 3), utc(2028, 2, 29, 14, 59, 59)),
    ],
)
def test_validity_ends_with_the_fifth_birthday_in_japan(
    birth: date, at: datetime, end: datetime
) -> None:
    assert holder_end(birth, at=at) == end


def test_a_renewal_in_the_last_three_months_lasts_to_the_sixth_birthday() -> None:
    birth, ends = date(1980, 6, 15), utc(2026, 6, 15, 14, 59, 59)
    early, just = utc(2026, 3, 15, 14, 59, 59), utc(2026, 3, 15, 15)
    assert not within_renewal_window(ends, at=early)
    assert within_renewal_window(ends, at=just)
    assert holder_end(birth, at=early, renews=ends) == utc(2030, 6, 15, 14, 59, 59)
    assert holder_end(birth, at=just, renews=ends) == utc(2031, 6, 15, 14, 59, 59)


def test_a_window_that_would_begin_on_a_day_that_does_not_exist() -> None:
    ends = utc(2026, 5, 31, 14, 59, 59)  # three months before: the last of February
    assert not within_renewal_window(ends, at=utc(2026, 2, 28, 14))
    assert within_renewal_window(ends, at=utc(2026, 2, 28, 15))


def test_a_ca_ends_on_the_eve_of_its_tenth_anniversary_in_japan() -> None:
    assert authority_end(utc(2015, 10, 20, 2, 40, 28)) == utc(2025, 10, 19, 14, 59, 59)
    assert authority_end(utc(2019, 9, 14, 23, 41, 59)) == utc(2029, 9, 14, 14, 59, 59)


def test_thirty_days_are_over_when_the_thirtieth_ends_in_japan() -> None:
    assert move_out_lapse(date(2026, 5, 1)) == utc(2026, 5, 31, 15)
