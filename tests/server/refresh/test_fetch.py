"""Fetching from a real server on loopback that can be told to misbehave in every way."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from tashika_server.refresh.fetch import (
    REST_SECONDS,
    Fetched,
    Fetcher,
    FetchLimits,
    NotModified,
    Validators,
)
from tashika_server.refresh.source import Check, NotTaken

BODY = b"x" * 5000
LIMITS = FetchLimits(
    max_bytes=10_000,
    connect=timedelta(seconds=1),
    stall=timedelta(seconds=0.3),
    total=timedelta(seconds=0.8),
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Site:
    """A server that does what `handler` says and remembers what it was asked."""

    handler: Handler
    asked: list[web.BaseRequest] = field(default_factory=list)
    base: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        return await self.handler(request)


async def in_order(_request: web.Request) -> web.StreamResponse:
    return web.Response(body=BODY, headers={"ETag": '"7"', "Last-Modified": "yesterday"})


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site(in_order)
    application = web.Application()
    application.router.add_get("/{path:.*}", site.handle)
    async with TestServer(application) as server:
        site.base = f"http://127.0.0.1:{server.port}"
        yield site


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with Fetcher(limits=LIMITS, lab_base=None) as fetcher:
        yield fetcher


@pytest.fixture
def into(tmp_path: Path) -> Path:
    """Where a file is to be spooled."""
    return tmp_path / "spooled"


async def failing(fetcher: Fetcher, url: str, into: Path, check: Check = Check.FETCH) -> str:
    with pytest.raises(NotTaken) as caught:
        await fetcher.fetch(url, None, into)
    assert caught.value.check is check
    return caught.value.detail


async def test_a_file_comes_with_what_the_next_request_says(
    site: Site, fetcher: Fetcher, into: Path
):
    fetched = await fetcher.fetch(f"{site.base}/a/b.crl?c=%2F", None, into)
    said = Validators(etag='"7"', last_modified="yesterday")
    assert fetched == Fetched(path=into, sha256=sha256(BODY).digest(), validators=said)
    assert into.read_bytes() == BODY  # noqa: ASYNC240 (a disk of the test's own)
    assert site.asked[0].raw_path == "/a/b.crl?c=%2F"
    assert "If-None-Match" not in site.asked[0].headers


async def test_the_known_file_is_not_fetched_again(site: Site, fetcher: Fetcher, into: Path):
    async def unchanged(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=304)

    site.handler = unchanged
    known = Validators(etag='W/"7"', last_modified="Tue, 31 Mar 2026 03:00:00 GMT")
    assert await fetcher.fetch(site.base, known, into) == NotModified()
    headers = site.asked[0].headers
    assert headers["If-None-Match"] == 'W/"7"'
    assert headers["If-Modified-Since"] == "Tue, 31 Mar 2026 03:00:00 GMT"


async def test_c8_nothing_may_grow_after_it_was_counted(site: Site, fetcher: Fetcher, into: Path):
    async def compressed(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=gzip.compress(BODY), headers={"Content-Encoding": "gzip"})

    site.handler = compressed
    assert "compresses" in await failing(fetcher, site.base, into)
    assert site.asked[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("status", [304, 404, 410, 500, 503, 206, 204, 399])
async def test_other_answers_are_failures_that_name_the_host(
    site: Site, fetcher: Fetcher, status: int, into: Path
):
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    site.handler = answer
    detail = await failing(fetcher, f"{site.base}/x", into)
    assert site.base.removeprefix("http://") in detail
    assert str(status) in detail
    assert ";" in detail  # and a remedy


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(site: Site, fetcher: Fetcher, status: int, into: Path):
    async def redirect(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    site.handler = redirect
    assert "final URL" in await failing(fetcher, f"{site.base}/x", into)
    assert len(site.asked) == 1


async def test_t30_a_file_too_large_by_its_own_word_is_not_read(
    site: Site, fetcher: Fetcher, into: Path
):
    async def large(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * (LIMITS.max_bytes + 1))

    site.handler = large
    assert "10000 octets" in await failing(fetcher, site.base, into, Check.SIZE)


async def test_t30_an_endless_file_is_counted_while_it_is_read(
    site: Site, fetcher: Fetcher, into: Path
):
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        while sent < 2**30:
            await response.write(b"x" * 4096)
            sent += 4096
        return response

    site.handler = endless
    assert "10000 octets" in await failing(fetcher, site.base, into, Check.SIZE)
    assert sent < 2**26  # what the buffers of both kernels hold


async def test_a_file_of_just_the_limit_comes(site: Site, fetcher: Fetcher, into: Path):
    async def just(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * LIMITS.max_bytes)

    site.handler = just
    fetched = await fetcher.fetch(site.base, None, into)
    assert isinstance(fetched, Fetched)
    assert into.stat().st_size == LIMITS.max_bytes  # noqa: ASYNC240 (as above)


async def test_a_truncated_file_does_not_come(site: Site, fetcher: Fetcher, into: Path):
    async def truncated(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "5000"})
        await response.prepare(request)
        await response.write(BODY[:100])
        assert request.transport
        request.transport.abort()
        return response

    site.handler = truncated
    await failing(fetcher, site.base, into)


@pytest.mark.parametrize("pause", [0.1, 2.0], ids=["trickle", "stall"])
async def test_a_slow_file_is_given_up(site: Site, fetcher: Fetcher, pause: float, into: Path):
    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(pause)

    site.handler = slow
    began = time.monotonic()
    assert "too slow" in await failing(fetcher, site.base, into)
    assert time.monotonic() - began < 5


async def test_a_server_that_says_nothing_is_given_up(site: Site, fetcher: Fetcher, into: Path):
    async def silent(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    site.handler = silent
    assert "too slow" in await failing(fetcher, site.base, into)


async def test_a_server_that_is_not_there_fails_at_once(fetcher: Fetcher, into: Path):
    detail = await failing(fetcher, f"http://user:secret@127.0.0.1:{unused_port()}/x", into)
    assert "127.0.0.1" in detail
    assert "secret" not in detail


async def test_what_is_not_http_fails(fetcher: Fetcher, into: Path):
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x16\x03\x01nonsense\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await failing(fetcher, f"http://127.0.0.1:{port}/", into)


async def test_an_absurd_validator_is_not_kept(site: Site, fetcher: Fetcher, into: Path):
    async def absurd(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=BODY, headers={"ETag": "x" * 300})

    site.handler = absurd
    fetched = await fetcher.fetch(site.base, None, into)
    assert isinstance(fetched, Fetched)
    assert fetched.validators.etag is None


async def test_a_lab_url_is_below_the_simulated_issuer(site: Site, fetcher: Fetcher, into: Path):
    async with Fetcher(limits=LIMITS, lab_base=site.base) as at_lab:
        await at_lab.fetch("lab:/crl/a.crl", None, into)
    assert site.asked[0].path == "/crl/a.crl"
    assert "serve" in await failing(fetcher, "lab:/crl/a.crl", into)


async def test_a_lab_url_may_be_below_a_directory(tmp_path: Path, into: Path):
    (tmp_path / "a b.crl").write_bytes(BODY)
    async with Fetcher(limits=LIMITS, lab_base=tmp_path.as_uri()) as at_lab:
        assert isinstance(await at_lab.fetch("lab:/a%20b.crl", None, into), Fetched)


async def test_a_file_on_disk_comes_once(tmp_path: Path, fetcher: Fetcher, into: Path):
    file = tmp_path / "ü b.crl"
    file.write_bytes(BODY)
    fetched = await fetcher.fetch(file.as_uri(), None, into)
    assert isinstance(fetched, Fetched)
    assert into.read_bytes() == BODY  # noqa: ASYNC240 (a disk of the test's own)
    known = fetched.validators
    assert await fetcher.fetch(file.as_uri(), known, into) == NotModified()
    file.write_bytes(BODY + b"y")
    assert isinstance(await fetcher.fetch(file.as_uri(), known, into), Fetched)


async def test_a_file_on_disk_that_cannot_be_read_is_a_failure(
    tmp_path: Path, fetcher: Fetcher, into: Path
):
    assert "No such file" in await failing(fetcher, (tmp_path / "x.crl").as_uri(), into)
    assert "directory" in await failing(fetcher, tmp_path.as_uri(), into)
    (tmp_path / "large.crl").write_bytes(b"x" * (LIMITS.max_bytes + 1))
    assert "10000 octets" in await failing(
        fetcher, (tmp_path / "large.crl").as_uri(), into, Check.SIZE
    )


async def test_a_host_that_lets_one_wait_is_left_alone_for_a_while(site: Site, into: Path):
    """An issuer that is silent has thousands of files; the others' turns would wait for each."""
    clock = [0.0]

    async def silent(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    site.handler = silent
    async with Fetcher(limits=LIMITS, lab_base=None, monotonic=lambda: clock[0]) as fetcher:
        assert "too slow" in await failing(fetcher, f"{site.base}/1", into)
        site.handler = in_order
        assert "a moment ago" in await failing(fetcher, f"{site.base}/2", into)
        assert len(site.asked) == 1
        clock[0] = REST_SECONDS
        assert isinstance(await fetcher.fetch(f"{site.base}/3", None, into), Fetched)
