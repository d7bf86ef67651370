"""When each source is due next: a steady pace when it is well, back-off when it is not.

Knows no clock: `now` is a monotonic time in seconds, and chance is given.
"""

from collections.abc import Hashable, Iterable
from datetime import timedelta
from random import Random
from typing import Generic, TypeVar

__all__ = ["Schedule"]

K = TypeVar("K", bound=Hashable)

SPREAD = 0.2
"""A turn comes up to a fifth early, so that thousands of sources do not come at once."""
FIRST_RETRY_SECONDS = 5.0
"""A source that failed is asked again soon, then twice as late each time, up to its turn."""


class Schedule(Generic[K]):
    """The turns of all sources; a new source is due at once."""

    def __init__(self, sources: Iterable[K], *, every: timedelta, random: Random) -> None:
        self._every = every.total_seconds()
        self._random = random
        self._due = dict.fromkeys(sources, float("-inf"))
        self._failures = dict.fromkeys(self._due, 0)

    def due(self, now: float) -> list[K]:
        """Return whose turn has come."""
        return [source for source, turn in self._due.items() if turn <= now]

    def pause(self, now: float) -> float:
        """Return the seconds until the next turn, 0 if one has come."""
        return max(0.0, min(self._due.values(), default=float("inf")) - now)

    def went_well(self, source: K, now: float) -> None:
        """Give a source its next turn, within `every`."""
        self._failures[source] = 0
        self._turn(source, now, self._every)

    def went_wrong(self, source: K, now: float) -> None:
        """Give a source that failed its next turn, the sooner the fewer its failures."""
        failures = self._failures[source]
        self._failures[source] = failures + 1
        self._turn(source, now, min(self._every, FIRST_RETRY_SECONDS * 2.0 ** min(failures, 32)))

    def _turn(self, source: K, now: float, pause: float) -> None:
        self._due[source] = now + pause * (1 - SPREAD * self._random.random())
