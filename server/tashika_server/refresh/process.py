"""The life of the refresher: everything once, then each source in its turn, or all when asked.

The one process that writes the index. Not for what happens to one source (`refresh`), nor for
starting this process again when it has ended.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import NoReturn

import aiohttp

from tashika_server.clock import Clock
from tashika_server.index import Historian, IndexReader, IndexWriteFailed, IndexWriter
from tashika_server.issuer import Issuer
from tashika_server.log import get_log
from tashika_server.metrics import Tally
from tashika_server.refresh.accept import ReadingLimits
from tashika_server.refresh.cell import Cell, Confinement
from tashika_server.refresh.control import Answer, listening
from tashika_server.refresh.feed import Follower, asking
from tashika_server.refresh.feed_accept import FeedSource
from tashika_server.refresh.fetch import Fetcher, FetchLimits
from tashika_server.refresh.held import RELEASED_FILE, HeldFiles
from tashika_server.refresh.loading import refresh_register
from tashika_server.refresh.press import Press
from tashika_server.refresh.refresh import Outcome, Tools, refresh
from tashika_server.refresh.room import sweep
from tashika_server.refresh.rounds import Told, Ways, go_round
from tashika_server.refresh.schedule import Schedule
from tashika_server.refresh.source import AnySource, Source, sources_of
from tashika_server.refresh.taking import Keeper

__all__ = ["RefreshParts", "Refresher", "Told", "run", "serve"]

log = get_log()

_outcomes = Tally(
    "tashika_refreshes", "What became of each refresh.", label="outcome", allowed=Outcome
)


def _ignore(_source: AnySource, _outcome: Outcome) -> None:
    """Listen to nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshParts:
    """What the refresher works with. The index is opened in its process."""

    issuers: tuple[Issuer, ...]
    index: Path
    index_size: int
    run: Path
    """Where its socket is."""
    every: timedelta
    lab_base: str | None
    """The URL of the simulated issuer that lab: URLs are below."""
    clock: Clock
    random: Random
    spool: Path
    """Where files are while they are taken in; nothing else may be there."""
    keeper: Keeper | None = None
    confinement: Callable[[], AbstractContextManager[Cell]] = Confinement
    """What untrusted files are read in."""
    historian: Callable[[IndexReader], AbstractContextManager[Historian]] | None = None
    """Gets a history in step with the index, which then hears of every generation."""
    limits: FetchLimits = field(default_factory=FetchLimits)
    reading: ReadingLimits = field(default_factory=ReadingLimits)


async def run(parts: RefreshParts, *, ready: Callable[[], None]) -> None:
    """Keep the index up to date until SIGTERM; for the main thread.

    `ready` is called after the first round, whatever came of it. Raises IndexWriteFailed when
    this process must end and a new one try again (exit code 75); IndexBusy, IndexForeign and
    DoorFailed when a person must look.
    """
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(parts, ready=ready, stop=stop)


