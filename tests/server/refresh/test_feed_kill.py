"""SIGKILL at every step of a push feed: a message is taken in as a whole, once, or not at all."""

import asyncio
import signal
from pathlib import Path

import pytest

from support.crls import NAKA, NISHI, hold
from support.dying import run
from support.dying_feed import STEPS, take_in, take_in_until
from support.pushing import Pusher, news, released, revoked
from support.refreshing import House

COMMITTED = {("push", "after")}
"""Where the message is persisted; everywhere else nothing of it is."""


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    house.offer_crl(NAKA, [1, hold(2)])
    house.offer_crl(NISHI, [])
    asyncio.run(house.refresh())
    return house


def listed(house: House) -> tuple[list[int], list[int], int]:
    with house.snapshot() as view:
        serials = [
            [entry.serial for entry in view.entries(house.fingerprint, name)]
            for name in (NAKA, NISHI)
        ]
        mark = view.feed(house.fingerprint)
        assert view.changes(after=0) is not None
        assert [len(each) for each in serials] == [
            view.count(house.fingerprint, name) for name in (NAKA, NISHI)
        ]
    return serials[0], serials[1], mark.sequence if mark else 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", [step for step in STEPS if step != "quarantine"])
def test_a_kill_at_any_step_loses_nothing_and_repeats_nothing(house: House, step: str, when: str):
    pusher = Pusher(house.ca)
    before, after = ([1, 2], [], 0), ([1, 5], [9], 1)
    lines = [
        pusher.push(
            news(revoked(5), released(2), entries=2), news(revoked(9), entries=1, partition=NISHI)
        )
    ]
    assert run(take_in_until, house.directory, lines, step, when) == -signal.SIGKILL
    assert listed(house) == (after if (step, when) in COMMITTED else before)
    asyncio.run(take_in(house, lines))
    assert listed(house) == after


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_a_quarantine_loses_nothing(house: House, when: str):
    pusher = Pusher(house.ca)
    wrong = [pusher.message(news(revoked(5), entries=77))]
    assert run(take_in_until, house.directory, wrong, "quarantine", when) == -signal.SIGKILL
    assert listed(house) == ([1, 2], [], 0)
    asyncio.run(take_in(house, [pusher.push(news(revoked(5), entries=3))]))
    assert listed(house) == ([1, 2, 5], [], 1)
    assert house.quarantined() == {}
