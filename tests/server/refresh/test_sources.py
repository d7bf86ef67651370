"""Several sources of one partition: the next one is asked where one does not serve."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from support.crls import AT, DAY, HOUR, NAKA
from support.refreshing import House
from tashika_server.index import Mark
from tashika_server.refresh.fetch import Fetcher, Validators
from tashika_server.refresh.process import Refresher


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path, names=(NAKA,))
    house.mirrors[NAKA] = (mirror(house).as_uri(),)
    return house


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Validators | None]]]:
    """Hear which URL is asked, and under what condition."""
    heard: list[tuple[str, Validators | None]] = []
    real = Fetcher.fetch

    async def fetch(self: Fetcher, url: str, known: Validators | None, into: Path) -> Any:
        heard.append((url.rpartition(".")[2], known))
        return await real(self, url, known, into)

    monkeypatch.setattr(Fetcher, "fetch", fetch)
    return heard


def mirror(house: House) -> Path:
    return house._file(NAKA).with_suffix(".mirror")


def mark(house: House) -> Mark:
    return house.marks()[NAKA]


def crl(house: House, number: int, **how: Any) -> bytes:
    body = house.ca.crl([number], scope=NAKA, number=number, **how)
    house.offer(NAKA, body)
    return body


async def test_the_second_source_serves_where_the_first_does_not(house: House):
    mirror(house).write_bytes(crl(house, 1))
    house.withdraw(NAKA)
    with capture_logs() as logs:
        assert (await house.refresh())["published"] == 1
    assert "crl_source_failed" in [each["event"] for each in logs]
    assert house.quarantined() == {}
    assert mark(house).origin == mirror(house).as_uri()


async def test_a_copy_that_stands_still_hides_nothing_newer(house: House):
    """The first source is away for one turn; what it publishes then is taken in at the next."""
    mirror(house).write_bytes(crl(house, 1))
    async with Refresher.of(house.parts) as refresher:
        await refresher.refresh_all()
        house.withdraw(NAKA)
        assert (await refresher.refresh_all())["unchanged"] == 1
        crl(house, 2)
        assert (await refresher.refresh_all())["published"] == 1
    assert mark(house).number == 2


async def test_a_first_source_that_stands_still_hides_nothing_once_half_of_the_time_is_over(
    house: House,
):
    crl(house, 1, this_update=AT, next_update=AT + 2 * DAY)
    await house.refresh()
    newest = {"this_update": AT + HOUR, "next_update": AT + 3 * DAY}
    mirror(house).write_bytes(house.ca.crl([2], scope=NAKA, number=2, **newest))
    house.clock.advance(DAY - HOUR)
    assert (await house.refresh())["unchanged"] == 1
    house.clock.advance(HOUR)
    assert (await house.refresh())["published"] == 1


async def test_what_waits_for_two_persons_waits_on_whatever_a_copy_has(house: House):
    body = house.ca.crl(range(20), scope=NAKA, number=1)
    house.offer(NAKA, body)
    mirror(house).write_bytes(body)
    await house.refresh()
    crl(house, 2)
    for _ in range(2):
        assert (await house.refresh())["quarantined"] == 1
        assert house.quarantined()[NAKA].check == "bounds"


async def test_a_source_that_has_the_same_file_is_asked_whether_it_still_has(
    house: House, asked: list[tuple[str, Validators | None]]
):
    mirror(house).write_bytes(body := crl(house, 1))
    house.withdraw(NAKA)
    async with Refresher.of(house.parts) as refresher:
        await refresher.refresh_all()
        house.offer(NAKA, body)
        for _ in range(2):
            assert (await refresher.refresh_all())["unchanged"] == 1
    assert [url for url, _ in asked] == ["crl", "mirror", "crl", "crl"]
    assert [known is None for _, known in asked] == [True, True, True, False]


async def test_of_an_overdue_file_nobody_is_asked_whether_it_is_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """A cache on the way that says "not modified" for ever would end in tryLater for ever."""
    crl(house, 1, next_update=AT + DAY)
    await house.refresh()
    house.clock.advance(2 * DAY)
    crl(house, 2, this_update=AT + DAY, next_update=AT + 3 * DAY)
    house.stall(monkeypatch, 9)
    assert (await house.refresh())["published"] == 1


async def test_what_one_source_said_of_its_file_is_said_to_no_other(
    house: House, asked: list[tuple[str, Validators | None]]
):
    crl(house, 1)
    await house.refresh()
    house.withdraw(NAKA)
    mirror(house).write_bytes(house.ca.crl([2], scope=NAKA, number=2))
    await house.refresh()
    (_, first), (_, again), (_, other) = asked
    assert (first, other) == (None, None)
    assert again
    assert again.etag


async def test_an_older_file_is_no_success_while_another_source_has_the_newer(house: House):
    old = crl(house, 1)
    crl(house, 3)
    await house.refresh()
    newest = house.ca.crl([4], scope=NAKA, number=4)
    house.offer(NAKA, newest)
    mirror(house).write_bytes(newest)
    house.offer(NAKA, old)
    assert (await house.refresh())["published"] == 1
    assert mark(house).number == 4
    assert house.quarantined() == {}


async def test_an_overdue_file_is_no_success_while_another_source_has_the_next(house: House):
    crl(house, 1, next_update=AT + DAY)
    await house.refresh()
    house.clock.advance(2 * DAY)
    fresh = house.ca.crl([2], scope=NAKA, number=2, this_update=AT, next_update=AT + 3 * DAY)
    mirror(house).write_bytes(fresh)
    assert (await house.refresh())["published"] == 1
    assert mark(house).number == 2


async def test_where_no_source_serves_the_first_reason_is_given(house: House):
    crl(house, 1)
    await house.refresh()
    house.offer(NAKA, b"nonsense")
    assert (await house.refresh())["quarantined"] == 1
    assert house.quarantined()[NAKA].check == "form"


class FullArchive:
    """An archive whose disk is full."""

    def keep(self, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")


async def test_what_cannot_be_archived_is_not_published(house: House):
    crl(house, 1)
    shelf, house.keeper = house.keeper, FullArchive()
    with capture_logs() as logs:
        assert (await house.refresh())["quarantined"] == 1
    assert house.marks() == {}
    assert house.quarantined()[NAKA].check == "archive"
    assert "No space" in str([each for each in logs if each["event"] == "crl_not_taken"])
    house.keeper = shelf
    assert (await house.refresh())["published"] == 1
    house.check()


async def test_the_archive_hears_what_the_file_says_of_itself(house: House):
    heard: list[dict[str, Any]] = []

    class Ear:
        def keep(self, source: object, file: Path, **said: Any) -> None:
            heard.append({"body": file.read_bytes(), "source": str(source), **said})

    house.keeper = Ear()
    body = crl(house, 7, next_update=AT + DAY)
    house.offer_delta(NAKA, [8], base=7, number=8)
    await house.refresh()
    complete, delta = heard
    assert complete["body"] == body
    assert complete["source"] == f"user-auth-g3: {NAKA}"
    assert (complete["number"], complete["base"], complete["at"]) == (7, None, AT)
    assert complete["next_update"] == AT + DAY
    assert (delta["number"], delta["base"]) == (8, 7)
    assert complete["sha256"] == mark(house).sha256
