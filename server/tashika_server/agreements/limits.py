"""How much a verifier may ask: a token bucket and a cap for each day of Japan.

All workers of one machine draw on one row of a small shared file; several machines each grant
the whole limit. So that the common case needs no lock, a worker draws a little ahead, and what
workers may so hold is taken off the bucket's size beforehand. Therefore never more than
`burst + rate x time` leaves, whatever the workers do, and a rested bucket lets at least 7/8 of
its burst through one worker at once.

Not durable: after a power cut buckets are full and the day is counted from nought.
"""

import fcntl
import hashlib
import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum, auto
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple

__all__ = ["LIMITS_FILE", "Allowance", "Bucket", "Buckets", "Short", "Shortage"]

LIMITS_FILE = "limits.1"
"""In the run directory; the number is that of the layout of a row."""

MAX_BUCKETS = 65_536
"""Rows of the shared file: three times what 10,000 agreements with a limited tenant each need."""

AHEAD = 8
"""All workers together hold at most one part in so many of a burst ahead."""

_JST = timezone(timedelta(hours=9))
_ROW = Struct("<8sddqq")  # key; tokens left, and when that was; day of Japan, and used on it
_NEW_ROWS = MAX_BUCKETS * _ROW.size
"""A byte past the rows: whoever locks it may add one."""


class Short(Enum):
    """What ran out."""

    RATE = auto()
    DAY = auto()


class Shortage(NamedTuple):
    """Why nothing was taken, and in how many seconds asking again may help."""

    what: Short
    retry_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one agreement or credential may take."""

    rate: float
    """Statuses a second."""
    burst: int
    daily: int | None
    most: int
    """The most that is ever taken at once; at most `burst`."""


class Bucket:
    """What one agreement or credential has left. Not for several threads."""

    def __init__(self, buckets: "Buckets", row: int, allowance: Allowance) -> None:
        self.allowance = allowance
        burst, workers = allowance.burst, buckets.workers
        self._ahead = min(burst // (AHEAD * workers), (burst - allowance.most) // workers)
        self._size = burst - self._ahead * workers
        self._buckets = buckets
        self._row = row
        self._held = self._held_on = 0

    def take(self, wanted: int, at: datetime) -> Shortage | None:
        """Take `wanted` statuses or none of them; returns what is short."""
        today = self._buckets.today(at)
        if self._held >= wanted and self._held_on == today:
            self._held -= wanted
            return None
        return self._draw(wanted, today, at)

    def give_back(self, taken: int) -> None:
        """Undo the last take: another limit stood in the way."""
        row = self._buckets.lock(self._row)
        row.left = min(self._size, row.left + taken)
        row.used -= taken
        self._buckets.unlock(self._row, row)

    def _draw(self, wanted: int, today: int, at: datetime) -> Shortage | None:
        if self._held_on != today:  # what was drawn on another day counts for that one
            self._held, self._held_on = 0, today
        short, allowance = wanted - self._held, self.allowance
        row = self._buckets.lock(self._row)
        try:
            row.refill(self._buckets.monotonic(), size=self._size, rate=allowance.rate)
            row.open_day(today)
            drawn = short + self._ahead
            if allowance.daily is not None:
                drawn = min(drawn, allowance.daily - row.used)
            if drawn < short:
                return Shortage(Short.DAY, self._buckets.rest_of_day(at))
            if row.left < short:
                return Shortage(Short.RATE, (short - row.left) / allowance.rate)
            drawn = min(drawn, int(row.left))
            row.left -= drawn
            row.used += drawn
        finally:
            self._buckets.unlock(self._row, row)
        self._held += drawn - wanted
        return None


class _Row:
    """One bucket's row as it is between lock and unlock."""

    __slots__ = ("day", "key", "left", "since", "used")

    def __init__(self, raw: tuple[Any, ...]) -> None:
        self.key: bytes
        self.left: float
        self.since: float
        self.day: int
        self.used: int
        self.key, self.left, self.since, self.day, self.used = raw

    def refill(self, now: float, *, size: int, rate: float) -> None:
        # A time ahead of ours is from before the machine was started anew.
        elapsed = now - self.since if self.since <= now else float("inf")
        self.left = min(float(size), self.left + elapsed * rate)
        self.since = now

    def open_day(self, day: int) -> None:
        if day > self.day:  # a clock put back past midnight opens no second day
            self.day, self.used = day, 0


class Buckets:
    """The shared file with every bucket of this machine.

    Each process opens it for itself, and once: closing a file ends all locks that its process
    has on it. A lock is held for one row and a microsecond, and ends with a process that dies.
    """

    def __init__(self, path: Path, *, workers: int, monotonic: Callable[[], float]) -> None:
        """Open or make the file; `workers` is how many processes share it."""
        self.workers = workers
        self.monotonic = monotonic
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, _NEW_ROWS)
        self._map = mmap.mmap(self._file, _NEW_ROWS)
        self._buckets: dict[str, Bucket] = {}
        self._today = 0
        self._day_begins = self._day_ends = datetime.max.replace(tzinfo=UTC)

    def bucket(self, name: str, allowance: Allowance) -> Bucket:
        """Find the bucket of an agreement or credential, full if it is new.

        Raises OSError when the file has no row left.
        """
        bucket = self._buckets.get(name)
        if bucket is None or bucket.allowance != allowance:
            row = self._find_row(hashlib.sha256(name.encode()).digest()[:8])
            bucket = self._buckets[name] = Bucket(self, row, allowance)
        return bucket

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()
        os.close(self._file)

    def today(self, at: datetime) -> int:
        """Return the number of the day in Japan, which keeps no summer time, at `at`."""
        if not self._day_begins <= at < self._day_ends:
            begins = at.astimezone(_JST).replace(hour=0, minute=0, second=0, microsecond=0)
            self._today = begins.toordinal()
            # In UTC again: comparing across zones takes ten times as long.
            self._day_begins = begins.astimezone(UTC)
            self._day_ends = self._day_begins + timedelta(days=1)
        return self._today

    def rest_of_day(self, at: datetime) -> float:
        """Return the seconds until the day that `today` was last asked about is over."""
        return (self._day_ends - at).total_seconds()

    def lock(self, at: int) -> _Row:
        """Read a row, from now on alone among all processes."""
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, at)
        return _Row(_ROW.unpack_from(self._map, at))

    def unlock(self, at: int, row: _Row) -> None:
        """Write a row back and let others at it."""
        _ROW.pack_into(self._map, at, row.key, row.left, row.since, row.day, row.used)
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, at)

    def _find_row(self, key: bytes) -> int:
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, _NEW_ROWS)
        try:
            return self._find_or_add(key)
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _NEW_ROWS)

    def _find_or_add(self, key: bytes) -> int:
        start = int.from_bytes(key, "big")
        for step in range(MAX_BUCKETS):
            at = (start + step) % MAX_BUCKETS * _ROW.size
            found = self._map[at : at + len(key)]
            if found == bytes(len(key)):
                # Empty, but infinitely long ago: the first look finds it full.
                _ROW.pack_into(self._map, at, key, 0.0, float("-inf"), 0, 0)
            if found in (key, bytes(len(key))):
                return at
        raise OSError("the file of limits is full; remove it while the service is stopped")
