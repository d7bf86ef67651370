"""The transport over HTTP. Apart from :mod:`tashika.transport`, since aiohttp is slow to import."""

import errno
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import aiohttp
from aiohappyeyeballs import AddrInfoType

from tashika.causes import Cause
from tashika.credential import BearerToken
from tashika.errors import ConnectionLost, SourceFailed, TashikaError
from tashika.network.settings import POOL, PoolLimits
from tashika.transport import Reply

_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "tashika"}
_OF_QUESTIONS = {
    "Content-Type": "application/ocsp-request",
    "Accept": "application/ocsp-response",
}
_LOST = (
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientOSError,
    aiohttp.ClientPayloadError,
)
_PIECE = 64 * 1024
_REFUSAL_ID = re.compile(r"[A-Za-z0-9_=-]{1,512}")
"""Anybody on the way can forge the header, and people will read it."""


_NOT_ADMITTED = "its address is not one to connect to"
Admit = Callable[[str], object]
"""Raises a TashikaError for an address, in digits, that must not be connected to."""


class HttpTransport:
    """HTTP/1.1 with kept connections. For one event loop only.

    Follows no redirect, keeps no cookie, uses no proxy from the environment
    and unpacks nothing (C8, C9). ``admit`` is asked about each address that
    is about to be connected to, after its name was resolved: what a name
    resolves to later cannot get around it. None where URLs come from the
    configuration, which is trusted.
    """

    def __init__(
        self,
        *,
        connect: timedelta,
        tls: ssl.SSLContext | None,
        token: BearerToken | None = None,
        pool: PoolLimits = POOL,
        admit: Admit | None = None,
    ) -> None:
        self._connect = connect.total_seconds()
        self._tls = tls
        self._token = token
        self._pool = pool
        self._admit = admit
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        """Send a question; SourceFailed unless the status is 200."""
        with _failing():
            return await self._exchange("POST", url, limit, body)

    async def get(self, url: str, *, limit: int) -> Reply:
        """Fetch what is at a URL, such as a CRL; SourceFailed unless the status is 200."""
        with _failing():
            return await self._exchange("GET", url, limit)

    async def close(self) -> None:
        """Close every connection; whoever still asks gets SourceFailed."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _exchange(
        self, method: str, url: str, limit: int, body: bytes | None = None
    ) -> Reply:
        """Return what is answered, ``limit`` + 1 octets at most.

        No token goes along with GET: it is the responder's to see.
        """
        headers = dict(_OF_QUESTIONS) if body is not None else {}
        if self._token and body is not None:
            headers["Authorization"] = self._token.header
        asking = self._opened().request(
            method, url, data=body, headers=headers, allow_redirects=False
        )
        async with asking as reply:
            if reply.status != 200:  # noqa: PLR2004 - RFC 6960 appendix A.2: every answer is a 200
                raise SourceFailed(Cause.HTTP_STATUS, f"HTTP {reply.status}")
            received = await _read(reply.content, limit)
            refusal = reply.headers.get("Tashika-Refusal", "")
            return Reply(received, refusal if _REFUSAL_ID.fullmatch(refusal) else "")

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise SourceFailed(Cause.UNREACHABLE, "the client is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._tls or True,
                    limit=0,
                    limit_per_host=self._pool.connections,
                    keepalive_timeout=self._pool.idle.total_seconds(),
                    socket_factory=self._socket if self._admit else None,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=_HEADERS,
                timeout=aiohttp.ClientTimeout(connect=self._connect),
                auto_decompress=False,
            )
        return self._session

    def _socket(self, about: AddrInfoType) -> socket.socket:
        """Make the socket for an address that has been resolved, if that is admitted."""
        family, kind, protocol, _, address = about
        try:
            if self._admit:
                self._admit(str(address[0]))
        except TashikaError as refused:
            raise OSError(errno.EACCES, _NOT_ADMITTED) from refused
        return socket.socket(family=family, type=kind, proto=protocol)


async def _read(stream: aiohttp.StreamReader, limit: int) -> bytes:
    received = bytearray()
    while (left := limit + 1 - len(received)) and (piece := await stream.read(min(left, _PIECE))):
        received += piece
    return bytes(received)


@contextmanager
def _failing() -> Iterator[None]:
    """Turn what aiohttp raises into SourceFailed, and ConnectionLost where it had connected."""
    try:
        yield
    except TimeoutError as late:
        raise SourceFailed(Cause.TIMED_OUT, "no connection") from late
    except aiohttp.ClientConnectorError as refused:
        # Not as silence, which a soft-fail policy may tolerate: a certificate chose that address.
        if _NOT_ADMITTED in str(refused.os_error):
            raise SourceFailed(Cause.ADDRESS_REFUSED, _NOT_ADMITTED) from refused
        raise SourceFailed(Cause.UNREACHABLE, _why(refused)) from refused
    except _LOST as lost:
        raise ConnectionLost(Cause.UNREACHABLE, _why(lost)) from lost
    except (aiohttp.ClientError, OSError, ValueError) as broken:
        raise SourceFailed(Cause.UNREACHABLE, _why(broken)) from broken


def _why(broken: Exception) -> str:
    # Not str(broken): aiohttp's messages repeat the URL, which may hold a credential.
    if isinstance(broken, OSError) and broken.strerror:
        return broken.strerror
    return type(broken).__name__
