"""The transport over HTTP. Apart from :mod:`tashika.transport`, since aiohttp is slow to import."""

import re
import ssl
from datetime import timedelta

import aiohttp

from tashika.causes import Cause
from tashika.credential import BearerToken
from tashika.errors import SourceFailed
from tashika.transport import Reply

_HEADERS = {
    "Content-Type": "application/ocsp-request",
    "Accept": "application/ocsp-response",
    "Accept-Encoding": "identity",
    "User-Agent": "tashika",
}
_REFUSAL_ID = re.compile(r"[A-Za-z0-9_=-]{1,512}")
"""Anybody on the way can forge the header, and people will read it."""


class HttpTransport:
    """HTTP/1.1 with kept connections. For one event loop only.

    Follows no redirect, keeps no cookie, uses no proxy from the environment
    and unpacks nothing (C8, C9).
    """

    def __init__(
        self, *, connect: timedelta, tls: ssl.SSLContext | None, token: BearerToken | None = None
    ) -> None:
        self._connect = connect.total_seconds()
        self._tls = tls
        self._token = token
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        """Send a question; SourceFailed unless the status is 200."""
        try:
            try:
                return await self._exchange(url, body, limit)
            except aiohttp.ServerDisconnectedError:
                # The server may have closed a kept connection just as we took
                # it. Asking for a status changes nothing, so ask once more.
                return await self._exchange(url, body, limit)
        except TimeoutError as late:
            raise SourceFailed(Cause.TIMED_OUT, "no connection") from late
        except (aiohttp.ClientError, OSError, ValueError) as broken:
            raise SourceFailed(Cause.UNREACHABLE, _why(broken)) from broken

    async def close(self) -> None:
        """Close every connection; whoever still asks gets SourceFailed."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _exchange(self, url: str, body: bytes, limit: int) -> Reply:
        headers = {"Authorization": self._token.header} if self._token else None
        asking = self._opened().post(url, data=body, headers=headers, allow_redirects=False)
        async with asking as reply:
            if reply.status != 200:  # noqa: PLR2004 - RFC 6960 appendix A.2: every answer is a 200
                raise SourceFailed(Cause.HTTP_STATUS, f"HTTP {reply.status}")
            refusal = reply.headers.get("Tashika-Refusal", "")
            known = refusal if _REFUSAL_ID.fullmatch(refusal) else ""
            return Reply(await _read(reply.content, limit), known)

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise SourceFailed(Cause.UNREACHABLE, "the client is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._tls or True),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=_HEADERS,
                timeout=aiohttp.ClientTimeout(connect=self._connect),
                auto_decompress=False,
            )
        return self._session


async def _read(stream: aiohttp.StreamReader, limit: int) -> bytes:
    received = bytearray()
    while len(received) <= limit and (piece := await stream.read(limit + 1 - len(received))):
        received += piece
    return bytes(received)


def _why(broken: Exception) -> str:
    # Not str(broken): aiohttp's messages repeat the URL, which may hold a credential.
    if isinstance(broken, OSError) and broken.strerror:
        return broken.strerror
    return type(broken).__name__
