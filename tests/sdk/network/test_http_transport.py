"""The transport at the socket: bounded fetches, and addresses that are not connected to."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import TCPConnector

from support.talking import CRLF, as_http, read_question, speaking
from tashika import BearerToken, Cause, PoolLimits
from tashika.errors import ConnectionLost, SourceFailed, TashikaError, WrongUse
from tashika.http_transport import HttpTransport

CRL = bytes(range(256)) * 1000


@asynccontextmanager
async def transport(**parts: Any) -> AsyncIterator[HttpTransport]:
    http = HttpTransport(connect=timedelta(seconds=5), tls=None, **parts)
    yield http
    await http.close()


async def read_head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(CRLF * 2)


def serving(answer: bytes, heads: list[bytes] | None = None) -> Any:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        if heads is not None:
            heads.append(head)
        writer.write(answer)
        await writer.drain()

    return talk


async def test_a_list_is_fetched_whole() -> None:
    heads: list[bytes] = []
    async with speaking(serving(as_http(CRL), heads)) as url, transport() as http:
        assert (await http.get(url + "x.crl", limit=len(CRL))).body == CRL
    assert heads[0].startswith(b"GET /x.crl HTTP/1.1\r\n")
    assert b"Accept-Encoding: identity" in heads[0]


async def test_c8_no_more_than_one_octet_too_many_is_kept() -> None:
    async with speaking(serving(as_http(CRL))) as url, transport() as http:
        assert (await http.get(url, limit=1000)).body == CRL[:1001]


async def test_c8_a_bomb_stays_packed() -> None:
    bomb = gzip.compress(bytes(1_000_000))
    packed = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with speaking(serving(packed + bomb)) as url, transport() as http:
        assert (await http.get(url, limit=10**9)).body == bomb


@pytest.mark.parametrize("status", [b"404 Not Found", b"307 Over there\r\nLocation: /x", b"206 Ok"])
async def test_c9_only_a_200_counts_and_no_redirect_is_followed(status: bytes) -> None:
    heads: list[bytes] = []
    answer = b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n"
    async with speaking(serving(answer, heads)) as url, transport() as http:
        with pytest.raises(SourceFailed) as failed:
            await http.get(url, limit=1000)
    assert failed.value.cause is Cause.HTTP_STATUS
    assert len(heads) == 1


async def test_a_fetch_that_breaks_off_is_lost_and_not_short() -> None:
    async with speaking(serving(as_http(CRL)[:-1])) as url, transport() as http:
        with pytest.raises(ConnectionLost):
            await http.get(url, limit=len(CRL))


async def test_a_token_goes_to_the_responder_alone() -> None:
    heads: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        heads.append(head)
        if head.startswith(b"POST"):
            await reader.readexactly(3)
        writer.write(as_http(b"x"))
        await writer.drain()

    async with speaking(talk) as url, transport(token=BearerToken("s3cret")) as http:
        await http.post(url, b"ask", limit=10)
        await http.get(url, limit=10)
    assert [b"s3cret" in each for each in heads] == [True, False]


# --- addresses ------------------------------------------------------------------------------


class NotThere(TashikaError):
    """An address that is not connected to."""


async def test_c9_an_address_that_is_not_admitted_is_never_connected_to() -> None:
    heads: list[bytes] = []
    asked: list[str] = []

    def admit(address: str) -> None:
        asked.append(address)
        raise NotThere

    async with speaking(serving(as_http(CRL), heads)) as url, transport(admit=admit) as http:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(SourceFailed, match="not one to connect to") as failed:
                await http.get(url.replace("127.0.0.1", host), limit=10)
            assert failed.value.cause is Cause.ADDRESS_REFUSED
            assert not isinstance(failed.value, ConnectionLost)
    assert "127.0.0.1" in asked
    assert not heads


async def test_c9_the_address_is_judged_when_it_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that resolved to a public address a moment ago (DNS rebinding) helps nobody."""
    asked: list[str] = []

    def admit(address: str) -> None:
        asked.append(address)
        if address != "127.0.0.1":
            raise NotThere

    async def resolve(self: TCPConnector, host: str, port: int, **_: object) -> list[Any]:
        address = "127.0.0.1" if not asked else "127.0.0.2"
        here: dict[str, Any] = {"hostname": host, "host": address, "port": port}
        return [here | {"family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr(TCPConnector, "_resolve_host", resolve)
    async with speaking(serving(as_http(CRL))) as url, transport(admit=admit) as http:
        rebinding = url.replace("127.0.0.1", "rebinding.test")
        assert (await http.get(rebinding, limit=len(CRL))).body == CRL
        with pytest.raises(SourceFailed, match="not one to connect to"):
            await http.get(rebinding, limit=len(CRL))
    assert asked == ["127.0.0.1", "127.0.0.2"]


# --- the pool -------------------------------------------------------------------------------


async def test_only_so_many_connections_are_made_to_one_responder() -> None:
    connections = under_way = most = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections, under_way, most
        connections += 1
        while True:
            await read_question(reader)
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            writer.write(as_http(b"answer"))
            await writer.drain()

    async with speaking(talk) as url, transport(pool=PoolLimits(connections=3)) as http:
        asked = (http.post(url, b"question", limit=10) for _ in range(30))
        assert {each.body for each in await asyncio.gather(*asked)} == {b"answer"}
        assert connections == 3
        assert most <= 3
        await http.close()


@pytest.mark.parametrize(("field", "wrong"), [("connections", 0), ("idle", timedelta(0))])
def test_a_pool_of_no_use_is_refused(field: str, wrong: object) -> None:
    with pytest.raises(WrongUse, match=field):
        PoolLimits(**{field: wrong})
