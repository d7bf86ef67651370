"""The simulated issuer's web server, which also does what an issuer must not forget.

Serves published/ with ETag, Last-Modified and 304. Once a minute it settles timers, renews
responder certificates and republishes lists before they run out. It decides nothing: `World`
does, and commands may work on the same lab at any time.
"""

import asyncio
import re
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web

from tashika.pki.errors import TashikaError
from tashika_server.clock import Clock
from tashika_server.lab.layout import SIMULATED, Layout
from tashika_server.lab.publishing import Publication
from tashika_server.lab.world import World
from tashika_server.log import get_log

__all__ = ["run", "serving"]

log = get_log()

UPKEEP_EVERY = timedelta(minutes=1)
CRL_TYPE = "application/pkix-crl"
"""RFC 2585 section 4.2."""

_CRL_PATH = re.compile(r"/crl/([a-z0-9-]+)/([0-9]+)\.crl")


async def run(
    directory: Path, listener: socket.socket, *, clock: Clock, ready: Callable[[], None]
) -> None:
    """Keep a lab published until SIGTERM or SIGINT; `ready` once the lists are in force.

    NotALab if there is none. A round of upkeep that fails is logged and tried again.
    """
    World.open(directory).close()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    # Who asks meanwhile waits, and gets no list that ran out while the lab slept (T13).
    await _upkeep(directory, clock.now())
    async with serving(directory, listener):
        ready()
        while not await _set_within(stopping, UPKEEP_EVERY):
            await _upkeep(directory, clock.now())


@asynccontextmanager
async def serving(directory: Path, listener: socket.socket) -> AsyncIterator[None]:
    """Serve what is published in a lab, as it is at each request."""
    layout = Layout(directory)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return _answer(layout, request)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield
    finally:
        await runner.cleanup()


def _answer(layout: Layout, request: web.BaseRequest) -> web.StreamResponse:
    if request.method not in ("GET", "HEAD"):
        return web.Response(status=405, headers={"Allow": "GET, HEAD"})
    if request.path == "/":
        return web.Response(text=f"{SIMULATED}\n")
    named = _CRL_PATH.fullmatch(request.path)
    if not named or not (path := layout.crl(*named.groups())).is_file():
        return web.Response(status=404, text="no such list\n")
    return web.FileResponse(path, headers={"Content-Type": CRL_TYPE})


async def _upkeep(directory: Path, at: datetime) -> None:
    try:
        publication = await asyncio.to_thread(_keep_up, directory, at)
    except (TashikaError, OSError) as wrong:
        log.warning("lab_upkeep_failed", reason=str(wrong))
    else:
        if publication:
            log.info("lab_published", lists=publication.lists, entries=publication.entries)


async def _set_within(event: asyncio.Event, patience: timedelta) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), patience.total_seconds())
    return event.is_set()


def _keep_up(directory: Path, at: datetime) -> Publication | None:
    with World.open(directory) as world:
        return world.upkeep(at=at)
