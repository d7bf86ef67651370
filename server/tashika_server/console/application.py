"""The management API over HTTP: who asks, may they, what, do it, tell the workers, reply.

Nothing is stored by browsers or proxies, no other site's page may call it (no CORS, no
cookies, its Origin is refused), and what no route says is refused.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from ipaddress import ip_address
from socket import socket
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from tashika_server.agreements.registry import Issued, Issuers, Proposal
from tashika_server.book import Book, Mode
from tashika_server.book.plain import plain
from tashika_server.clock import Clock
from tashika_server.console import openapi
from tashika_server.console.declining import HEADERS, declining, readable
from tashika_server.console.problems import NotAllowed, NotLoggedIn
from tashika_server.console.repeats import Repeats
from tashika_server.console.request import (
    MAX_BODY,
    bearer,
    body,
    client_key,
    demand_no_body,
    demand_own_page,
    digest,
    idempotency_key,
    mode,
    query,
)
from tashika_server.console.routes import ROUTES, Route
from tashika_server.console.sessions import Failures, Session, Sessions
from tashika_server.console.verbs import Access, House
from tashika_server.console.views import trace
from tashika_server.console.visit import FrontDesk, Visit, demand_operator
from tashika_server.door import Answer
from tashika_server.files.serving import Provision
from tashika_server.log import get_log
from tashika_server.policy import Guarded

__all__ = ["ConsoleParts", "serving"]

log = get_log()

IDLE_SECONDS = 30.0
"""How long a connection may say nothing, or be half way through its headers (T36)."""

Published = Callable[[], Awaitable[Answer]]
Call = Callable[[object], Any]
"""A verb with its arguments; wants only what it works on."""
Reply = tuple[Any, HTTPStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleParts:
    """What the management API works with."""

    book: Book
    two_person: frozenset[Guarded]
    issuers: Issuers
    session_life: timedelta
    tls: ssl.SSLContext | None
    clock: Clock
    files: Provision | None
    """Provides files to verifiers at the same address; None where none are kept."""
    metrics: Callable[[], bytes]
    """Writes the metrics in the text format of Prometheus, for who asks from this machine."""


@asynccontextmanager
async def serving(
    parts: ConsoleParts, listener: socket, *, published: Published
) -> AsyncIterator[None]:
    """Serve on a listening socket; a change is answered after `published` has returned.

    It tells the workers, and returns an "error" if they do not know yet.
    """
    runner = web.AppRunner(
        application(parts, published=published),
        access_log=None,
        keepalive_timeout=IDLE_SECONDS,
        shutdown_timeout=5.0,
    )
    await runner.setup()
    try:
        site = web.SockSite(runner, listener, ssl_context=parts.tls)
        await site.start()
        log.info("management_ready", url=site.name)
        yield
    finally:
        await runner.cleanup()


def application(parts: ConsoleParts, *, published: Published) -> web.Application:
    """Put the application together from the table of routes."""
    desk = FrontDesk(
        book=parts.book,
        sessions=Sessions(life=parts.session_life),
        failures=Failures(),
        document=openapi.document(version("tashika-server")),
    )
    made = web.Application(middlewares=[declining], client_max_size=MAX_BODY)
    repeats = Repeats[Reply]()
    for route in ROUTES:
        counter = _Counter(
            parts=parts, desk=desk, route=route, repeats=repeats, published=published
        )
        made.router.add_route(route.method, route.path, counter.serve)
    made.router.add_get("/metrics", partial(_metrics, parts))
    if parts.files:
        parts.files.add_routes(made.router)
    return made


async def _metrics(parts: ConsoleParts, request: web.Request) -> web.Response:
    """Show the metrics to whoever is on this machine; they name no verifier and no certificate."""
    if not ip_address(request.remote or "::").is_loopback:
        raise web.HTTPForbidden
    text = await asyncio.to_thread(parts.metrics)
    return web.Response(body=text, headers=HEADERS | {"Content-Type": CONTENT_TYPE_LATEST})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counter:
    """Where one route is served."""

    parts: ConsoleParts
    desk: FrontDesk
    route: Route
    repeats: Repeats[Reply]
    published: Published

    async def serve(self, request: web.Request) -> web.Response:
        """Tell who asks, whether they may, and what; do it; tell the workers; reply."""
        demand_own_page(request)
        visit = self._visit(request)
        self._demand_role(visit.session)
        arguments = self.route.verb.arguments(await self._sent(request))
        house = House(
            two_person=self.parts.two_person,
            issuers=self.parts.issuers,
            at=visit.at,
            visit=visit,
        )
        call = partial(
            self.route.verb.call, house=house, path=dict(request.match_info), body=arguments
        )
        match self.route.verb.access:
            case Access.NONE:
                return _reply(await asyncio.to_thread(call, visit))
            case Access.READ:
                return _reply(await asyncio.to_thread(self._read, visit, call))
            case Access.WRITE:
                return _reply(*await self._write(visit, call, request))

    def _visit(self, request: web.Request) -> Visit:
        at = self.parts.clock.now()
        secret = bearer(request)
        return Visit(
            desk=self.desk,
            at=at,
            address=request.remote or "::",
            bearer=secret,
            client_key=client_key(request),
            session=self.desk.sessions.find(secret, at) if secret else None,
        )

    def _demand_role(self, session: Session | None) -> None:
        role = session.operator.role if session else None
        if role in self.route.roles:
            return
        if session is None:
            raise NotLoggedIn
        log.warning("operator_denied", operator=session.operator.id, path=self.route.path)
        raise NotAllowed(", ".join(sorted(each for each in self.route.roles if each)))

    async def _sent(self, request: web.Request) -> Any:
        """Return the parsed body, or the query of what only reads."""
        if self.route.verb.access is not Access.WRITE:
            return query(request)
        return demand_no_body(request) if self.route.verb.takes is None else await body(request)

    def _read(self, visit: Visit, call: Call) -> Any:
        with self.parts.book.reading() as connection:
            demand_operator(connection, visit)
            return call(connection)

    async def _write(self, visit: Visit, call: Call, request: web.Request) -> Reply:
        """Change the book, once for all requests with one key."""
        kept = mode(request)
        act = partial(self._change_and_tell, visit, call, kept)
        key = idempotency_key(request)
        if key is None or visit.session is None or kept is Mode.REHEARSE:
            return await act()
        await asyncio.to_thread(self._read, visit, lambda _: None)  # still an operator?
        key_of_theirs = (visit.session.operator.id, key)
        return await self.repeats.once(key_of_theirs, await digest(request), visit.at, act)

    async def _change_and_tell(self, visit: Visit, call: Call, mode: Mode) -> Reply:
        result, changes = await asyncio.to_thread(self._change, visit, call, mode)
        workers_know = mode is Mode.KEEP and "error" not in await self.published()
        if mode is Mode.REHEARSE and isinstance(result, Issued):
            # A rehearsed secret opens nothing, so nobody is to write it down.
            result = Issued(registered=result.registered)
        waits = isinstance(result, Proposal) and result.decided_by is None
        return {
            "dry_run": mode is Mode.REHEARSE,
            "workers_know": workers_know,
            "result": result,
            "changes": changes,
        }, HTTPStatus.ACCEPTED if waits else HTTPStatus.OK

    def _change(self, visit: Visit, call: Call, mode: Mode) -> tuple[Any, Any]:
        if visit.session is None:
            raise NotLoggedIn
        actor = visit.session.operator.name
        with self.parts.book.writing(actor=actor, at=visit.at, mode=mode) as change:
            demand_operator(change.connection, visit)
            result = call(change)
        return result, [trace(entry) for entry in change.entries]


def _reply(value: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.json_response(plain(value), status=status, headers=HEADERS, dumps=readable)
