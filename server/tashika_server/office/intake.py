"""Takes in this machine's journals each second, and removes once a day what is not kept longer.

Not for how that is done (`metering.ingest`, `metering.retention`). Without an office the workers
go on, and it is all taken in later.
"""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from tashika.pki.errors import TashikaError
from tashika_server.log import get_log
from tashika_server.metering.ingest import Ingester, IngestParts
from tashika_server.metering.retention import purge
from tashika_server.metering.streams import behind

__all__ = ["Intake", "IntakeParts"]

log = get_log()

LOOK_EVERY = timedelta(seconds=1)
"""How soon an answer is in the totals."""
PURGE_EVERY = timedelta(days=1)
BEHIND = timedelta(minutes=5)
"""An intake takes in a day's answers of a nation in less; so far behind, something stands (T38)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeParts:
    """What the intake works with."""

    ingest: IngestParts
    keep: timedelta
    """How long journals are kept after their end, if their months are frozen by then."""


class Intake:
    """One of perhaps several that take in the journals of a machine. For one event loop."""

    def __init__(self, parts: IntakeParts, bench: ThreadPoolExecutor) -> None:
        self._parts = parts
        self._bench = bench
        self._ingester = Ingester(parts.ingest)
        self._purge_at = 0.0
        self._trouble: str | None = None
        self._is_behind = False

    @classmethod
    @contextmanager
    def of(cls, parts: IntakeParts) -> Iterator[Self]:
        """Lend an intake; what it is taking in at the end is finished."""
        with ThreadPoolExecutor(1, "intake") as bench:  # one thread: looks take turns
            yield cls(parts, bench)

    async def keep(self) -> None:
        """Take in forever; whatever is wrong with the book or the disk, go on."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY.total_seconds())

    async def look(self) -> int:
        """Take in what is known by now; returns how many answers."""
        return await asyncio.get_running_loop().run_in_executor(self._bench, self._look)

    def _look(self) -> int:
        try:
            taken = self._ingester.take_in()
            self._tell_if_behind()
            self._purge()
        except (TashikaError, OSError) as wrong:
            # T4: nothing is lost by waiting; how far it got, the book tells whoever asks.
            if self._trouble is None:
                log.warning("usage_not_taken_in", reason=str(wrong))
            self._trouble = str(wrong)
            return 0
        if self._trouble is not None:
            log.info("usage_taken_in_again")
            self._trouble = None
        return taken

    def _tell_if_behind(self) -> None:
        """Never stall in silence (T38), whatever it is that stands: an alarm, a dead disk."""
        ingest = self._parts.ingest
        with ingest.book.reading() as connection:
            lag = behind(connection, ingest.node, ingest.clock.now())
        if (lag > BEHIND) is not self._is_behind:
            self._is_behind = lag > BEHIND
            if self._is_behind:
                log.error("usage_behind", seconds=int(lag.total_seconds()), see="usage alarms")
            else:
                log.info("usage_caught_up")

    def _purge(self) -> None:
        if time.monotonic() < self._purge_at:
            return
        self._purge_at = time.monotonic() + PURGE_EVERY.total_seconds()
        ingest = self._parts.ingest
        gone = purge(
            ingest.book,
            ingest.journal,
            actor=ingest.actor,
            at=ingest.clock.now(),
            keep=self._parts.keep,
        )
        if gone:
            log.info("journals_purged", segments=gone)
