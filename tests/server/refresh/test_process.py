"""The refresher's life: ready after the first round, then by schedule, by notify, until stopped."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from support.crls import NAKA, NISHI
from support.refreshing import House
from support.service import wait_until
from tashika_server.index import IndexBusy, IndexWriter
from tashika_server.refresh.control import notify
from tashika_server.refresh.process import RefreshParts, serve


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    house.offer_crl(NAKA, [1])
    house.offer_crl(NISHI, [2])
    return house


@asynccontextmanager
async def living(parts: RefreshParts) -> AsyncIterator[asyncio.Task[None]]:
    """Run the refresher until the block ends."""
    stop, ready = asyncio.Event(), asyncio.Event()
    life = asyncio.create_task(serve(parts, ready=ready.set, stop=stop))
    await asyncio.wait_for(ready.wait(), 30)
    try:
        yield life
    finally:
        stop.set()
        await asyncio.wait_for(life, 30)


async def published(logs: Sequence[Mapping[str, Any]], number: int) -> None:
    """Wait until two partitions have published a CRL of this number."""

    def claim() -> bool:
        return [each.get("number") for each in logs].count(number) == 2

    await asyncio.to_thread(wait_until, claim, f"CRLs number {number}")


async def test_it_is_ready_when_everything_was_tried_once(house: House):
    house.withdraw(NISHI)
    async with living(house.parts):
        pass
    house.check()
    assert house.find(1).entry
    assert house.quarantined().keys() == {NISHI}


async def test_notify_takes_in_what_was_published_before_it(house: House):
    async with living(house.parts):
        for number in range(2, 6):
            house.offer_crl(NAKA, range(11, 11 + number), number=number)
            said = await notify(house.parts.run)
            assert said
            assert said["published"] == said["unchanged"] == 1
            assert said["generation"] == 2 + number
        house.offer(NISHI, b"nonsense")
        house.register.write_text("1-9\n")
        said = await notify(house.parts.run)
        assert said == {
            "generation": 7,
            "published": 0,
            "unchanged": 1,
            "quarantined": 1,
            "failed": 0,
        }
    house.check()


async def test_many_notifies_at_once_are_all_answered(house: House):
    async with living(house.parts):
        said = await asyncio.gather(*(notify(house.parts.run) for _ in range(10)))
    assert all(each and each["unchanged"] == 2 for each in said)


async def test_without_a_notify_each_source_has_its_turn(house: House):
    with capture_logs() as logs:
        async with living(replace(house.parts, every=timedelta(seconds=0.1))):
            for number in range(2, 5):
                house.offer_crl(NAKA, [1], number=number)
                house.offer_crl(NISHI, [2], number=number)
                await published(logs, number)
    house.check()


async def test_a_source_that_failed_is_asked_again_soon(house: House):
    house.withdraw(NAKA)
    house.withdraw(NISHI)
    with capture_logs() as logs:
        async with living(replace(house.parts, every=timedelta(seconds=0.1))):
            house.offer_crl(NAKA, [1], number=9)
            house.offer_crl(NISHI, [2], number=9)
            await published(logs, 9)
    house.check()


async def test_one_writer_at_a_time(house: House):
    async with living(house.parts):
        with pytest.raises(IndexBusy, match="stop it first"):
            IndexWriter.open(house.parts.index, house.size)
    IndexWriter.open(house.parts.index, house.size).close()
