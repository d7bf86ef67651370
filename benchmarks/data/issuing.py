"""An issuer that pushes, in a thread of its own: what docs/push-feed.md has, from memory."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Self

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks.answering.authority import Authority
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

__all__ = ["Issuing"]

WAITS = 20.0
PROMISE = timedelta(hours=1)


class Issuing:
    """Serves a feed on loopback, for the length of a `with`."""

    def __init__(self, authority: Authority, *, entries: int) -> None:
        self._issuer = sha256(authority.identity.key).hexdigest()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._lines: list[bytes] = []
        """What is published."""
        self._made = 0
        self._last: bytes | None = None
        self._entries = entries
        self._loop = asyncio.new_event_loop()
        self._news = asyncio.Event()
        self._is_over = False
        self.url = ""

    def __enter__(self) -> Self:
        self._loop.run_until_complete(self._begin())
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _begin(self) -> None:
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/feed"

    async def _end(self) -> None:
        self._is_over = True
        self._news.set()
        await self._runner.cleanup()

    def write_key(self, file: Path) -> None:
        """Write the public key that messages are checked with."""
        form = PublicFormat.SubjectPublicKeyInfo
        file.write_bytes(self._key.public_key().public_bytes(Encoding.PEM, form))

    def message(self, serials: Sequence[int]) -> bytes:
        """Sign what revokes these, to be published in the order in which it was made."""
        at = datetime.now(UTC)
        self._made += 1
        self._entries += len(serials)
        revoked = (
            Event(what=Happened.REVOKED, serial=each, at=at, reason=Reason.SUPERSEDED)
            for each in serials
        )
        news = PartitionNews(
            partition="",
            number=1,
            entries=self._entries,
            events=tuple(revoked),
        )
        message = Message(
            issuer=self._issuer,
            sequence=self._made,
            previous=message_digest(self._last) if self._last else FIRST_PREVIOUS,
            this_update=at,
            next_update=at + PROMISE,
            partitions=(news,) if serials else (),
        )
        self._last = sign_message(message, self._key)
        return self._last

    def push(self, serials: Sequence[int]) -> None:
        """Publish that these are revoked."""
        self.publish(self.message(serials))

    def publish(self, line: bytes) -> None:
        """Publish a message."""
        asyncio.run_coroutine_threadsafe(self._add(line), self._loop).result()

    async def _add(self, line: bytes) -> None:
        self._lines.append(line)
        self._news.set()
        self._news = asyncio.Event()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        after = int(request.query.get("after", "0"))
        if after >= len(self._lines) and not self._is_over:
            try:
                await asyncio.wait_for(self._news.wait(), WAITS)
            except TimeoutError:
                return web.Response(status=204)
        body = b"".join(line + b"\n" for line in self._lines[after:])
        return web.Response(body=body) if body else web.Response(status=204)
