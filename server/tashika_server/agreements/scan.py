"""Notices a verifier that walks through serials instead of asking about certificates it received.

JPKI's serials are small and sequential, so whoever may ask could list who has been revoked.
Two signs: steps to a near neighbour again and again, and many different serials of one small
range within an hour. It only raises an alarm; to suspend is for a person. Knows nothing of
answers, and no serial leaves it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

__all__ = ["ScanAlarm", "ScanSign", "ScanWatch"]

WINDOW = timedelta(hours=1)
"""After it everything is forgotten: registered certificates are looked at again every day."""

REACH: Final = 16
"""Serials this close are neighbours: a scan that several workers share still steps so."""

NEIGHBOURS: Final = 64
"""So many more near steps than far ones. By chance one step in three million is near."""

RANGE_BITS: Final = 10
CROWD: Final = 64
"""Different serials of one range of 1,024 in an hour. The whole nation's busy hour through one
verifier (500/s over 200 million certificates) puts 9 there."""

WATCH_ONE_IN: Final = 16
"""Ranges are sampled, always the same in one process: a wide scan in any order meets some."""

MAX_RANGES: Final = 65_536
"""The ranges remembered, about 15 MB; the oldest goes first."""


class ScanSign(StrEnum):
    """By what a scan is noticed."""

    NEIGHBOURS = "neighbours"
    CROWD = "crowd"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanAlarm:
    """What an operator is told, once in each window."""

    verifier: str
    issuer: str
    sign: ScanSign


class _Walk:
    """The last step of one verifier among one issuer's serials, and its near steps so far."""

    __slots__ = ("last", "near")

    def __init__(self) -> None:
        self.last = self.near = 0


class ScanWatch:
    """Watches every verifier at every issuer. Not for several threads."""

    def __init__(self, *, salt: int, alarm: Callable[[ScanAlarm], None]) -> None:
        """Watch; `salt` is random, so that nobody knows which ranges are sampled."""
        self._salt = salt
        self._alarm = alarm
        self._forget(datetime.min.replace(tzinfo=UTC))

    def note(self, verifier: str, issuer: str, serials: Iterable[int], at: datetime) -> None:
        """Take in the serials of one question that the gate let through."""
        if at >= self._forget_at:
            self._forget(at)
        who = verifier, issuer
        if (walk := self._walks.get(who)) is None:
            walk = self._walks[who] = _Walk()
        for serial in serials:
            step, walk.last = serial - walk.last, serial
            if not step:
                continue
            if -REACH <= step <= REACH:
                walk.near += 1
                if walk.near == NEIGHBOURS:
                    self._raise(who, ScanSign.NEIGHBOURS)
            elif walk.near:
                walk.near -= 1
            if hash((self._salt, serial >> RANGE_BITS)) % WATCH_ONE_IN == 0:
                self._mark(who, serial)

    def _mark(self, who: tuple[str, str], serial: int) -> None:
        key = who, serial >> RANGE_BITS
        seen = self._ranges.get(key, 0) | 1 << (serial & (1 << RANGE_BITS) - 1)
        self._ranges[key] = seen
        if seen.bit_count() >= CROWD:
            self._raise(who, ScanSign.CROWD)
        if len(self._ranges) > MAX_RANGES:
            del self._ranges[next(iter(self._ranges))]

    def _raise(self, who: tuple[str, str], sign: ScanSign) -> None:
        if (who, sign) not in self._raised:
            self._raised.add((who, sign))
            self._alarm(ScanAlarm(verifier=who[0], issuer=who[1], sign=sign))

    def _forget(self, at: datetime) -> None:
        self._walks: dict[tuple[str, str], _Walk] = {}
        self._ranges: dict[tuple[tuple[str, str], int], int] = {}
        self._raised: set[tuple[tuple[str, str], ScanSign]] = set()
        self._forget_at = at + WINDOW
