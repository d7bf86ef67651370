"""The socket side of the responder, on aiohttp's low-level server: bytes to `http` and back.

With `connection` the only module of the responder that knows aiohttp. It has no router,
because paths with `//` must arrive as they were sent (T1). Every wait has an absolute
deadline (T36).
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

from aiohttp import HttpVersion11, web

from tashika.pki.limits import MAX_REQUEST_BYTES
from tashika_server.agreements.notes import Notebook
from tashika_server.clock import Clock
from tashika_server.index import IndexMissing
from tashika_server.log import get_log
from tashika_server.metrics import Tally
from tashika_server.refusal import (
    BadHttp,
    InternalFault,
    Refusal,
    TooLarge,
    TooSlow,
    UnmetExpectation,
    metric_labels,
)
from tashika_server.responder.answer import Replay, answer
from tashika_server.responder.asker import Reception
from tashika_server.responder.connection import Connection, Front
from tashika_server.responder.desk import Desk
from tashika_server.responder.http import (
    Aim,
    HttpReply,
    Target,
    decline,
    deliver,
    read_target,
    report_health,
)

__all__ = ["Patience", "Rim"]

log = get_log()

MAX_TARGET_BYTES = 16 * 1024
"""The largest question in base64 is under 11 kB; some clients escape parts of it."""
MAX_FIELD_BYTES = 4096
MAX_FIELDS = 64
"""Browsers send about 20 header fields; proxies add some (T35: trailers count too)."""

_outcomes = Tally(
    "tashika_answers",
    "What became of each question.",
    label="outcome",
    allowed=("answered", "replayed", *metric_labels()),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a caller may take over each part of an exchange, slowly sent bytes or not."""

    head: timedelta = timedelta(seconds=10)
    """For the next request's head to be there, from the last reply on; so also for idling."""
    body: timedelta = timedelta(seconds=5)
    """For the rest of the request: 8 kB over the worst mobile line."""
    reply: timedelta = timedelta(seconds=5)
    """For taking the reply off our hands."""
    linger: timedelta = timedelta(seconds=1)
    """For hearing a refused caller out, so that the refusal arrives before the reset."""


class Rim:
    """Answers HTTP connections from one desk."""

    def __init__(
        self,
        desk: Desk,
        *,
        reception: Reception,
        notebook: Notebook,
        clock: Clock,
        cache_for: timedelta,
        patience: Patience,
    ) -> None:
        self._desk = desk
        self._reception = reception
        self._notebook = notebook
        self._clock = clock
        self._cache_for = cache_for
        self._patience = patience

    def front(self) -> Front:
        """Make the protocol factory for `create_server` of the running loop."""
        return Front(
            self.handle,
            self._refuse,
            keepalive_timeout=self._patience.head.total_seconds(),
            lingering_time=self._patience.linger.total_seconds(),
            max_line_size=MAX_TARGET_BYTES,
            max_field_size=MAX_FIELD_BYTES,
            max_headers=MAX_FIELDS,
            # A question in gzip is no DER, and may be a bomb.
            auto_decompress=False,
            access_log=None,
        )

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Read one request, reply to it, and see the reply off."""
        connection = cast("Connection", request.protocol)
        try:
            response = _to_response(await self._hear(request, connection))
        except Refusal as refusal:
            response = self._refuse(refusal)
        if connection.front.draining:
            response.force_close()
        await self._send(request, response)
        return response

    def _refuse(self, refusal: Refusal) -> web.Response:
        _outcomes.count(refusal.reply.metric)
        at = self._clock.now()
        response = _to_response(decline(refusal, note=self._notebook.seal(refusal, at), at=at))
        if refusal.reply.ocsp is None:
            # What else is on its way may be the rest of the request that was refused.
            response.force_close()
        return response

    async def _hear(self, request: web.BaseRequest, connection: Connection) -> HttpReply:
        target = read_target(request.method, request.raw_path)
        if target.aim is Aim.HEALTH:
            return report_health(self._generation(), at=self._clock.now())
        if target.aim is Aim.OCSP_IN_BODY:
            target = replace(target, question=await self._read_body(request, connection))
        try:
            return self._answer(target, request, connection)
        except Refusal:
            raise
        except Exception as fault:
            log.exception("answer_failed")
            raise InternalFault from fault

    def _answer(
        self, target: Target, request: web.BaseRequest, connection: Connection
    ) -> HttpReply:
        at = self._clock.now()
        asker = self._reception.read(
            request.headers,
            peer=connection.peer,
            certificate=connection.certificate(),
            path_token=target.path_token,
        )
        given = answer(target.question, asker, self._desk, at=at)
        _outcomes.count("replayed" if isinstance(given, Replay) else "answered")
        return deliver(
            given,
            aim=target.aim,
            conditions=request.headers,
            cache_for=self._cache_for,
            at=at,
        )

    def _generation(self) -> int | None:
        try:
            with self._desk.index.snapshot() as view:
                return view.generation
        except IndexMissing:
            return None

    async def _read_body(self, request: web.BaseRequest, connection: Connection) -> bytes:
        if (request.content_length or 0) > MAX_REQUEST_BYTES:
            raise TooLarge
        await _meet_expectation(request)
        body = bytearray()
        try:
            async with asyncio.timeout(self._patience.body.total_seconds()):
                while chunk := await request.content.readany():
                    body += chunk
                    if len(body) > MAX_REQUEST_BYTES:
                        raise TooLarge
        except TimeoutError as slow:
            raise TooSlow from slow
        except (web.RequestPayloadError, ConnectionError) as broken:
            raise BadHttp from broken
        if connection.broken:
            raise BadHttp
        return bytes(body)

    async def _send(self, request: web.BaseRequest, response: web.Response) -> None:
        try:
            async with asyncio.timeout(self._patience.reply.total_seconds()):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            log.debug("caller_gone")


async def _meet_expectation(request: web.BaseRequest) -> None:
    """Let the caller go on who waits for leave to (RFC 9110 10.1.1); 1.0 knows no such thing."""
    expected = request.headers.get("Expect")
    if expected is None or request.version < HttpVersion11:
        return
    if expected.lower() != "100-continue":
        raise UnmetExpectation
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # aiohttp takes any output for the begun reply


def _to_response(reply: HttpReply) -> web.Response:
    headers = {**reply.headers, "Server": "tashika"}
    return web.Response(status=reply.status, headers=headers, body=reply.body)