async def serve(parts: RefreshParts, *, ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Keep the index up to date until `stop`; what has begun to be written is finished."""
    async with Refresher.of(parts) as refresher, listening(parts.run, refresher.ask):
        work = asyncio.create_task(refresher.live(ready))
        ending = asyncio.create_task(stop.wait())
        await asyncio.wait({work, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        work.cancel()
        try:
            await work
        except asyncio.CancelledError:
            log.info("refresher_stopped")
        except IndexWriteFailed as failure:
            log.critical("index_write_failed", reason=str(failure))
            raise


class Refresher:
    """The sources, their turns, and what they are refreshed with; `of` makes it."""

    def __init__(self, parts: RefreshParts, tools: Tools) -> None:
        self._clock = parts.clock
        self._tools = tools
        self._lab_base = parts.lab_base
        self._feeds = [
            FeedSource(issuer, issuer.feed, issuer.identity.fingerprint)
            for issuer in parts.issuers
            if issuer.feed
        ]
        self.sources = [source for issuer in parts.issuers for source in sources_of(issuer)]
        """Everything that is taken in."""
        self._schedule = Schedule(self.sources, every=parts.every, random=parts.random)
        self._asked: list[asyncio.Future[Answer]] = []
        self._wake = asyncio.Event()
        self._is_complete = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def of(cls, parts: RefreshParts) -> "AsyncIterator[Refresher]":
        """Open the index and the way to the sources; raises what opening an index raises."""
        with IndexWriter.open(parts.index, parts.index_size) as writer, ExitStack() as stack:
            if parts.historian:
                writer.historian = stack.enter_context(parts.historian(writer.reader))
            for issuer in parts.issuers:
                names = [partition.name for partition in issuer.partitions]
                writer.expect(issuer.identity.fingerprint, names)
                if issuer.register is None:
                    writer.drop_register(issuer.identity.fingerprint)
            # Left last, so that what is being written ends before the index is closed.
            with ThreadPoolExecutor(1, "bench") as bench:
                sweep(parts.spool)
                held = HeldFiles(directory=parts.index / "held", released=parts.run / RELEASED_FILE)
                async with Fetcher(limits=parts.limits, lab_base=parts.lab_base) as fetcher:
                    with parts.confinement() as cell:
                        tools = Tools(
                            fetcher=fetcher,
                            writer=writer,
                            cell=cell,
                            limits=parts.reading,
                            spool=parts.spool,
                            held=held,
                            keeper=parts.keeper,
                            bench=bench,
                            press=Press(writer),
                        )
                        yield cls(parts, tools)

    async def live(self, ready: Callable[[], None]) -> None:
        """Keep the sources refreshed and follow the push feeds, forever."""
        async with asking() as session:
            lives = [self.keep(ready), *(self._follow(feed, session) for feed in self._feeds)]
            tasks = [asyncio.create_task(life) for life in lives]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, source: FeedSource, session: aiohttp.ClientSession) -> NoReturn:
        # A feed is joined where the CRLs are.
        await self._is_complete.wait()
        follower = Follower(
            source=source,
            session=session,
            tools=self._tools,
            clock=self._clock,
            lab_base=self._lab_base,
            fall_back=self.ask,
            freed=self._wake.set,
        )
        await follower.follow()

    async def keep(self, ready: Callable[[], None]) -> NoReturn:
        """Refresh everything, then forever what is due or asked for."""
        await self.refresh_all()
        self._is_complete.set()
        ready()
        while True:
            with suppress(TimeoutError):
                pause = self._schedule.pause(time.monotonic())
                await asyncio.wait_for(self._wake.wait(), pause)
            await self._take_turns()

    async def ask(self) -> Answer:
        """Have everything refreshed, beginning after this call; for use beside `keep`."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        self._wake.set()
        return await answer

    async def refresh_all(self, told: Told = _ignore) -> Answer:
        """Refresh every source once; `told` hears of each."""
        return await self._round(self.sources, told)

    async def _take_turns(self) -> None:
        self._wake.clear()
        asked, self._asked = self._asked, []
        if not asked:
            turns = [*self._freed(), *self._schedule.due(time.monotonic())]
            await self._round(dict.fromkeys(turns), _ignore)
            return
        answer = await self.refresh_all()
        for each in asked:
            if not each.done():
                each.set_result(answer)

    async def _round(self, sources: Iterable[AnySource], told: Told) -> Answer:
        ways = Ways(refresh=self._refresh, settle=self._settle, told=told, freed=self._freed)
        counts = await go_round(list(sources), self._tools, ways)
        with self._tools.writer.reader.snapshot() as snapshot:
            said = {each: counts[each] for each in Outcome if each is not Outcome.GATHERED}
            return {"generation": snapshot.generation} | said

    async def _refresh(self, source: AnySource) -> Outcome:
        try:
            if isinstance(source, Source):
                outcome = await refresh(source, self._tools, at=self._clock.now())
            else:
                outcome = await refresh_register(source, self._tools)
        except IndexWriteFailed:
            raise
        except Exception:
            # A file that finds a fault of ours must not stop the others (T27).
            log.exception("refresh_crashed", source=str(source))
            outcome = Outcome.FAILED
        if outcome is not Outcome.GATHERED:
            self._settle(source, outcome)
        return outcome

    def _freed(self) -> list[Source]:
        places = self._tools.press.freed()
        return [
            each
            for each in self.sources
            if places
            and isinstance(each, Source)
            and (each.fingerprint, each.partition.name) in places
        ]

    def _settle(self, source: AnySource, outcome: Outcome) -> None:
        """Count how a turn has ended, and give the source its next one."""
        _outcomes.count(outcome)
        now = time.monotonic()
        if outcome in (Outcome.PUBLISHED, Outcome.UNCHANGED):
            self._schedule.went_well(source, now)
        else:
            self._schedule.went_wrong(source, now)
