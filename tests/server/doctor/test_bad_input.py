"""What an issuer may do wrong: set aside, the old data served on, and the doctor has the remedy."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.archive import Cellar
from support.crls import NAKA, NISHI
from support.dying_feed import take_in
from support.pushing import Pusher, news, revoked
from support.refreshing import House
from tashika_server.cli import main
from tashika_server.doctor.finding import Symptom
from tashika_server.doctor.remedies import remedy
from tashika_server.refresh.fetch import FetchLimits
from tashika_server.refresh.process import RefreshParts
from tashika_server.refresh.source import Check

PUSH_FEED, ENOUGH = "push feed", 4096


class Cautious(House):
    """Takes in no large file."""

    @property
    def parts(self) -> RefreshParts:
        return replace(super().parts, limits=FetchLimits(max_bytes=ENOUGH))


def offer(house: House, name: str, *listed: int, number: int, **how: Any) -> None:
    house.offer_crl(name, listed, number=number, **how)


def a_delta_on_the_wrong_base(house: House) -> None:
    house.offer_delta(NAKA, [3], number=9, base=7)


def a_hole_in_the_feed(house: House) -> None:
    pusher = Pusher(house.ca)
    pusher.push(news(revoked(5), entries=3))
    pusher.push(news(revoked(6), entries=4))
    hole = pusher.push(news(revoked(7), entries=5))
    asyncio.run(take_in(house, [pusher.lines[0], hole]))


def a_vanished_partition(house: House) -> None:
    house.withdraw(NAKA)


def a_bomb(house: House) -> None:
    house.offer(NAKA, bytes(ENOUGH + 1))


def a_number_that_repeats(house: House) -> None:
    offer(house, NAKA, 1, 2, 3, number=1)


CASES: dict[str, tuple[Callable[[House], None], str, str, str]] = {
    "a delta on the wrong base": (a_delta_on_the_wrong_base, NAKA, "delta-base", "begins at"),
    "a hole in the feed": (a_hole_in_the_feed, PUSH_FEED, "number", "what is missing"),
    "a vanished partition": (a_vanished_partition, NAKA, "fetch", "missing is not empty"),
    "a bomb": (a_bomb, NAKA, "size", "[refresh] max_size"),
    "a number that repeats": (a_number_that_repeats, NAKA, "number", "a higher number"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_doctor_names_the_remedy_and_the_old_data_is_served_on(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    case: str,
):
    do, partition, check, remedy = CASES[case]
    house = Cautious(tmp_path)
    offer(house, NAKA, 1, 2, number=1)
    offer(house, NISHI, number=1)
    asyncio.run(house.refresh())
    before = house.listed()
    do(house)
    if partition != PUSH_FEED:
        asyncio.run(house.refresh())
    expected = before | ({5: house.listed()[5]} if partition == PUSH_FEED else {})
    assert house.listed() == expected
    capsys.readouterr()
    assert main(["doctor", str(Cellar(tmp_path).file), "--json"]) == 2  # it is of long ago
    findings = json.loads(capsys.readouterr().out)["findings"]
    symptom = Symptom.FEED_STOPPED if partition == PUSH_FEED else Symptom.QUARANTINED
    (found,) = [each for each in findings if each["symptom"] == symptom]
    assert (found["facts"]["partition"], found["facts"]["check"]) == (partition, check)
    assert remedy in found["en"]["remedy"]
    assert found["ja"]["remedy"]
    assert found["subject"] == "user-auth-g3"


@pytest.mark.parametrize("check", Check)
def test_no_remedy_of_a_file_is_given_for_a_push_feed(check: Check):
    """No limit of ours can be raised for its messages, and no partition be taken off a list."""
    en, ja = remedy(check, PUSH_FEED)
    assert en.startswith("the CRLs carry on; ")
    assert ja.startswith("失効リストで継続しています")
