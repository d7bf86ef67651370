"""One post of the service: a child that is started, listened to, and replaced when it ends."""

import asyncio
import signal
import time
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from datetime import timedelta
from typing import cast

from tashika_server.log import get_log
from tashika_server.supervisor.errors import StartRefused
from tashika_server.supervisor.roles import Role
from tashika_server.supervisor.terms import BEAT_EVERY, END, READY

__all__ = ["Post"]

log = get_log()

FAREWELL_SECONDS = 25.0
"""How long a child may finish what it has begun; a worker that was relieved takes 23 at most."""
STEADY_SECONDS = 30.0
"""A child that lived so long was well: its next restart does not wait."""
SETTLING = timedelta(minutes=1)
"""What a child may take on top before its first beat: a busy machine starts ten at once."""
MAX_PAUSE = 30.0
EX_OSERR, EX_CONFIG = 71, 78


class Post:
    """A child in one role, replaced whenever it ends or hangs, until the post is given up."""

    def __init__(self, role: Role) -> None:
        """Start the first child; in a running loop."""
        self.role = role
        self.ready = asyncio.Event()
        """Set once a child has been at work here."""
        self.tenured = False
        """Whether a child that refuses to start is tried again. Else that is the end of the post,
        unless one has been at work."""
        self.kept = asyncio.create_task(self._keep(), name=role.title)
        """Done when the last child has ended; raises StartRefused if that refused to start."""
        self._given_up = asyncio.Event()
        self._farewell = END
        self._process: Process | None = None
        self._silence = 0

    def give_up(self, farewell: signal.Signals = END) -> None:
        """Have the child end, and no other follow; again, with another signal, to hurry it."""
        self._farewell = farewell
        self._given_up.set()
        self._say_farewell()

    async def at_work(self, *, within: float | None = None) -> bool:
        """Wait until a child is at work, and say whether one is; raises StartRefused."""
        ready = asyncio.create_task(self.ready.wait())
        await asyncio.wait([ready, self.kept], timeout=within, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self.kept.done():
            self.kept.result()
        return self.ready.is_set() and not self.kept.done()

    async def _keep(self) -> None:
        short_lives = 0
        while not self._given_up.is_set():
            began = time.monotonic()
            code = await self._live()
            steady = time.monotonic() - began > STEADY_SECONDS
            short_lives = 1 if steady else short_lives + 1
            await self._recover(code, _pause(short_lives))

    async def _recover(self, code: int, again_in: float) -> None:
        if self._given_up.is_set():
            return
        if code == EX_CONFIG and not (self.ready.is_set() or self.tenured):
            raise StartRefused(f"{self.role.title} refused to start; its log says why")
        log.error("child_ended", role=self.role.title, code=code, again_in=again_in)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._given_up.wait(), again_in)

    async def _live(self) -> int:
        """Start a child, see it through and return its exit code."""
        try:
            process = await self._start()
        except OSError as wrong:  # no memory or no process to be had: try again later
            log.warning("child_not_started", role=self.role.title, reason=wrong.strerror)
            return EX_OSERR
        over = asyncio.create_task(process.wait())
        given_up = asyncio.create_task(self._given_up.wait())
        hearing = asyncio.create_task(self._hear(process))
        hung = asyncio.create_task(self._wait_for_silence())
        await asyncio.wait([over, hung, given_up], return_when=asyncio.FIRST_COMPLETED)
        if given_up.done():
            await asyncio.wait(
                [over, hung], timeout=FAREWELL_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        if not over.done():
            self._kill(process, "hung" if hung.done() else "slow to end")
        for each in (given_up, hearing, hung):
            each.cancel()
        return await over

    async def _start(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            *self.role.command,
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=self.role.descriptors,
            # Ctrl-C at the terminal reaches the supervisor alone, which then ends them all.
            start_new_session=True,
        )
        log.info("child_started", role=self.role.title, pid=process.pid)
        cast("asyncio.StreamWriter", process.stdin).write(self.role.text.encode() + b"\0")
        self._process = process
        if self._given_up.is_set():
            self._say_farewell()
        return process

    async def _hear(self, process: Process) -> None:
        while said := await cast("asyncio.StreamReader", process.stdout).read(64):
            self._silence = 0
            if READY in said:
                self.ready.set()

    async def _wait_for_silence(self) -> None:
        """Return once the child has missed so many beats that it must be hung.

        Beats are counted, and not seconds: if the whole machine stood still, so did we, and that
        is one beat. Before its first one, a child has SETTLING on top.
        """
        self._silence = -(SETTLING // BEAT_EVERY)
        while self._silence * BEAT_EVERY < self.role.hung_after:
            await asyncio.sleep(BEAT_EVERY.total_seconds())
            self._silence += 1

    def _kill(self, process: Process, reason: str) -> None:
        log.error("child_killed", role=self.role.title, pid=process.pid, reason=reason)
        with suppress(ProcessLookupError):
            process.kill()

    def _say_farewell(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(self._farewell)


def _pause(short_lives: int) -> float:
    """Seconds before the next start: none after the first short life, then doubling."""
    return min(MAX_PAUSE, 0.25 * 2 ** (short_lives - 2)) if short_lives > 1 else 0.0
