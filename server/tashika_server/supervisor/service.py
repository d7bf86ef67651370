"""Starts, watches and restarts the processes of the service; owns the listening sockets.

It parses nothing that comes from the network, signs nothing and opens no index. Its children
are `python -m tashika_server process ROLE CONFIG ...`; each gets on stdin the text of the
configuration that the start accepted, up to a NUL, and then nothing more: end of file there
means that the supervisor is gone, however it ended, and that the child must go too. A child
says `ready` in one line on stdout; its log is stderr.
"""

import asyncio
import fcntl
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from tashika.pki.errors import TashikaError
from tashika_server.config import Access, Address, Config
from tashika_server.log import get_log

__all__ = ["StartRefused", "supervise"]

log = get_log()

DRAIN_SECONDS = 15.0
"""How long children may finish what they have begun before they are killed; a worker takes 10."""
LOCK_SECONDS = 5.0
"""Orphans of a killed supervisor are gone within two seconds; then the lock is free."""
STEADY_SECONDS = 30.0
"""A child that lived so long was well: its next restart does not wait."""
MAX_PAUSE = 30.0
READY = b"ready\n"
EX_OSERR, EX_CONFIG = 71, 78


class StartRefused(TashikaError):
    """The service cannot start here; says what stands in the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One kind of child: its title in the log, its command line, the descriptors it inherits."""

    title: str
    arguments: tuple[str, ...]
    descriptors: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """The listening sockets; None for what is not listened to."""

    responder: socket.socket
    tls: socket.socket | None
    lab: socket.socket | None
    office: socket.socket | None


def supervise(config: Config, *, announce: Callable[[str], None]) -> None:
    """Run the service until SIGTERM or SIGINT; `announce` its URL once it answers.

    Raises StartRefused when a lock, a port or a child stands in the way.
    """
    settings = config.settings
    lock = _lock(settings.run)
    ears = Ears(
        responder=_listen(settings.responder.listen),
        tls=_listen(settings.tls.listen) if settings.tls else None,
        lab=_listen(settings.lab.listen) if settings.lab else None,
        office=_listen(settings.office.listen) if settings.office.listen else None,
    )
    if ears.tls:
        log.info("tls_listening", url=f"{_url(ears.tls, 'https')}/ocsp")
    roles = _roles(config, ears, lock)
    asyncio.run(_watch(roles, config.text, partial(announce, f"{_url(ears.responder)}/ocsp")))


async def _watch(roles: Iterable[Role], text: str, announce: Callable[[], None]) -> None:
    stopping = asyncio.Event()
    _obey_signals(stopping)
    children = [_Child(role, text, stopping) for role in roles]
    starting = asyncio.create_task(_announce(children, announce))
    ends = await asyncio.gather(*(child.keep() for child in children), return_exceptions=True)
    starting.cancel()
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    log.info("service_stopped")


def _roles(config: Config, ears: Ears, lock: int) -> Iterator[Role]:
    file = str(config.file)
    arguments: tuple[str, ...]
    base: tuple[str, ...] = ()
    if ears.lab:
        base = (f"--lab-base={_url(ears.lab)}",)
        arguments = ("lab", file, f"--socket={ears.lab.fileno()}")
        yield Role(title="lab", arguments=arguments, descriptors=(lock, ears.lab.fileno()))
    yield Role(title="refresher", arguments=("refresher", file, *base), descriptors=(lock,))
    if ears.office or config.settings.access is Access.CLOSED:
        own = (ears.office.fileno(),) if ears.office else ()
        arguments = ("office", file, *(f"--socket={each}" for each in own))
        yield Role(title="office", arguments=arguments, descriptors=(lock, *own))
    options = {"--socket": ears.responder, "--tls-socket": ears.tls}
    heard = {option: ear.fileno() for option, ear in options.items() if ear}
    arguments = ("worker", file, *(f"{option}={number}" for option, number in heard.items()))
    for number in range(1, config.settings.responder.workers + 1):
        descriptors = (lock, *heard.values())
        yield Role(title=f"worker-{number}", arguments=arguments, descriptors=descriptors)


