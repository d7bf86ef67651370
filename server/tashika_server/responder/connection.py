"""aiohttp's connections, mended where they fall short of what a public responder needs.

What aiohttp itself finds wrong is refused by our table, a body that breaks off its framing is
noticed at once, and idle connections end when the worker drains. What is said on a connection
is `rim`'s business.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from ipaddress import IPv6Address
from typing import Any, Protocol

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from tashika_server.agreements.presented import Address, ClientCertificate, address
from tashika_server.log import get_log
from tashika_server.refusal import BadHttp, InternalFault, Refusal

__all__ = ["CLIENT_CERTIFICATE", "Connection", "Front"]

log = get_log()

CLIENT_CERTIFICATE = "client_certificate"
"""What a transport over TLS calls the certificate by which the client showed its key, DER."""
NOWHERE = IPv6Address("::")
"""Where a caller is that has gone before we could look."""
CUT_OFF_SECONDS = 0.1
"""For the handlers still at work when draining is over; aiohttp takes 0 for no limit."""

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Refuse = Callable[[Refusal], web.Response]


class Present(Protocol):
    """A connection in the list of a front."""

    def retire(self) -> None:
        """Close as soon as whatever has begun is over."""
        ...


class Front(web.Server):
    """The protocol factory of a worker: makes connections, knows them and sees them off."""

    def __init__(self, handle: Handle, refuse: Refuse, **settings: Any) -> None:
        super().__init__(handle, **settings)
        self.refuse = refuse
        self.draining = False
        self.present: set[Present] = set()
        self.departure = asyncio.Event()
        """Set whenever a connection has ended."""

    def __call__(self) -> "Connection":
        """Make the connection of one caller."""
        return Connection(self, loop=self._loop, **self._kwargs)

    def leave(self, connection: "Present") -> None:
        """Take one off the list."""
        self.present.discard(connection)
        self.departure.set()

    async def drain(self, *, within: timedelta) -> None:
        """Close idle connections at once, the others after their reply or when time is up.

        Whoever replies must close the connection while `draining`.
        """
        self.draining = True
        for connection in list(self.present):
            connection.retire()
        with suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                while self.present:
                    self.departure.clear()
                    await self.departure.wait()
        await self.shutdown(timeout=CUT_OFF_SECONDS)


class Connection(RequestHandler):
    """One caller's connection."""

    __slots__ = ("_certificate", "broken", "front", "peer")

    def __init__(self, front: Front, **settings: Any) -> None:
        super().__init__(front, **settings)
        self.front = front
        self.peer: Address = NOWHERE
        self._certificate: ClientCertificate | None = None
        self.broken = False
        """True once a body has broken off its framing; what was read of it is void."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Enter the front's list."""
        super().connection_made(transport)
        if name := transport.get_extra_info("peername"):
            self.peer = address(name[0])
        self.front.present.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Leave the front's list."""
        super().connection_lost(exc)
        self.front.leave(self)

    def certificate(self) -> ClientCertificate | None:
        """Return the certificate that the client has; raises CertificateUnusable.

        It says who has the key, and no more: what that is worth is for each request to find out
        anew, and sessions that are resumed change nothing about it (T25).
        """
        if self._certificate is None and self.transport is not None:
            der = self.transport.get_extra_info(CLIENT_CERTIFICATE)
            self._certificate = ClientCertificate.read(der) if der else None
        return self._certificate

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and tell whoever waits for a body that has gone wrong.

        aiohttp only queues the error, behind the request that will never be complete: another
        message while a body is unfinished can be nothing else.
        """
        queued = len(self._messages)
        super().data_received(data)
        request = self._current_request
        if request and len(self._messages) > queued and not request.content.is_eof():
            self.broken = True
            request.content.feed_eof()

    def retire(self) -> None:
        """Close, unless a request is being heard or answered; that one closes with its reply."""
        if self._current_request is None and not self._messages:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - quotes the caller's bytes; not for us
    ) -> web.StreamResponse:
        """Refuse what never reached the handler, or what escaped from it."""
        if request.writer.output_size > 0:
            raise ConnectionError("part of a reply is on its way")
        if status == HTTPStatus.BAD_REQUEST:
            return self.front.refuse(BadHttp())
        log.error("connection_fault", exc_info=exc)
        return self.front.refuse(InternalFault())
