"""The management API over HTTP: who asks, may they, what, do it, tell the workers, reply.

Nothing is stored by browsers or proxies, no other site's page may call it (no CORS, no
cookies), and what no route says is refused.
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
from socket import socket
from typing import Any

from aiohttp import web

from tashika.pki.errors import TashikaError
from tashika_server.agreements.registry import Guarded, Issued, Proposal
from tashika_server.book import Book, Mode
from tashika_server.book.plain import plain
from tashika_server.clock import Clock
from tashika_server.console import openapi
from tashika_server.console.problems import (
    Failed,
    NotAllowed,
    NotLoggedIn,
    PageUnknown,
    TooBig,
    TooManyFailures,
    WrongMethod,
    described,
)
from tashika_server.console.request import bearer, body, client_key, mode, query
from tashika_server.console.routes import ROUTES, Route, trace
from tashika_server.console.sessions import Failures, Session, Sessions
from tashika_server.console.verbs import Access, House
from tashika_server.console.visit import FrontDesk, Visit, demand_operator
from tashika_server.log import get_log

__all__ = ["ConsoleParts", "serving"]

log = get_log()

MAX_BODY = 64 * 1024
"""An order with a certificate is under 8 kB."""
IDLE_SECONDS = 30.0
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Published = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleParts:
    """What the management API works with."""

    book: Book
    two_person: frozenset[Guarded]
    session_life: timedelta
    tls: ssl.SSLContext | None
    clock: Clock


@asynccontextmanager
async def serving(
    parts: ConsoleParts, listener: socket, *, published: Published
) -> AsyncIterator[None]:
    """Serve on a listening socket; a change is answered after `published` has returned."""
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
    made = web.Application(middlewares=[_declining], client_max_size=MAX_BODY)
    for route in ROUTES:
        counter = _Counter(parts=parts, desk=desk, route=route, published=published)
        made.router.add_route(route.method, route.path, counter.serve)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counter:
    """Where one route is served."""

    parts: ConsoleParts
    desk: FrontDesk
    route: Route
    published: Published

    async def serve(self, request: web.Request) -> web.Response:
        """Tell who asks, whether they may, and what; do it; tell the workers; reply."""
        visit = self._visit(request)
        self._demand_role(visit.session)
        arguments = self.route.verb.arguments(await self._sent(request))
        house = House(two_person=self.parts.two_person, at=visit.at, visit=visit)
        call = partial(
            self.route.verb.call, house=house, path=dict(request.match_info), body=arguments
        )
        match self.route.verb.access:
            case Access.NONE:
                return _reply(await asyncio.to_thread(call, visit))
            case Access.READ:
                return _reply(await asyncio.to_thread(self._read, visit, call))
            case Access.WRITE:
                return await self._write(visit, call, mode(request))

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
        return None if self.route.verb.takes is None else await body(request)

    def _read(self, visit: Visit, call: Callable[[object], Any]) -> Any:
        with self.parts.book.reading() as connection:
            demand_operator(connection, visit)
            return call(connection)

    async def _write(self, visit: Visit, call: Callable[[object], Any], mode: Mode) -> web.Response:
        result, changes = await asyncio.to_thread(self._change, visit, call, mode)
        if mode is Mode.KEEP:
            await self.published()
        elif isinstance(result, Issued):
            # A rehearsed secret opens nothing, so nobody is to write it down.
            result = Issued(registered=result.registered)
        waits = isinstance(result, Proposal) and result.decided_by is None
        return _reply(
            {"dry_run": mode is Mode.REHEARSE, "result": result, "changes": changes},
            HTTPStatus.ACCEPTED if waits else HTTPStatus.OK,
        )

    def _change(self, visit: Visit, call: Callable[[object], Any], mode: Mode) -> tuple[Any, Any]:
        if visit.session is None:
            raise NotLoggedIn
        actor = visit.session.operator.name
        with self.parts.book.writing(actor=actor, at=visit.at, mode=mode) as change:
            demand_operator(change.connection, visit)
            result = call(change)
        return result, [trace(entry) for entry in change.entries]


# --- Replies --------------------------------------------------------------------------------


def _reply(value: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.json_response(plain(value), status=status, headers=HEADERS)


@web.middleware
async def _declining(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn whatever was raised into its problem document."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as wrong:
        return _declined(WrongMethod(", ".join(sorted(wrong.allowed_methods))))
    except web.HTTPRequestEntityTooLarge:
        return _declined(TooBig(MAX_BODY))
    except web.HTTPException:
        return _declined(PageUnknown())
    except TashikaError as wrong:
        return _declined(wrong)
    except Exception:
        log.exception("management_failed", path=request.path)
        return _declined(Failed())


def _declined(error: TashikaError) -> web.Response:
    status, problem = described(error)
    headers = dict(HEADERS)
    if isinstance(error, NotLoggedIn):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, WrongMethod):
        headers["Allow"] = error.allowed
    if isinstance(error, TooManyFailures):
        headers["Retry-After"] = str(error.seconds)
    return web.json_response(
        problem, status=status, headers=headers, content_type="application/problem+json"
    )
