"""Sets fetched from a host that is slow, or to a place where nothing can be put."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from support.compact import TRUST
from support.sdk import AT
from support.talking import CRLF, speaking
from tashika import BearerToken
from tashika.compact import CompactRefused, Fault
from tashika.compact.fetching import Provider, update

NUMBER = b"HTTP/1.1 200 OK\r\nTashika-Number: 1\r\nContent-Length: 1000\r\n\r\n"


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say the number, and then an octet of the set now and again."""
    while (await reader.readuntil(CRLF * 2)).startswith(b"HEAD"):
        writer.write(NUMBER)
    writer.write(NUMBER)
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def fault(path: Path) -> Fault:
    async with speaking(talk) as url:
        provider = Provider(
            url=url, issuer="x", token=BearerToken("x"), deadline=timedelta(seconds=0.3)
        )
        with pytest.raises(CompactRefused) as refused:
            await update(path, provider, trust=TRUST, at=AT)
    return refused.value.fault


def test_c12_a_slow_drip_costs_the_deadline(tmp_path: Path) -> None:
    assert asyncio.run(fault(tmp_path / "set")) is Fault.UNREACHABLE
    assert not [*tmp_path.iterdir()]


async def test_a_place_that_is_none_is_unwritable(tmp_path: Path) -> None:
    assert await fault(tmp_path / "nowhere" / "set") is Fault.UNWRITABLE
