"""Getting the newest file of a partition, over HTTP or from a disk, within firm bounds.

URLs come from the configuration and nowhere else. Not for judging what has come (`accept`).
"""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from http import HTTPStatus
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import aiohttp
from yarl import URL

from tashika_server.refresh.source import Check, NotTaken

__all__ = ["FetchLimits", "Fetched", "Fetcher", "NotModified", "Validators"]

MAX_VALIDATOR_CHARS = 256
"""An ETag or date longer than that is not worth keeping; the file is then fetched each time."""
REST_SECONDS = 30.0
"""A host that has let somebody wait in vain is left alone for so long: an issuer that is silent
has thousands of files there, and the others' turns would wait for each of them."""
PIECE = 1 << 20
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
    at_once: int = 8
    """Others wait: an issuer's thousands of files may lie on one small machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What a conditional request says, to the URL that has said it."""

    etag: str | None
    last_modified: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file as it came, spooled, and what the next conditional request is to say."""

    path: Path
    sha256: bytes
    validators: Validators


@dataclass(frozen=True, slots=True)
class NotModified:
    """The source still has the accepted file."""


class Fetcher:
    """Fetches http:, https: and file: URLs, and lab: ones from `lab_base`; for `async with`.

    Any number of fetches may run at once, and should not (`turns`). Redirects are not followed and
    proxies of the environment are not used.
    """

    def __init__(
        self,
        *,
        limits: FetchLimits,
        lab_base: str | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._lab_base = lab_base
        self._monotonic = monotonic
        self._silent = dict[str, float]()
        """Hosts that did not answer in time, and until when they are left alone."""
        self.turns = asyncio.Semaphore(limits.at_once)
        """Whoever fetches holds one."""

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

    async def fetch(self, url: str, known: Validators | None, into: Path) -> Fetched | NotModified:
        """Put the file at `into` unless it is the one that is known; raises NotTaken.

        No more of it than one piece is ever in memory.
        """
        spool = _Spool(into, self._limits.max_bytes)
        url = self._resolve(url)
        if url.startswith("file:"):
            return await asyncio.to_thread(_copy, Path(unquote(urlsplit(url).path)), known, spool)
        where = urlsplit(url).netloc.rpartition("@")[2]
        if self._monotonic() < self._silent.get(where, 0.0):
            raise _failed(where, "did not answer another question a moment ago", "look at it")
        try:
            return await self._get(url, where, known, spool)
        except TimeoutError as slow:
            if isinstance(slow, aiohttp.ServerTimeoutError):  # not a file that is only too long
                self._silent[where] = self._monotonic() + REST_SECONDS
            raise _failed(where, "was too slow to connect or to send", "look at it") from slow
        except (aiohttp.ClientError, OSError, ValueError) as wrong:
            raise _failed(where, str(wrong) or type(wrong).__name__, "look at it") from wrong

    def _resolve(self, url: str) -> str:
        if not url.startswith("lab:"):
            return url
        if self._lab_base is None:
            raise _failed(url, "needs the simulated issuer", "run it by `serve` with [lab]")
        return self._lab_base + url.removeprefix("lab:")

    async def _get(
        self, url: str, where: str, known: Validators | None, spool: "_Spool"
    ) -> Fetched | NotModified:
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
            spool.foresee(response.content_length or 0, where)
            with spool:
                async for piece in response.content.iter_any():
                    spool.add(piece, where)
            headers = response.headers
            return spool.fetched(headers.get("ETag"), headers.get("Last-Modified"))


class _Spool:
    """A file on its way to the disk, counted and hashed while it comes."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._left = max_bytes
        self._hash = sha256()

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("wb")
        except OSError as wrong:
            raise _unspooled(wrong) from wrong
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except OSError as wrong:
            raise _unspooled(wrong) from wrong

    def foresee(self, octets: int, where: str) -> None:
        """Refuse what is too large by its own word."""
        if octets > self._left:
            raise self._too_large(where)

    def add(self, piece: bytes, where: str) -> None:
        self._left -= len(piece)
        if self._left < 0:
            raise self._too_large(where)
        self._hash.update(piece)
        try:
            self._file.write(piece)
        except OSError as wrong:
            raise _unspooled(wrong) from wrong

    def fetched(self, *validators: str | None) -> Fetched:
        kept = (text if text and len(text) <= MAX_VALIDATOR_CHARS else None for text in validators)
        etag, last_modified = kept
        return Fetched(
            path=self._path,
            sha256=self._hash.digest(),
            validators=Validators(etag=etag, last_modified=last_modified),
        )

    def _too_large(self, where: str) -> NotTaken:
        detail = f"{where} sends more than {self._max_bytes} octets; look at it"
        return NotTaken(Check.SIZE, detail)


def _copy(path: Path, known: Validators | None, spool: _Spool) -> Fetched | NotModified:
    try:
        file = path.open("rb", buffering=0)
    except OSError as wrong:
        raise _failed(str(path), f"{wrong.strerror}", "look at the file") from wrong
    with file:
        found = os.fstat(file.fileno())
        etag = f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"
        if known and known.etag == etag:
            return NotModified()
        with spool:
            while piece := _piece(file, path):
                spool.add(piece, str(path))
    return spool.fetched(etag, None)


def _piece(file: FileIO, path: Path) -> bytes:
    try:
        return file.read(PIECE)
    except OSError as wrong:
        raise _failed(str(path), f"{wrong.strerror}", "look at the file") from wrong


def _conditions(known: Validators | None) -> dict[str, str]:
    if known is None:
        return {}
    conditions = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in conditions.items() if value}


def _unspooled(wrong: OSError) -> NotTaken:
    return NotTaken(Check.DISK, f"it cannot be spooled: {wrong.strerror}; make room on the disk")


def _failed(where: str, what: str, remedy: str) -> NotTaken:
    return NotTaken(Check.FETCH, f"{where} {what}; {remedy}")
