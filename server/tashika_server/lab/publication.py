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
from contextlib import asynccontextmanager, closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web

from tashika.pki.errors import TashikaError
from tashika_server.clock import Clock
from tashika_server.lab.feeding import has_feed
from tashika_server.lab.layout import SIMULATED, Layout
from tashika_server.lab.publishing import Publication
from tashika_server.lab.said import lines_after
from tashika_server.lab.state import State
from tashika_server.lab.world import World
from tashika_server.log import get_log

__all__ = ["run", "serving"]

log = get_log()

UPKEEP_EVERY = timedelta(minutes=1)
CRL_TYPE = "application/pkix-crl"
"""RFC 2585 section 4.2."""

FEED_WAITS = timedelta(seconds=20)
"""Where there is no news; then whoever asks is told so, and asks again."""
FEED_LOOKS = timedelta(milliseconds=25)
"""How often is looked meanwhile: commands push from processes of their own."""
FEED_MOST = 500
"""Messages of one answer."""

_FEED_PATH = re.compile(r"/feed/([a-z0-9-]+)")
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
    ending = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET" and (named := _FEED_PATH.fullmatch(request.path)):
            return await _news(layout, named[1], request, ending)
        return _answer(layout, request)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield
    finally:
        ending.set()
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


async def _news(
    layout: Layout, issuer: str, request: web.BaseRequest, ending: asyncio.Event
) -> web.Response:
    """Answer as docs/push-feed.md says; nothing that was ever pushed is gone."""
    after = request.query.get("after", "0")
    if not has_feed(layout) or not after.isdecimal():
        return web.Response(status=404, text="no such feed\n")
    looks = FEED_WAITS // FEED_LOOKS
    with closing(State(layout.memory)) as state:
        for _ in range(looks):
            if lines := lines_after(state.connection, issuer, int(after), FEED_MOST):
                return web.Response(body=b"".join(line + b"\n" for line in lines))
            if await _set_within(ending, FEED_LOOKS):
                break
    return web.Response(status=204)


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
