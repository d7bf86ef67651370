"""Days that the law counts in Japan's time: ends of validity and the move-out timer.

Instants in and out are aware and in UTC; days are days of Japan.
"""

import calendar
from datetime import UTC, date, datetime, time, timedelta, timezone

__all__ = [
    "JST",
    "authority_end",
    "day_in_japan",
    "holder_end",
    "move_out_lapse",
    "within_renewal_window",
]

JST = timezone(timedelta(hours=9), "JST")

AUTHORITY_YEARS = 10
RENEWAL_MONTHS = 3
MOVE_OUT_DAYS = 30


def day_in_japan(at: datetime) -> date:
    """Return the day it is in Japan at that instant."""
    return at.astimezone(JST).date()


def holder_end(birth: date, *, at: datetime, renews: datetime | None = None) -> datetime:
    """Return when a certificate issued `at` runs out: 23:59:59 JST on a birthday.

    The fifth birthday after the day of issue; the sixth where it renews a certificate that
    runs out, at `renews`, within three months (user terms section 5).
    """
    issued_on = day_in_japan(at)
    passed = _birthday(birth, issued_on.year) <= issued_on
    birthdays = 6 if renews and within_renewal_window(renews, at=at) else 5
    return _end_of_day(_birthday(birth, issued_on.year + birthdays - (not passed)))


def within_renewal_window(not_after: datetime, *, at: datetime) -> bool:
    """Tell whether less than three months of validity are left (user terms section 6)."""
    return day_in_japan(at) > _months_before(day_in_japan(not_after), RENEWAL_MONTHS)


def authority_end(at: datetime) -> datetime:
    """Return when a CA key generation of `at` runs out: the eve of its tenth anniversary."""
    began = day_in_japan(at)
    return _end_of_day(_birthday(began, began.year + AUTHORITY_YEARS) - timedelta(days=1))


def move_out_lapse(planned: date) -> datetime:
    """Return the instant when 30 days have passed since the planned day of a move-out.

    Act art. 31(ii). The planned day itself does not count (Civil Code art. 140), so the
    thirtieth day ends with the midnight that begins the thirty-first.
    """
    return datetime.combine(planned + timedelta(days=MOVE_OUT_DAYS + 1), time(), JST).astimezone(
        UTC
    )


def _end_of_day(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), JST).astimezone(UTC)


def _birthday(birth: date, year: int) -> date:
    # Born on 29 February: the 28th in other years, as the card's own expiry is printed. No
    # public JPKI text says it for certificates.
    leap = (birth.month, birth.day) == (2, 29) and not calendar.isleap(year)
    return date(year, 2, 28) if leap else birth.replace(year=year)


def _months_before(day: date, months: int) -> date:
    whole = day.year * 12 + day.month - 1 - months
    year, month = whole // 12, whole % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
