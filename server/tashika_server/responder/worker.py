"""The life of one answer worker: it has its sockets, answers until told to stop, and drains.

Not for starting or watching workers (`supervisor`), nor for putting their parts together
(`assembly`).
"""

import asyncio
import gc
import resource
import signal
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from socket import IPPROTO_TCP, SO_SNDBUF, SOL_SOCKET, TCP_USER_TIMEOUT, socket
from typing import Any

from tashika_server.agreements.notes import Notebook
from tashika_server.clock import Clock
from tashika_server.log import get_log
from tashika_server.metering.group import GroupCommit
from tashika_server.responder.asker import Reception
from tashika_server.responder.connection import Connection
from tashika_server.responder.desk import Desk
from tashika_server.responder.front import Front, Patience
from tashika_server.responder.rim import Rim
from tashika_server.responder.tls import TlsIdentity
from tashika_server.responder.tls_connection import TlsFront
from tashika_server.responder.turns import Turns

__all__ = ["WorkerParts", "run", "serve"]

log = get_log()

BACKLOG = 4096
"""The supervisor's number: the loop calls listen again, and asyncio's own 100 would replace it."""
SEND_BUFFER_BYTES = 64 * 1024
"""Answers that the kernel keeps for one caller, and as much again for itself. Left alone it keeps
megabytes, and thousands of answers would be made for the deaf (T18)."""
FILES = 65536
"""Connections and files of a worker; the machine may allow fewer. Shells and containers begin with
1,024, which a few clients of a hundred connections a second, kept idle, would take up."""
OWN_FILES = 128
"""Of them, for index, journal, keys and agreements: no flood of connections takes these."""
DRAIN = timedelta(seconds=8)
"""An honest exchange takes milliseconds."""
JOURNAL = timedelta(seconds=5)
"""A disk that takes longer keeps callers waiting, who had better be told."""
WIND_DOWN = timedelta(seconds=15)
"""A caller is silent for ten at most, then has five for a body. With DRAIN it is less than the
supervisor waits."""


SEARCH_EVERY = timedelta(minutes=10)
"""For garbage that we do not know of, so that it does not grow for ever."""
NEVER = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerParts:
    """What one worker works with. The desk's index is opened in the worker, after the fork."""

    desk: Desk
    reception: Reception
    notebook: Notebook
    clock: Clock
    cache_for: timedelta
    """How long an answer without a nonce may be kept; nought: not at all."""
    group: GroupCommit | None
    """The journal that the desk's meter notes into."""
    tls: TlsIdentity | None
    """What the listeners for TLS show; None where there are none."""
    public: Path | None = None
    """Where the office writes the public notices."""
    patience: Patience = field(default_factory=Patience)
    keys_every: timedelta = timedelta(seconds=2)
    """How often the files of keys and certificates are looked at for a replacement."""


async def run(
    parts: WorkerParts,
    sockets: Sequence[socket],
    *,
    tls_sockets: Sequence[socket] = (),
    ready: Callable[[], None],
) -> None:
    """Answer on the listening sockets until SIGTERM, or until relieved, which SIGUSR1 says.

    For the main thread, on uvloop.
    """
    stop, relieved = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, relieved.set)
    _search_seldom()
    allow_files()
    await serve(parts, sockets, tls_sockets=tls_sockets, ready=ready, stop=stop, relieved=relieved)


def _search_seldom() -> None:
    """Have no search for garbage go through all there is, except for one now and then.

    One takes 60 ms by 10,000 agreements, which are here to stay, and 120 by 5,000 connections,
    whose end leaves nothing to it.
    """
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, NEVER)


def allow_files() -> None:
    """Let this process open as many files as it should, if the machine does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def serve(
    parts: WorkerParts,
    sockets: Sequence[socket],
    *,
    tls_sockets: Sequence[socket] = (),
    ready: Callable[[], None],
    stop: asyncio.Event,
    relieved: asyncio.Event,
) -> None:
    """Answer on the listening sockets until `stop`, then finish what has begun.

    `relieved`: others answer from now on, so nobody is sent away before they have heard it.
    `tls_sockets` want `parts.tls`.
    """
    rim = Rim(
        desk=parts.desk,
        reception=parts.reception,
        notebook=parts.notebook,
        clock=parts.clock,
        cache_for=parts.cache_for,
        public=parts.public,
    )
    chores = [asyncio.create_task(_watch(parts)), asyncio.create_task(_search())]
    if parts.group:
        chores.append(await _journal(parts.group))
    turns = Turns(rim, meter=parts.desk.meter, clock=parts.clock)
    front = Front(turns, parts.patience, most=_most_connections())
    listeners = await _listen(partial(Connection, front), sockets, parts.patience)
    if parts.tls:
        tls_front = TlsFront(front, parts.tls, patience=parts.patience.head)
        listeners += await _listen(tls_front, tls_sockets, parts.patience)
    ready()
    log.info(
        "worker_ready", answers="interpreted" if hasattr(Turns.join, "__code__") else "compiled"
    )
    await _first_of(stop.wait(), relieved.wait())
    for listener in listeners:
        listener.close()
    await asyncio.sleep(0)  # whoever was let in within this turn of the loop is here in the next
    if not stop.is_set():
        await _first_of(stop.wait(), front.wind_down(within=WIND_DOWN))
    await front.drain(within=DRAIN)
    for each in chores:
        each.cancel()
    if parts.group:
        parts.group.end()


def _most_connections() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, (FILES if files == resource.RLIM_INFINITY else files) - OWN_FILES)


async def _journal(group: GroupCommit) -> asyncio.Task[None]:
    """Begin the journal before anybody is let in, and have it kept.

    If it cannot be begun now, it is tried again: till then, tryLater.
    """
    beginning = asyncio.create_task(group.begin())
    await asyncio.wait([beginning], timeout=JOURNAL.total_seconds())

    async def keep() -> None:
        await beginning
        await group.keep()

    return asyncio.create_task(keep())


async def _first_of(*waits: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.ensure_future(each) for each in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for each in tasks:
        each.cancel()


async def _listen(
    front: Callable[[], asyncio.BaseProtocol], sockets: Sequence[socket], patience: Patience
) -> list[asyncio.Server]:
    loop, unheard = asyncio.get_running_loop(), int(patience.reply.total_seconds() * 1000)
    for each in sockets:
        # Connections inherit these limits of what a caller that does not listen may hold.
        each.setsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT, unheard)
        each.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES)
    return [await loop.create_server(front, sock=each, backlog=BACKLOG) for each in sockets]


async def _search() -> None:
    while True:
        await asyncio.sleep(SEARCH_EVERY.total_seconds())
        gc.collect()


async def _watch(parts: WorkerParts) -> None:
    while True:
        await asyncio.sleep(parts.keys_every.total_seconds())
        for kept in (parts.desk.shelf, parts.tls):
            try:
                if kept:
                    kept.refresh(at=parts.clock.now())
            except Exception:
                # What is in use stays in use, and its end alone stops it.
                log.exception("key_watch_failed")