async def _announce(children: list["_Child"], announce: Callable[[], None]) -> None:
    for child in children:
        await child.ready.wait()
    log.info("service_ready")
    announce()


class _Child:
    """One child process, replaced whenever it ends before the service stops."""

    def __init__(self, role: Role, text: str, stopping: asyncio.Event) -> None:
        self.ready = asyncio.Event()
        self._role = role
        self._text = text
        self._stopping = stopping

    async def keep(self) -> None:
        """Start the child again and again until the service stops, which its end brings about."""
        short_lives = 0
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                code = await self._live()
                steady = time.monotonic() - began > STEADY_SECONDS
                short_lives = 1 if steady else short_lives + 1
                await self._recover(code, _pause(short_lives))
        finally:
            self._stopping.set()

    async def _recover(self, code: int, pause: float) -> None:
        if self._stopping.is_set():
            return
        if code == EX_CONFIG and not self.ready.is_set():
            raise StartRefused(f"{self._role.title} refused to start; its log says why")
        log.error("child_ended", role=self._role.title, code=code, again_in=pause)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), pause)

    async def _live(self) -> int:
        """Start the child, see it through and return its exit code."""
        try:
            process = await self._start()
        except OSError as wrong:  # no memory or no process to be had: try again later
            log.warning("child_not_started", role=self._role.title, reason=wrong.strerror)
            return EX_OSERR
        over = asyncio.create_task(process.wait())
        asked = asyncio.create_task(self._stopping.wait())
        heard = asyncio.create_task(self._hear(process))
        await asyncio.wait([over, asked], return_when=asyncio.FIRST_COMPLETED)
        if not over.done():
            await self._end(process)
        asked.cancel()
        heard.cancel()
        return await over

    async def _start(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tashika_server", "process", *self._role.arguments),
            f"--title={self._role.title}",
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=self._role.descriptors,
            # Ctrl-C at the terminal reaches the supervisor alone, which then ends them all.
            start_new_session=True,
        )
        log.info("child_started", role=self._role.title, pid=process.pid)
        cast("asyncio.StreamWriter", process.stdin).write(self._text.encode() + b"\0")
        return process

    async def _hear(self, process: Process) -> None:
        if await cast("asyncio.StreamReader", process.stdout).readline() == READY:
            self.ready.set()

    async def _end(self, process: Process) -> None:
        """Ask the child to finish; kill it if it does not within DRAIN_SECONDS."""
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), DRAIN_SECONDS)
        except TimeoutError:
            log.warning("child_killed", role=self._role.title, after=DRAIN_SECONDS)
            with suppress(ProcessLookupError):
                process.kill()


def _pause(short_lives: int) -> float:
    """Seconds before the next start: none after the first short life, then doubling."""
    return min(MAX_PAUSE, 0.25 * 2 ** (short_lives - 2)) if short_lives > 1 else 0.0


def _obey_signals(stopping: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: log.warning("reload_needs_a_restart"))


def _lock(run: Path) -> int:
    """Take the lock that the service and all its children hold, or refuse.

    The kernel lets go of it when the last of them is gone, so two services never share an
    index or a socket file, not even for the second that orphans take to end.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(run / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as wrong:
        raise StartRefused(f"{run}: {wrong.strerror}; set run to a folder to write in") from wrong
    give_up = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                os.close(descriptor)
                raise StartRefused(f"another serve runs on {run}; stop that one first") from None
            time.sleep(0.05)
        else:
            return descriptor


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except OSError as wrong:
        reason = os.strerror(wrong.errno or 0)
        raise StartRefused(f"{address}: {reason}; free it, or listen elsewhere") from wrong


def _url(listening: socket.socket, scheme: str = "http") -> str:
    host, port = listening.getsockname()[:2]
    return f"{scheme}://{Address(host, port)}"
