"""Stretches of time that begin and may end; half-open, aware, in UTC.

Days of Japan become instants in `days` and nowhere else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone

from tashika_server.agreements.errors import BadPeriod

__all__ = ["JST", "Period", "day_begins", "gaps", "years_later"]

YEARS = (1970, 9000)
"""Beyond them, times of Japan and microseconds since 1970 cannot be told any more."""
JST = timezone(timedelta(hours=9), "JST")


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` until before `end`; None is without end. BadPeriod if the end comes first."""

    start: datetime
    end: datetime | None = None

    def __post_init__(self) -> None:
        if any(not YEARS[0] <= at.year <= YEARS[1] for at in (self.start, self.end) if at):
            raise BadPeriod(
                "a year is out of all reason",
                rule="the years {} to {}".format(*YEARS),
                remedy="correct the year; leave an end out for none",
            )
        if self.end is not None and self.end <= self.start:
            raise BadPeriod(
                f"the end {_text(self.end)} is not after the start {_text(self.start)}",
                rule="a period ends after it begins",
                remedy="give a later end or an earlier start",
            )

    @classmethod
    def days(cls, first: date, last: date | None) -> "Period":
        """Make the period of whole days in Japan, the last one included."""
        end = None if last is None else day_begins(last + timedelta(days=1))
        return cls(day_begins(first), end)

    def covers(self, at: datetime) -> bool:
        """Tell whether the instant lies within."""
        return self.start <= at and (self.end is None or at < self.end)

    def can_end(self, at: datetime) -> bool:
        """Tell whether it may be made to end at the instant, having begun before."""
        return self.start < at and self.covers(at)

    def cut(self, end: datetime | None) -> "Period | None":
        """Return the part before `end`, None if there is none; all of it if `end` is None."""
        if end is None or (self.end is not None and self.end <= end):
            return self
        return None if end <= self.start else Period(self.start, end)

    def common(self, other: "Period") -> "Period | None":
        """Return the part that both share, None if there is none."""
        later = max(self, other, key=_begin)
        return later.cut(self.end if later is other else other.end)

    def __str__(self) -> str:
        """Write it for a person in Japan."""
        return f"{_text(self.start)} to {'no end' if self.end is None else _text(self.end)}"


def gaps(covered: Iterable[Period], within: Period) -> tuple[Period, ...]:
    """List what is left of `within` when everything `covered` is taken out, in order."""
    found = []
    start = within.start
    for part in sorted((p for c in covered if (p := c.common(within))), key=_begin):
        if part.start > start:
            found.append(Period(start, part.start))
        if part.end is None:
            return tuple(found)
        start = max(start, part.end)
    if within.end is None or start < within.end:
        found.append(Period(start, within.end))
    return tuple(found)


def years_later(at: datetime, years: int) -> datetime:
    """Return the end of a term of whole calendar years in Japan (Civil Code art. 143)."""
    start = at.astimezone(JST)
    try:
        end = start.replace(year=start.year + years)
    except ValueError:  # from 29 February: the term fills the February it ends in
        end = start.replace(year=start.year + years, month=3, day=1)
    return end.astimezone(UTC)


def day_begins(day: date) -> datetime:
    """Return the instant at which a day begins in Japan."""
    return datetime.combine(day, time(), JST).astimezone(UTC)


def _begin(period: Period) -> datetime:
    return period.start


def _text(at: datetime) -> str:
    return at.astimezone(JST).strftime("%Y-%m-%d %H:%M JST")
