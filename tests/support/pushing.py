"""An issuer that pushes, as a test wants it: messages in order, and in every disorder.

`serving` answers as docs/push-feed.md says, from `lines`, and never waits: what a test has not
put there is not there.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from aiohttp import web

from support.crls import AT, NAKA, Ca, make_key
from tashika.pki.certid import IssuerIdentity
from tashika.pki.standing import Reason
from tashika_server.feed import (
    FIRST_PREVIOUS,
    Event,
    Happened,
    Message,
    PartitionNews,
    message_digest,
    sign_message,
)

KEY = make_key("push feed")
MINUTE = timedelta(minutes=1)


def revoked(serial: int, reason: Reason | None = Reason.KEY_COMPROMISE, **more: Any) -> Event:
    return Event(what=Happened.REVOKED, serial=serial, at=AT, reason=reason, **more)


def held(serial: int) -> Event:
    return Event(what=Happened.HELD, serial=serial, at=AT, reason=Reason.CERTIFICATE_HOLD)


def released(serial: int) -> Event:
    return Event(what=Happened.RELEASED, serial=serial)


def corrected(serial: int, reason: Reason, at: datetime = AT) -> Event:
    return Event(what=Happened.CORRECTED, serial=serial, at=at, reason=reason)


def news(*events: Event, entries: int, number: int = 1, partition: str = NAKA) -> PartitionNews:
    return PartitionNews(partition=partition, number=number, entries=entries, events=events)


@dataclass
class Pusher:
    """What an issuer has said so far; `oldest` is what it still has."""

    ca: Ca
    lines: list[bytes] = field(default_factory=list)
    oldest: int = 1
    status: int | None = None
    """In place of any answer."""

    def message(self, *partitions: PartitionNews, **different: Any) -> bytes:
        """Sign what comes next; keywords make one thing of it different."""
        sequence = len(self.lines) + 1
        at = AT + sequence * MINUTE
        said = {
            "issuer": sha256(IssuerIdentity.of(self.ca.certificate).key).hexdigest(),
            "sequence": sequence,
            "previous": message_digest(self.lines[-1]) if self.lines else FIRST_PREVIOUS,
            "this_update": at,
            "next_update": at + 3 * MINUTE,
            "partitions": partitions,
        }
        key = different.pop("key", KEY)
        return sign_message(Message(**said | different), key)

    def push(self, *partitions: PartitionNews, **different: Any) -> bytes:
        """Say what comes next."""
        self.lines.append(self.message(*partitions, **different))
        return self.lines[-1]

    def answer(self, after: int | None) -> web.Response:
        if self.status:
            return web.Response(status=self.status)
        if after is not None and after + 1 < self.oldest:
            return web.Response(status=410)
        lines = self.lines[max(after or 0, self.oldest - 1) :]
        body = b"".join(line + b"\n" for line in lines)
        return web.Response(body=body) if lines else web.Response(status=204)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve on a port of loopback and yield the feed's URL."""

        async def handle(request: web.BaseRequest) -> web.Response:
            after = request.query.get("after")
            return self.answer(None if after is None else int(after))

        runner = web.ServerRunner(web.Server(handle))
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            yield f"http://127.0.0.1:{port}/feed"
        finally:
            await runner.cleanup()
