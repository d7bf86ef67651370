"""Everybody who is connected to a worker: their deadlines, and how they are seen off.

Not for what is said (`rim`), nor when (`turns`).
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, auto
from itertools import islice
from typing import Protocol

from tashika_server.log import get_log
from tashika_server.responder.turns import Turns

__all__ = ["Front", "Patience", "Wait"]

log = get_log()

MOST = 65536
"""Connections, where nobody says fewer."""
GLANCES = 8
"""A deadline is kept to an eighth of the shortest."""
SEEN_AT_ONCE = 32
"""Connections looked at before others are heard again. Thousands who came together end together:
all at once they held everybody else up for 80 ms (T18)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a caller may take over each part of an exchange, slowly sent bytes or not."""

    head: timedelta = timedelta(seconds=10)
    """For the next request's head to be there, from the last reply on; so also for idling."""
    body: timedelta = timedelta(seconds=5)
    """For the rest of the request: 8 kB over the worst mobile line."""
    reply: timedelta = timedelta(seconds=5)
    """For taking the reply off our hands."""
    linger: timedelta = timedelta(seconds=1)
    """For hearing a refused caller out, so that the refusal arrives before the reset."""


class Present(Protocol):
    """Whoever is in the list of a front."""

    deadline: float
    """By the loop's clock."""

    def expire(self) -> None:
        """Do what is due now that the deadline is over."""
        ...

    def retire(self) -> None:
        """Close as soon as whatever has begun is over."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...


class Wait(IntEnum):
    """What a connection waits for."""

    HEAD = auto()
    BODY = auto()
    REPLY = auto()
    LINGER = auto()


class Front:
    """The list of a worker's connections. For the thread of its event loop."""

    def __init__(self, turns: Turns, patience: Patience, *, most: int = MOST) -> None:
        """Begin, in a running loop, for so many connections."""
        self.turns = turns
        self.loop = asyncio.get_running_loop()
        self.draining = False
        self.present: set[Present] = set()
        self._most = most
        self.seconds = {
            Wait.HEAD: patience.head.total_seconds(),
            Wait.BODY: patience.body.total_seconds(),
            Wait.REPLY: patience.reply.total_seconds(),
            Wait.LINGER: patience.linger.total_seconds(),
        }
        self._departure = asyncio.Event()
        self._glance_every = min(self.seconds.values()) / GLANCES
        self._glancing: asyncio.Handle = self.loop.call_later(self._glance_every, self._glance)

    def enter(self, one: Present) -> bool:
        """Put one on the list; False, and they are to go at once, where it is full."""
        if len(self.present) >= self._most:
            return False
        self.present.add(one)
        return True

    def leave(self, one: Present) -> None:
        """Take one off the list."""
        self.present.discard(one)
        self._departure.set()

    async def wind_down(self, *, within: timedelta) -> None:
        """Wait until all have gone or time is up; each reply says that it is the last.

        Nobody is sent away: who is idle is closed when they would have been anyway, and so no
        question crosses with our leaving that would not have crossed with their idling.
        """
        self.draining = True
        with suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                while self.present:
                    self._departure.clear()
                    await self._departure.wait()

    async def drain(self, *, within: timedelta) -> None:
        """Close idle connections at once, the others after their reply or when time is up."""
        for one in list(self.present):
            one.retire()
        await self.wind_down(within=within)
        self._glancing.cancel()
        for one in list(self.present):
            one.abort()

    def _glance(self) -> None:
        """Look for deadlines that are over: one timer for all, where each would need several."""
        self._expire(iter(list(self.present)))

    def _expire(self, everybody: Iterator[Present]) -> None:
        """End what is over for a few of them, and have the others seen to soon."""
        some, now = list(islice(everybody, SEEN_AT_ONCE)), self.loop.time()
        for one in some:
            if one.deadline > now or one not in self.present:
                continue
            try:
                one.expire()
            except Exception:
                # One connection's trouble is not that of the others, whose deadlines go on.
                log.exception("deadline_not_kept")
                self.leave(one)
                with suppress(Exception):
                    one.abort()
        if some:
            self._glancing = self.loop.call_soon(self._expire, everybody)
        else:
            self._glancing = self.loop.call_later(self._glance_every, self._glance)
