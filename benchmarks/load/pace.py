"""When questions are asked: as soon as a line is free, or at moments fixed beforehand.

With fixed moments, latency runs from the moment itself. A service that stalls thus delays every
question that was due meanwhile, whether or not it could be sent: nothing is omitted.
"""

from collections.abc import Iterator
from enum import StrEnum
from itertools import count
from random import Random
from typing import Protocol

__all__ = ["Arrivals", "Closed", "Open", "Pace", "moments"]

SECOND = 1_000_000_000


class Arrivals(StrEnum):
    """How moments follow on each other: as callers bring it about, or as a clock does."""

    POISSON = "poisson"
    EVEN = "even"


class Pace(Protocol):
    """Says when the next question is due. Times are nanoseconds of one clock."""

    due: int
    """When; nought for at once."""

    def take(self, now: int) -> int:
        """Return when the question that is asked now was meant to be, and go on to the next."""
        ...


class Closed:
    """A new question for every answer, which shows how much the service can do."""

    due = 0

    def take(self, now: int) -> int:
        """Return the moment of asking itself."""
        return now


class Open:
    """Questions at their moments, whatever comes of them; shows how long callers wait."""

    def __init__(self, moments: Iterator[int]) -> None:
        self._next = moments.__next__
        self.due = self._next()

    def take(self, now: int) -> int:
        """Return the moment that was due, however late it is asked."""
        del now
        due, self.due = self.due, self._next()
        return due


def moments(rate: float, arrivals: Arrivals, *, begin: int, seed: int) -> Iterator[int]:
    """Give the moments of so many questions a second on average, for ever."""
    if arrivals is Arrivals.EVEN:
        return (begin + round(number * SECOND / rate) for number in count())
    return _independent(rate / SECOND, begin, Random(seed))


def _independent(rate: float, begin: int, chance: Random) -> Iterator[int]:
    at = float(begin)
    while True:
        yield int(at)
        at += chance.expovariate(rate)
