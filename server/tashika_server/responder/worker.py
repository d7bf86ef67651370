"""The life of one answer worker: it has its sockets, answers until told to stop, and drains.

Not for starting or watching workers (`supervisor`), nor for putting their parts together
(`assembly`).
"""

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from socket import IPPROTO_TCP, SO_SNDBUF, SOL_SOCKET, TCP_USER_TIMEOUT, socket

from tashika_server.clock import Clock
from tashika_server.log import get_log
from tashika_server.responder.desk import Desk
from tashika_server.responder.rim import Patience, Rim
from tashika_server.signing import Shelf

__all__ = ["WorkerParts", "run", "serve"]

log = get_log()

BACKLOG = 4096
"""The supervisor's number: the loop calls listen again, and asyncio's own 100 would replace it."""
SEND_BUFFER_BYTES = 64 * 1024
"""Answers that the kernel keeps for one caller. Left alone it keeps megabytes for the deaf."""
DRAIN = timedelta(seconds=8)
"""The supervisor kills after ten. An honest exchange takes milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerParts:
    """What one worker works with. The desk's index is opened in the worker, after the fork."""

    desk: Desk
    clock: Clock
    cache_for: timedelta
    """How long an answer without a nonce may be kept; nought: not at all."""
    patience: Patience = field(default_factory=Patience)
    signers_every: timedelta = timedelta(seconds=2)
    """How often the signers' files are looked at for a replacement."""


async def run(parts: WorkerParts, sockets: Sequence[socket], *, ready: Callable[[], None]) -> None:
    """Answer on the listening sockets until SIGTERM; for the main thread, on uvloop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(parts, sockets, ready=ready, stop=stop)


async def serve(
    parts: WorkerParts,
    sockets: Sequence[socket],
    *,
    ready: Callable[[], None],
    stop: asyncio.Event,
) -> None:
    """Answer on the listening sockets until `stop`, then finish what has begun."""
    rim = Rim(parts.desk, clock=parts.clock, cache_for=parts.cache_for, patience=parts.patience)
    front, loop = rim.front(), asyncio.get_running_loop()
    for each in sockets:
        _bound(each, parts.patience)
    listeners = [await loop.create_server(front, sock=each, backlog=BACKLOG) for each in sockets]
    watch = asyncio.create_task(_watch(parts.desk.shelf, parts.clock, parts.signers_every))
    ready()
    await stop.wait()
    watch.cancel()
    for listener in listeners:
        listener.close()
    await front.drain(within=DRAIN)


def _bound(listener: socket, patience: Patience) -> None:
    """Limit what a caller that does not listen may hold; its connections inherit this."""
    unheard = int(patience.reply.total_seconds() * 1000)
    listener.setsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT, unheard)
    listener.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES)


async def _watch(shelf: Shelf, clock: Clock, every: timedelta) -> None:
    while True:
        await asyncio.sleep(every.total_seconds())
        try:
            shelf.refresh(at=clock.now())
        except Exception:
            # The signers in use stay in use, and their end alone stops them.
            log.exception("signer_watch_failed")
