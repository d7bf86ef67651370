"""What is loaded first goes in together; what one partition lacks costs no other."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from errno import ENOSPC
from pathlib import Path
from typing import BinaryIO

import pytest

from support.crls import Row
from support.refreshing import House
from tashika_server.index import IndexWriter, Publication
from tashika_server.refresh import gathering
from tashika_server.refresh.process import Refresher
from tashika_server.refresh.records import Records

NAMES = tuple(f"http://crl.invalid/{number}.crl" for number in range(5))


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the list of how many partitions each commit takes in."""
    found: list[int] = []
    real = IndexWriter.publish_all

    def counted(writer: IndexWriter, publications: Sequence[Publication]) -> int:
        found.append(len(publications))
        return real(writer, publications)

    monkeypatch.setattr(IndexWriter, "publish_all", counted)
    return found


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Make a house whose cards are numbered as they were issued."""
    house = House(tmp_path, names=NAMES)
    for number, name in enumerate(NAMES):
        house.offer_crl(name, [number + 1, number + 6, number + 11])
    return house


def refresh(house: House) -> Mapping[str, int]:
    said = asyncio.run(house.refresh())
    if not house.deltas:  # which the check does not reckon with
        house.check()
    return said


def test_all_partitions_are_one_commit_and_a_generation_each(house: House, commits: list[int]):
    said = refresh(house)
    assert (said["published"], said["generation"], commits) == (5, 6, [5])
    assert list(house.listed()) == [
        number + each for number in range(1, 6) for each in (0, 5, 10)
    ]  # by partition
    assert refresh(house)["unchanged"] == 5


def test_each_is_told_when_it_is_durable(house: House, commits: list[int]):
    told: list[tuple[str, int]] = []

    async def load() -> None:
        async with Refresher.of(house.parts) as refresher:
            await refresher.refresh_all(lambda _, outcome: told.append((outcome, len(commits))))

    asyncio.run(load())
    assert told == [("published", 1)] * 5


def test_one_that_does_not_come_costs_no_other(house: House, commits: list[int]):
    house.withdraw(NAMES[1])
    house.offer(NAMES[3], b"nonsense")
    said = refresh(house)
    assert (said["published"], said["quarantined"], said["failed"]) == (3, 1, 1)
    assert house.marks().keys() == {NAMES[0], NAMES[2], NAMES[4]}
    assert house.find(99).coverage is None  # T15
    for number in (1, 3):
        house.offer_crl(NAMES[number], [number + 1])
    assert refresh(house)["published"] == 2
    assert house.find(99).coverage
    assert commits[0] == 3


def test_a_serial_that_two_of_them_list_is_found_and_the_others_are_loaded(
    house: House, commits: list[int]
):
    house.offer_crl(NAMES[4], [5, 1])
    said = refresh(house)
    assert (said["published"], said["quarantined"]) == (4, 1)
    (name,) = house.quarantined()
    assert name in (NAMES[0], NAMES[4])
    assert house.marks().keys() == set(NAMES) - {name}
    assert commits[:2] == [5, 2]  # by halves


def test_a_delta_follows_in_the_same_round(house: House, commits: list[int]):
    house.offer_delta(NAMES[2], [99, Row(8, reason="remove_from_crl")], base=1, number=2)
    assert refresh(house)["published"] == 5
    assert house.marks()[NAMES[2]].number == 2
    assert house.listed().keys() == {*range(1, 16), 99} - {8}
    assert commits == [5, 1]


def test_mirrors_are_not_asked_for_what_is_gathered(house: House, commits: list[int]):
    house.mirrors = dict.fromkeys(NAMES[1:], (house.urls[NAMES[0]],))
    assert refresh(house)["published"] == 5
    assert commits == [5]


def test_memory_has_an_end(house: House, commits: list[int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gathering, "MOST_GATHERED", 4)
    assert refresh(house)["published"] == 5
    assert commits == [2, 2, 1]
    assert house.listed().keys() == set(range(1, 16))


def test_a_disk_that_is_full_costs_what_does_not_fit(house: House, monkeypatch: pytest.MonkeyPatch):
    real, calls = Records.copied, itertools.count(1)

    def copied(records: Records, file: BinaryIO) -> Records:
        if next(calls) == 2:
            file.write(b"half a record")
            raise OSError(ENOSPC, "No space left on device")
        return real(records, file)

    monkeypatch.setattr(Records, "copied", copied)
    said = refresh(house)
    assert (said["published"], said["quarantined"]) == (4, 1)
    assert [each.check for each in house.quarantined().values()] == ["disk"]
    assert len(house.listed()) == 12
    assert refresh(house)["published"] == 1


def test_an_issuer_that_is_served_does_not_wait(house: House, commits: list[int]):
    refresh(house)
    commits.clear()
    for name in NAMES[:2]:
        house.offer_crl(name, [77] if name == NAMES[0] else [88], number=2)
    refresh(house)
    assert sum(commits) == 2
