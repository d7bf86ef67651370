"""A FakeResponder behind a real socket, with the faults that only a socket can have."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ssl import SSLContext
from typing import Protocol

from aiohttp import web

from tashika.loop_thread import LoopThread
from tashika.testing.faults import Fault

_DRIP = 0.05
_CHUNK = bytes(16 * 1024)


class Answering(Protocol):
    """What is served."""

    asked: list[str]

    def fault_at(self, url: str) -> Fault | None:
        """Return the fault ordered for a URL."""
        ...

    def answer(self, body: bytes, *, fault: Fault | None = None) -> bytes:
        """Answer one request."""
        ...


@contextmanager
def serve(responder: Answering, *, tls: SSLContext | None) -> Iterator[str]:
    """Serve on a port that the kernel chooses, until the context ends."""
    site = _Site(responder, tls)
    thread = LoopThread()
    try:
        yield thread.submit(site.open).result()
    finally:
        thread.end(site.close)


class _Site:
    def __init__(self, responder: Answering, tls: SSLContext | None) -> None:
        self._responder = responder
        self._tls = tls

    async def open(self) -> str:
        server = web.Server(self._handle)
        self._runner = web.ServerRunner(server, handler_cancellation=True, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        self._url = (
            f"{'https' if self._tls else 'http'}://127.0.0.1:{self._runner.addresses[0][1]}/"
        )
        return self._url

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        url = self._url + request.path_qs.removeprefix("/")
        self._responder.asked.append(url)
        fault = self._responder.fault_at(url)
        body = self._responder.answer(await request.read(), fault=fault)
        if fault is Fault.SLOW:
            await asyncio.Event().wait()
        if fault is Fault.DISCONNECT and request.transport:
            request.transport.abort()
        if fault is Fault.HTTP_ERROR:
            return web.Response(status=500)
        if fault is Fault.REDIRECT:
            return web.Response(status=307, headers={"Location": f"{self._url}elsewhere"})
        if fault in (Fault.TRICKLE, Fault.ENDLESS):
            return await _stream(request, body, fault)
        return web.Response(body=body, content_type="application/ocsp-response")


async def _stream(request: web.BaseRequest, body: bytes, fault: Fault) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/ocsp-response"})
    await response.prepare(request)
    with suppress(ConnectionError):
        if fault is Fault.TRICKLE:
            for octet in body:
                await response.write(bytes([octet]))
                await asyncio.sleep(_DRIP)
        while True:
            await response.write(_CHUNK)
    return response
