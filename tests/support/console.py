"""The management API on a real socket, with operators in every role who call it."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import aiohttp

from support.clock import FakeClock
from support.registry import ISSUERS, START
from tashika_server.book import Book
from tashika_server.console.application import ConsoleParts, serving
from tashika_server.console.operators import Role, add_operator
from tashika_server.door import Answer
from tashika_server.policy import Guarded

SESSION = timedelta(hours=8)


@dataclass(kw_only=True)
class Answered:
    """A reply, read whole."""

    status: int
    headers: Any
    body: Any


@dataclass(kw_only=True)
class Console:
    """The API's address, who may log in, and one client."""

    url: str
    book: Book
    clock: FakeClock
    client: aiohttp.ClientSession
    published: list[int]
    tokens: dict[Role, str] = field(default_factory=dict)
    sessions: dict[Role, str] = field(default_factory=dict)

    async def enrol(self, name: str, role: Role) -> str:
        with self.book.writing(actor="root", at=self.clock.now()) as change:
            secret = add_operator(change, name=name, role=role).secret
        assert secret
        return secret

    async def log_in(self, token: str | None) -> Answered:
        return await self.call("POST", "/v1/sessions", bearer=token)

    async def session(self, role: Role) -> str:
        if role not in self.sessions:
            self.tokens[role] = await self.enrol(f"the {role}", role)
            self.sessions[role] = (await self.log_in(self.tokens[role])).body["session"]
        return self.sessions[role]

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        bearer: str | None = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answered:
        sent = dict(headers or {})
        if bearer:
            sent["Authorization"] = f"Bearer {bearer}"
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            sent.setdefault("Content-Type", "application/json")
        async with self.client.request(method, self.url + path, data=raw, headers=sent) as reply:
            text = await reply.text()
            return Answered(
                status=reply.status, headers=reply.headers, body=json.loads(text) if text else None
            )

    async def do(self, path: str, body: Any = None, *, role: Role = Role.REGISTRAR) -> Any:
        """POST as an operator and return the result; fails unless it was done."""
        answer = await self.call("POST", path, body, bearer=await self.session(role))
        assert answer.status == HTTPStatus.OK, answer.body
        return answer.body["result"]

    async def see(self, path: str, *, role: Role = Role.REGISTRAR) -> Any:
        answer = await self.call("GET", path, bearer=await self.session(role))
        assert answer.status == HTTPStatus.OK, answer.body
        return answer.body


@asynccontextmanager
async def console(
    book: Book,
    *,
    two_person: frozenset[Guarded] = frozenset(),
    tls: Any = None,
    client: Any = None,
    published: Answer | None = None,
) -> AsyncIterator[Console]:
    """Serve the API for the length of the block; `client` is the TLS of who calls it."""
    clock = FakeClock(START)
    times: list[int] = []

    async def publish() -> Answer:
        times.append(1)
        return published or {}

    parts = ConsoleParts(
        files=None,
        metrics=lambda: b"tashika_index_readable 1.0\n",
        book=book,
        two_person=two_person,
        issuers=ISSUERS,
        session_life=SESSION,
        tls=tls,
        clock=clock,
    )
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "https" if tls else "http"
    url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    connector = aiohttp.TCPConnector(ssl=client or True)
    async with (
        serving(parts, listener, published=publish),
        aiohttp.ClientSession(connector=connector) as session,
    ):
        yield Console(url=url, book=book, clock=clock, client=session, published=times)
