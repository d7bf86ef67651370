"""SIGKILL at every step of a refresh, and at any moment: nothing is lost, nothing is half done."""

import asyncio
import multiprocessing
import random
import signal
import time
from pathlib import Path

import pytest

from support.crls import AT, NAKA, NISHI, Row, hold
from support.dying import STEPS, refresh_forever, refresh_until, run, start
from support.refreshing import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Make a house with one generation published and the next one waiting, of every kind."""
    house = House(tmp_path)
    house.register.write_text("1-999\n")
    house.offer_crl(NAKA, [1, 2, hold(3)])
    house.offer(NISHI, b"nonsense")
    asyncio.run(house.refresh())
    house.register.write_text("1-1999\n")
    house.offer_crl(NAKA, [Row(1, reason="superseded"), 2, 4, 5], number=2, this_update=AT)
    house.offer_crl(NISHI, [11, 12], number=2)
    house.check()
    return house


def is_recovered(house: House) -> bool:
    asyncio.run(house.refresh())
    house.check()
    marks = house.marks()
    return (
        {mark.number for mark in marks.values()} == {2}
        and house.find(3).entry is None
        and house.find(5).entry is not None
        and house.find(12).entry is not None
        and house.find(1500).issued is True
        and house.quarantined() == {}
    )


TWICE = ("fetch", "accept", "bounds", "keep", "ready", "mark", "record")
PLANS = [
    (step, when, nth)
    for step in STEPS
    if step not in ("quarantine", "release", "follow", "gather", "load")
    for when in ("before", "after")
    for nth in ((1, 2) if step in TWICE else (1,))
]


@pytest.mark.parametrize(("step", "when", "nth"), PLANS)
def test_a_kill_at_any_step_loses_nothing(house: House, step: str, when: str, nth: int):
    assert run(refresh_until, house.directory, step, when, nth) == -signal.SIGKILL
    house.check()
    assert is_recovered(house)


@pytest.mark.parametrize(
    ("step", "nth", "when", "is_loaded"),
    [
        ("keep", 1, "after", False),
        ("gather", 1, "before", False),
        ("gather", 1, "after", False),
        ("gather", 2, "before", False),
        ("gather", 2, "after", False),
        ("load", 1, "before", False),
        ("apply", 1, "after", False),
        ("mark", 1, "after", False),
        ("record", 2, "after", False),
        ("publish", 1, "after", True),
        ("load", 1, "after", True),
    ],
)
def test_a_kill_on_the_way_of_a_first_load_leaves_all_of_it_or_nothing(
    tmp_path: Path, step: str, nth: int, when: str, *, is_loaded: bool
):
    house = House(tmp_path)
    house.offer_crl(NAKA, [1, 3])
    house.offer_crl(NISHI, [2, 4])
    assert run(refresh_until, tmp_path, step, when, nth) == -signal.SIGKILL
    assert house.listed().keys() == ({1, 2, 3, 4} if is_loaded else set())
    house.check()
    asyncio.run(house.refresh())
    assert house.listed().keys() == {1, 2, 3, 4}
    assert not any((tmp_path / "spool").iterdir())


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("step", "nth"),
    [("fetch", 3), ("head", 1), ("listed", 1), ("follow", 1), ("keep", 1), ("publish", 1)],
)
def test_a_kill_on_the_way_of_a_delta_loses_nothing(tmp_path: Path, step: str, nth: int, when: str):
    house = House(tmp_path, names=(NAKA,))
    house.offer_crl(NAKA, [1, hold(2), 3], number=10)
    house.offer_delta(NAKA, [4, Row(2, reason="remove_from_crl")], base=10, number=11)
    house.deltas.clear()
    asyncio.run(house.refresh())
    assert run(refresh_until, tmp_path, step, when, nth) == -signal.SIGKILL
    is_published = (step, when) == ("publish", "after")
    assert house.listed().keys() == ({1, 3, 4} if is_published else {1, 2, 3})
    house.offer_delta(NAKA, [4, Row(2, reason="remove_from_crl")], base=10, number=11)
    asyncio.run(house.refresh())
    assert house.listed().keys() == {1, 3, 4}
    assert house.marks()[NAKA].number == 11
    assert not any((tmp_path / "spool").iterdir())  # what the killed one left is gone


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_a_quarantine_loses_nothing(house: House, when: str):
    house.offer(NISHI, b"other nonsense, of another form")
    house.offer(NAKA, house.ca.crl([1], scope=NAKA, number=1))
    assert run(refresh_until, house.directory, "quarantine", when, 1) == -signal.SIGKILL
    house.check()
    asyncio.run(house.refresh())
    house.check()
    assert house.quarantined().keys() == {NAKA, NISHI}
    assert house.find(3).entry


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_a_release_loses_nothing(tmp_path: Path, when: str):
    house = House(tmp_path, names=(NAKA, NISHI))
    good = house.ca.crl([1], scope=NAKA)
    house.offer(NAKA, good)
    house.offer_crl(NISHI)
    asyncio.run(house.refresh())
    house.offer(NAKA, b"nonsense")
    asyncio.run(house.refresh())
    house.offer(NAKA, good)
    assert run(refresh_until, house.directory, "release", when, 1) == -signal.SIGKILL
    house.check()
    asyncio.run(house.refresh())
    assert house.quarantined() == {}


def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path):
    house = House(tmp_path)
    for name in (NAKA, NISHI):
        house.offer_crl(name)
    asyncio.run(house.refresh())
    chance = random.Random(7)
    for _ in range(20):
        heard, told = multiprocessing.Pipe(duplex=False)
        process = start(refresh_forever, tmp_path, told)
        assert heard.poll(60)
        time.sleep(chance.random() * 0.05)
        process.kill()
        process.join()
        house.check()
        published = min(mark.number for mark in house.marks().values())
        while heard.poll():
            assert heard.recv() <= published


def test_a_reader_held_open_sees_one_generation_while_the_writer_dies(house: House):
    with house.snapshot() as snapshot:
        before = snapshot.find(house.fingerprint, 3)
        assert run(refresh_until, house.directory, "publish", "after", 1) == -signal.SIGKILL
        assert snapshot.find(house.fingerprint, 3) == before
    with house.snapshot() as snapshot:
        assert snapshot.generation > 0
    assert is_recovered(house)
