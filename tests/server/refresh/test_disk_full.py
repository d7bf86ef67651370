"""A full disk or map: the old generation is served on, and room alone brings the new one."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from support.crls import NAKA, NISHI
from support.dying import EX_TEMPFAIL, refresh_with_room, run
from support.refreshing import MIB, House
from tashika_server.index import IndexMissing, IndexWriteFailed
from tashika_server.refresh.process import serve

LARGE = range(100, 1100)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Make a house with a small generation published and a large one waiting."""
    house = House(tmp_path)
    for name, serials in ((NAKA, [1, 2]), (NISHI, [11])):
        house.offer_crl(name, serials)
    asyncio.run(house.refresh())
    house.offer_crl(NAKA, LARGE, number=2)
    return house


def data_size(house: House) -> int:
    return (house.directory / "index" / "data.mdb").stat().st_size


def serves_the_old(house: House) -> bool:
    house.check()
    return house.find(1).entry is not None and house.find(500).entry is None


def serves_the_new(house: House) -> bool:
    house.check()
    return house.find(500).entry is not None


@pytest.mark.parametrize("more", [-8192, 0, 4096, 16384])
def test_a_full_disk_leaves_the_old_generation(house: House, more: int):
    room = data_size(house) + more
    for _ in range(2):
        assert run(refresh_with_room, house.directory, room) == EX_TEMPFAIL
        assert serves_the_old(house)
    asyncio.run(house.refresh())
    assert serves_the_new(house)


def test_no_room_at_all_leaves_the_old_generation(house: House):
    assert run(refresh_with_room, house.directory, 0) == EX_TEMPFAIL
    assert serves_the_old(house)
    asyncio.run(house.refresh())
    assert serves_the_new(house)


def test_a_disk_full_at_the_very_start_leaves_nothing_half_made(tmp_path: Path):
    house = House(tmp_path)
    for name in (NAKA, NISHI):
        house.offer_crl(name)
    for room in (0, 4096, 8192, 16384):
        assert run(refresh_with_room, tmp_path, room) == EX_TEMPFAIL
        with pytest.raises(IndexMissing):
            house.find(1)
    asyncio.run(house.refresh())
    house.check()


async def test_a_full_map_ends_the_process_with_a_clear_line(house: House):
    house.size = data_size(house) + 2 * 4096
    with capture_logs() as logs, pytest.raises(IndexWriteFailed, match="larger size"):
        await serve(house.parts, ready=lambda: None, stop=asyncio.Event())
    assert [each["reason"] for each in logs if each["event"] == "index_write_failed"]
    assert serves_the_old(house)
    house.size = 64 * MIB
    await house.refresh()
    assert serves_the_new(house)
