"""Getting the newest file of a partition, over HTTP or from a disk, within firm bounds.

URLs come from the configuration and nowhere else. Not for judging what has come (`accept`).
"""

import asyncio
import os
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import aiohttp
from yarl import URL

from tashika_server.index import Mark
from tashika_server.refresh.source import Check, NotTaken

__all__ = ["FetchLimits", "Fetched", "Fetcher", "NotModified"]

MAX_VALIDATOR_CHARS = 256
"""An ETag or date longer than that is not worth keeping; the file is then fetched each time."""
HEADERS = {
    "Accept": "application/pkix-crl, */*;q=0.1",
    # Nothing may grow after it has been counted (C8).
    "Accept-Encoding": "identity",
    "User-Agent": "tashika-server",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How much and how long one fetch may take."""

    max_bytes: int = 512 * 2**20
    """A complete CRL of 8 M entries, a sixth of the nation's, is 300 MB (T30)."""
    connect: timedelta = timedelta(seconds=10)
    stall: timedelta = timedelta(seconds=20)
    """Between two pieces."""
    total: timedelta = timedelta(minutes=5)
    """max_bytes at 15 Mbit/s; well below the usual schedule of 15 minutes."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file as it came, and what the next conditional request is to say."""

    body: bytes = field(repr=False)
    sha256: bytes
    etag: str | None
    last_modified: str | None


@dataclass(frozen=True, slots=True)
class NotModified:
    """The source still has the accepted file."""


class Fetcher:
    """Fetches http:, https: and file: URLs, and lab: ones from `lab_base`; for `async with`.

    Any number of fetches may run at once. Redirects are not followed and proxies of the
    environment are not used.
    """

    def __init__(self, *, limits: FetchLimits, lab_base: str | None) -> None:
        self._limits = limits
        self._lab_base = lab_base

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(
                total=self._limits.total.total_seconds(),
                connect=self._limits.connect.total_seconds(),
                sock_read=self._limits.stall.total_seconds(),
            ),
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def fetch(self, url: str, known: Mark | None) -> Fetched | NotModified:
        """Get the file unless it is the one that `known` marks; raises NotTaken (fetch)."""
        url = self._resolve(url)
        if url.startswith("file:"):
            return await asyncio.to_thread(self._read, Path(unquote(urlsplit(url).path)), known)
        where = urlsplit(url).netloc.rpartition("@")[2]
        try:
            return await self._get(url, where, known)
        except TimeoutError as slow:
            raise _failed(where, "was too slow to connect or to send", "look at it") from slow
        except (aiohttp.ClientError, OSError, ValueError) as wrong:
            raise _failed(where, str(wrong) or type(wrong).__name__, "look at it") from wrong

    def _resolve(self, url: str) -> str:
        if not url.startswith("lab:"):
            return url
        if self._lab_base is None:
            raise _failed(url, "needs the simulated issuer", "run it by `serve` with [lab]")
        return self._lab_base + url.removeprefix("lab:")

    async def _get(self, url: str, where: str, known: Mark | None) -> Fetched | NotModified:
        conditions = _conditions(known)
        request = self._session.get(
            URL(url, encoded=True), headers=conditions, allow_redirects=False
        )
        async with request as response:
            if response.status == HTTPStatus.NOT_MODIFIED and conditions:
                return NotModified()
            if HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST:
                raise _failed(where, f"redirects ({response.status})", "give the final URL")
            if response.status != HTTPStatus.OK:
                raise _failed(where, f"answers HTTP {response.status}", "look at the URL")
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise _failed(where, "compresses unasked", "turn that off for CRLs")
            headers = response.headers
            return _fetched(
                await self._read_body(response, where),
                headers.get("ETag"),
                headers.get("Last-Modified"),
            )

    async def _read_body(self, response: aiohttp.ClientResponse, where: str) -> bytes:
        if (response.content_length or 0) > self._limits.max_bytes:
            raise self._too_large(where)
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > self._limits.max_bytes:
                raise self._too_large(where)
        return bytes(body)

    def _read(self, path: Path, known: Mark | None) -> Fetched | NotModified:
        try:
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
                etag = f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"
                if known and known.etag == etag:
                    return NotModified()
                body = file.read(self._limits.max_bytes + 1)
        except OSError as wrong:
            raise _failed(str(path), f"{wrong.strerror}", "look at the file") from wrong
        if len(body) > self._limits.max_bytes:
            raise self._too_large(str(path))
        return _fetched(body, etag, None)

    def _too_large(self, where: str) -> NotTaken:
        return _failed(where, f"sends more than {self._limits.max_bytes} octets", "look at it")


def _conditions(known: Mark | None) -> dict[str, str]:
    if known is None:
        return {}
    conditions = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in conditions.items() if value}


def _fetched(body: bytes, *validators: str | None) -> Fetched:
    kept = (text if text and len(text) <= MAX_VALIDATOR_CHARS else None for text in validators)
    return Fetched(body, sha256(body).digest(), *kept)


def _failed(where: str, what: str, remedy: str) -> NotTaken:
    return NotTaken(Check.FETCH, f"{where} {what}; {remedy}")
