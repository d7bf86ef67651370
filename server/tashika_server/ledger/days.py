"""Days, months and fiscal years of Japan, and the whole hours that usage is counted in.

Japan is nine hours ahead of UTC all year, so an hour lies in one day. The fiscal year begins on
1 April (Local Autonomy Act art. 208, Public Finance Act art. 11).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from tashika_server.agreements.period import JST, YEARS, Period, day_begins
from tashika_server.ledger.errors import BadDay

__all__ = ["DAY", "Month", "day_of", "fiscal_year", "hours_of", "read_day"]

APRIL = 4
DECEMBER = 12
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month of Japan."""

    year: int
    number: int

    @classmethod
    def read(cls, text: str) -> "Month":
        """Read `2026-04`; BadDay."""
        form = _MONTH.fullmatch(text)
        year, number = (int(form[1]), int(form[2])) if form else (0, 0)
        if not (YEARS[0] <= year < YEARS[1] and 1 <= number <= DECEMBER):
            raise BadDay(
                f"{text!r} is no month",
                rule="a month is a year and a number",
                remedy="write for example 2026-04",
            )
        return cls(year, number)

    @property
    def first(self) -> date:
        """The first day."""
        return date(self.year, self.number, 1)

    @property
    def after(self) -> date:
        """The first day of the next month."""
        return date(self.year + self.number // DECEMBER, self.number % DECEMBER + 1, 1)

    @property
    def days(self) -> Iterator[date]:
        """All its days."""
        return (self.first + number * DAY for number in range((self.after - self.first).days))

    @property
    def begin(self) -> datetime:
        """The instant at which it begins."""
        return day_begins(self.first)

    @property
    def end(self) -> datetime:
        """The instant at which it is over."""
        return day_begins(self.after)

    @property
    def period(self) -> Period:
        """The instants that lie in it."""
        return Period(self.begin, self.end)

    @property
    def fiscal_year(self) -> int:
        """The fiscal year it belongs to."""
        return fiscal_year(self.first)

    def __str__(self) -> str:
        """Write it as `2026-04`."""
        return f"{self.year:04}-{self.number:02}"


def day_of(at: datetime) -> date:
    """Return the day of Japan that an instant lies in."""
    return at.astimezone(JST).date()


def hours_of(day: date) -> range:
    """Return the hours of a day, counted from 1970 in UTC."""
    first = (day_begins(day) - EPOCH) // HOUR
    return range(first, first + DAY // HOUR)


def fiscal_year(day: date) -> int:
    """Return the year in which the fiscal year of a day begins."""
    return day.year if day.month >= APRIL else day.year - 1


def read_day(text: str) -> date:
    """Read `2026-04-01`; BadDay."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not YEARS[0] <= day.year < YEARS[1]:
        raise BadDay(
            f"{text!r} is no day",
            rule="a day is a year, a month and a day of Japan",
            remedy="write for example 2026-04-01",
        )
    return day
