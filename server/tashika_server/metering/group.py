"""Answers that wait for one flush together, and a journal that comes back by itself.

All who ask for a commit while one is under way share the next: one write and one sync, which the
kernel makes while the loop goes on with what came meanwhile. A slow disk so makes answers wait
and groups grow, and takes little from the rate. A stream that stops is replaced by a new one as
soon as one can be begun, so that a disk that was full heals without hands; until then nothing
that counts is answered.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from tashika_server.clock import Clock
from tashika_server.log import get_log
from tashika_server.metering.journal import Journal, JournalStopped, StopCause
from tashika_server.metering.syncing import InCall, Syncing
from tashika_server.metrics import Tally

__all__ = ["GroupCommit", "Then"]

log = get_log()

Then = Callable[[JournalStopped | None], None]
"""Is told that everything noted before is durable, or why it never will be."""

BEAT_EVERY = timedelta(seconds=1)
"""Bounds how long a delivered answer is not known to be, and how long a clock may run back."""
AGAIN_AFTER = timedelta(seconds=3)
"""Between attempts to begin a stream: on a full disk each writes what room there is."""

_stops = Tally(
    "tashika_journal_stops",
    "Usage journals that stopped before their worker did, by cause.",
    label="cause",
    allowed=StopCause,
)


class GroupCommit:
    """The journal of one event loop. For its thread alone; `begin` is called in another.

    Run `keep` as a task, and call `end` when it is over.
    """

    def __init__(
        self,
        begin: Callable[[], Journal],
        *,
        clock: Clock,
        make_syncing: Callable[[], Syncing] = InCall,
        beat_every: timedelta = BEAT_EVERY,
        again_after: timedelta = AGAIN_AFTER,
    ) -> None:
        self._begin, self._clock, self._syncing = begin, clock, make_syncing()
        self._beat_every = beat_every.total_seconds()
        self._again_after = again_after.total_seconds()
        self._journal: Journal | None = None
        self._why = JournalStopped(StopCause.ENDED, "no journal has been begun yet")
        self._lost = asyncio.Event()
        self._waiting: list[Then] = []
        self._under_way: list[Then] = []
        """Who waits for the flush that has begun; the others wait for the next."""

    @property
    def journal(self) -> Journal:
        """Return the journal to note into; raises JournalStopped while there is none."""
        if self._journal is None or self._journal.stopped is not None:
            self._let_go()
            raise JournalStopped(self._why.cause, str(self._why))
        return self._journal

    def on_commit(self, journal: Journal, then: Then) -> None:
        """Call `then` once everything noted in this journal so far is durable, or never will be.

        Not before this call returns. It is the journal that was noted into: its successor's
        flush would prove nothing.
        """
        loop = asyncio.get_running_loop()
        if journal is not self._journal:
            loop.call_soon(then, journal.stopped or self._why)
            return
        if not (self._waiting or self._under_way):
            loop.call_soon(self._flush, journal)
        self._waiting.append(then)

    def commit(self, journal: Journal) -> asyncio.Future[None]:
        """Wait as `on_commit` does; raises JournalStopped."""
        done = asyncio.get_running_loop().create_future()

        def then(stopped: JournalStopped | None) -> None:
            if done.cancelled():
                return
            if stopped is None:
                done.set_result(None)
            else:
                done.set_exception(stopped)

        self.on_commit(journal, then)
        return done

    def look(self) -> None:
        """Release whom a flush concerns that is over by now, rather than when the loop has time."""
        if self._under_way:
            self._syncing.look()

    async def begin(self) -> bool:
        """Try to begin a journal, and say whether there is one now."""
        try:
            journal = await asyncio.to_thread(self._begin)
        except JournalStopped as stopped:
            self._why = stopped
            # The reason says it all; a traceback every few seconds would say no more.
            log.error("journal_not_begun", cause=stopped.cause, reason=str(stopped))  # noqa: TRY400
            return False
        log.info("journal_begun", stream=journal.stream.hex())
        self._journal = journal
        self._lost.clear()
        return True

    async def keep(self) -> None:
        """Keep a journal going, for ever."""
        while True:
            if self._journal is None:
                if not await self.begin():
                    await asyncio.sleep(self._again_after)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), self._beat_every)
            self._beat()

    def end(self) -> None:
        """Seal the journal; what has not been committed by now is not."""
        if self._journal is not None:
            self._journal.end()
            self._why, self._journal = self._journal.stopped or self._why, None
            self._release_all(self._why)
        self._syncing.close()

    def _beat(self) -> None:
        if self._journal is not None:
            with suppress(JournalStopped):
                self._journal.beat(self._clock.now())
        self._let_go()

    def _flush(self, journal: Journal) -> None:
        """Begin to make durable what they wait for who wait now."""
        if journal is not self._journal:
            return
        self._under_way, self._waiting = self._waiting, []
        then = partial(self._finish, journal)
        try:
            waits = journal.begin_flush(self._syncing, then)
        except JournalStopped:
            self._let_go()
        else:
            if not waits:
                then()

    def _finish(self, journal: Journal) -> None:
        """Tell those whom the flush that is over concerns, and begin the next."""
        if journal is not self._journal:
            return
        try:
            journal.finish_flush()
        except JournalStopped:
            self._let_go()
            return
        under_way, self._under_way = self._under_way, []
        if self._waiting:
            self._flush(journal)
        _release(under_way, None)

    def _let_go(self) -> None:
        """Have no journal any more, if it has stopped."""
        if self._journal is None or self._journal.stopped is None:
            return
        self._why = self._journal.stopped
        _stops.count(self._why.cause)
        log.critical(
            "journal_stopped",
            stream=self._journal.stream.hex(),
            cause=self._why.cause,
            reason=str(self._why),
        )
        self._journal = None
        self._lost.set()
        self._release_all(self._why)

    def _release_all(self, why: JournalStopped) -> None:
        waiting, self._under_way, self._waiting = self._under_way + self._waiting, [], []
        _release(waiting, why)


def _release(waiting: Iterable[Then], stopped: JournalStopped | None) -> None:
    for then in waiting:
        try:
            then(stopped)
        except Exception:
            # One connection's trouble is not that of the others.
            log.exception("commit_not_taken")
