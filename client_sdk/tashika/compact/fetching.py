"""Newer compact sets from the operator's `/v1/files/`, by deltas where there are some.

Apart from :mod:`tashika.compact.updating`, which puts what was fetched in its place: whoever is
given files in another way needs no network, nor aiohttp.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from tashika.compact.compact_set import CompactSet
from tashika.compact.trust import Trust
from tashika.compact.updating import apply_delta, install, sweep
from tashika.credential import BearerToken
from tashika.pki.compact.faults import CompactRefused, Fault
from tashika.transport import require_private, require_url

_MOST_DELTAS = 32
"""Each reads and writes the set in place; further behind, one download is quicker."""
_MAX_BYTES = 1 << 30
"""A nation's set with its dates has 114 MB (C8)."""
_PIECE = 1 << 18
_SCRAP = ".fetched"
_OK, _NOT_FOUND = 200, 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Who provides an issuer's sets, and how this verifier is known there."""

    url: str
    """Of the operator's host; `/v1/files/...` is added."""
    issuer: str
    """The issuer's name there."""
    token: BearerToken
    tls: ssl.SSLContext | None = None
    """For a private CA."""
    patience: timedelta = timedelta(minutes=2)
    """How long nothing may come: a set is made anew at once when a key is compromised."""
    deadline: timedelta = timedelta(hours=1)
    """For a whole update, however slowly it comes: a set is made every few hours (C12)."""

    def __post_init__(self) -> None:
        """Refuse an address that is none, or that the token must not be sent to: WrongUse."""
        require_private(require_url(self.url))


async def update(path: Path, provider: Provider, *, trust: Trust, at: datetime) -> CompactSet:
    """Bring the set at a path up to what its provider has, or put a first one there; open it.

    1. Nothing is fetched if it has the provider's number: that is no provision.
    2. Deltas are applied one by one, where the set in place is not far behind.
    3. Where one is missing, or leads on from another set, or the set in place is of no use, the
       newest set is fetched whole.

    Each step passes the checks of `install` and `apply_delta`. Raises CompactRefused, also
    UNREACHABLE and DECLINED; what was in place, or was reached on the way, stays.
    """
    try:
        async with asyncio.timeout(provider.deadline.total_seconds()), _session(provider) as files:
            return await _updated(files, path, trust=trust, at=at)
    except TimeoutError as late:
        raise CompactRefused(Fault.UNREACHABLE, "it did not come in time") from late
    except OSError as wrong:
        raise CompactRefused(Fault.UNWRITABLE, str(wrong.strerror)) from wrong


async def _updated(files: "_Files", path: Path, *, trust: Trust, at: datetime) -> CompactSet:
    newest, mine = await files.number(), None
    try:
        current = await asyncio.to_thread(CompactSet.open, path, trust=trust, at=at)
    except CompactRefused as refused:
        # What is damaged in place would neither serve nor be the base of a delta.
        if refused.fault is Fault.WRONG_ISSUER:
            raise
    else:
        mine = current.head.number
        if mine == newest:
            return current
        current.close()
    sweep(path, _SCRAP)
    with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.", suffix=_SCRAP) as scrap:
        fresh = Path(scrap, "fresh")
        if mine is not None and 0 < newest - mine <= _MOST_DELTAS:
            found = await _by_deltas(files, range(mine, newest), fresh, path, trust=trust, at=at)
            if found:
                return found
        if not await files.fetch("compact", fresh):
            raise CompactRefused(Fault.DECLINED, "no compact set of this issuer is provided")
        return await asyncio.to_thread(install, fresh, path, trust=trust, at=at)


async def _by_deltas(
    files: "_Files", bases: range, fresh: Path, path: Path, *, trust: Trust, at: datetime
) -> CompactSet | None:
    """Apply delta after delta; None where the whole set is needed."""
    found: CompactSet | None = None
    for base in bases:
        if found:
            found.close()
        if not await files.fetch("compact-delta", fresh, base=str(base)):
            return None
        try:
            found = await asyncio.to_thread(apply_delta, fresh, path, trust=trust, at=at)
        except CompactRefused as refused:
            # One on the way may be past its nextUpdate where the newest is not.
            if refused.fault in (Fault.WRONG_BASE, Fault.EXPIRED):
                return None
            raise
    return found


@dataclass(frozen=True, slots=True)
class _Files:
    """One verifier's view of one issuer's files."""

    session: aiohttp.ClientSession
    provider: Provider

    async def number(self) -> int:
        """Return the number of the newest set."""
        async with self._ask("HEAD", "compact", {}) as reply:
            if reply.status == _OK:
                try:
                    return int(reply.headers["Tashika-Number"])
                except (KeyError, ValueError):
                    raise CompactRefused(Fault.MALFORMED, "this is no provider of sets") from None
        raise CompactRefused(Fault.DECLINED, f"HTTP {reply.status}")

    async def fetch(self, what: str, target: Path, **query: str) -> bool:
        """Write a file; False where there is none."""
        async with self._ask("GET", what, query) as reply:
            if reply.status == _NOT_FOUND:
                return False
            if reply.status != _OK:
                raise CompactRefused(Fault.DECLINED, f"HTTP {reply.status}")
            size = 0
            with target.open("wb") as file:
                async for piece in reply.content.iter_chunked(_PIECE):
                    size += len(piece)
                    if size > _MAX_BYTES:
                        raise CompactRefused(Fault.MALFORMED, f"it is longer than {_MAX_BYTES}")
                    file.write(piece)
            return True

    @asynccontextmanager
    async def _ask(
        self, method: str, what: str, query: dict[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        url = f"{self.provider.url.rstrip('/')}/v1/files/{what}"
        wanted = {"issuer": self.provider.issuer, **query}
        try:
            async with self.session.request(
                method, url, params=wanted, allow_redirects=False
            ) as reply:
                yield reply
        except (aiohttp.ClientError, TimeoutError) as broken:
            # Not str(broken): it repeats the URL.
            raise CompactRefused(Fault.UNREACHABLE, type(broken).__name__) from broken
        except OSError as wrong:
            raise CompactRefused(Fault.UNWRITABLE, str(wrong.strerror)) from wrong


@asynccontextmanager
async def _session(provider: Provider) -> AsyncIterator[_Files]:
    """Follow no redirect, keep no cookie, use no proxy and unpack nothing (C8, C9)."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=provider.tls or True),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={
            "Authorization": provider.token.header,
            "Accept-Encoding": "identity",
            "User-Agent": "tashika",
        },
        timeout=aiohttp.ClientTimeout(total=None, sock_read=provider.patience.total_seconds()),
        auto_decompress=False,
    ) as session:
        yield _Files(session, provider)
