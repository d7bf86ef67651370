"""The pipeline from files to the index: what is taken in, what is set aside, what is served on."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from support.crls import AT, DAY, HOUR, NAKA, NISHI, Ca, Row, hold
from support.refreshing import House
from tashika.pki.standing import Reason
from tashika_server.index import Entry
from tashika_server.issuer import Bounds
from tashika_server.refresh import rounds
from tashika_server.refresh.process import Refresher


@pytest.fixture
def house(tmp_path: Path):
    house = House(tmp_path)
    yield house
    house.check()


def counts(answer: dict[str, int]) -> tuple[int, int, int, int]:
    return (
        answer["published"],
        answer["unchanged"],
        answer["quarantined"],
        answer["failed"],
    )


async def test_what_the_issuer_revokes_is_found(house: House):
    house.offer_crl(NAKA, [Row(7, reason="key_compromise", since=AT - 2 * DAY)], number=3)
    house.offer_crl(NISHI, [8], number=9, this_update=AT - 2 * HOUR, next_update=AT + 2 * DAY)
    assert counts(await house.refresh()) == (2, 0, 0, 0)

    revoked = house.find(7)
    assert revoked.entry == Entry(7, AT - DAY, Reason.KEY_COMPROMISE, AT - 2 * DAY)
    assert revoked.coverage is not None
    assert revoked.coverage.number == 3
    unlisted = house.find(9)
    assert unlisted.entry is None
    assert unlisted.coverage is not None
    assert unlisted.coverage.this_update == AT - 2 * HOUR
    assert unlisted.coverage.next_update == AT + DAY


async def test_nothing_new_commits_nothing(house: House):
    for name in (NAKA, NISHI):
        house.offer_crl(name, [1] if name == NAKA else [2])
    first = await house.refresh()
    again = await house.refresh()
    assert counts(again) == (0, 2, 0, 0)
    assert again["generation"] == first["generation"]


async def test_the_same_bytes_under_another_name_are_nothing_new(house: House):
    body = house.ca.crl([1], scope=NAKA)
    house.offer(NAKA, body)
    await house.refresh()
    house.offer(NAKA, body)  # another file: no validator matches
    assert (await house.refresh())["unchanged"] == 1


async def test_marks_survive_a_restart(house: House):
    house.offer_crl(NAKA, [1], number=7)
    await house.refresh()
    house.offer_crl(NAKA, [1, 2], number=6)
    assert (await house.refresh())["quarantined"] == 1
    assert house.marks()[NAKA].number == 7


async def test_t21_hold_then_release_then_revocation(house: House):
    house.offer_crl(NISHI)
    for number, rows, expected in (
        (1, [hold(5)], Reason.CERTIFICATE_HOLD),
        (2, [], None),
        (3, [hold(5)], Reason.CERTIFICATE_HOLD),
        (4, [Row(5, reason="key_compromise")], Reason.KEY_COMPROMISE),
    ):
        house.offer_crl(NAKA, rows, number=number)
        assert (await house.refresh())["published"]
        entry = house.find(5).entry
        assert (entry and entry.reason) == expected
        house.check()


async def test_t15_a_missing_partition_is_not_an_empty_one(house: House):
    house.offer_crl(NAKA, [1])
    assert counts(await house.refresh()) == (1, 0, 0, 1)
    assert house.find(1).entry  # what is listed is revoked all the same
    assert house.find(2).coverage is None
    assert house.quarantined()[NISHI].check == "fetch"
    house.offer_crl(NISHI)
    await house.refresh()
    assert house.find(2).coverage is not None
    assert house.quarantined() == {}


async def test_t15_a_partition_that_disappears_leaves_its_last_crl(house: House):
    house.offer_crl(NAKA, [1])
    house.offer_crl(NISHI, [2])
    await house.refresh()
    house.withdraw(NISHI)
    await house.refresh()
    assert house.find(2).entry
    assert house.find(3).coverage is not None


async def test_t14_a_crl_copied_to_another_partition_is_set_aside(house: House):
    house.offer_crl(NAKA, [1])
    house.offer_crl(NISHI, [2])
    await house.refresh()
    house.offer(NISHI, house.ca.crl([1], number=2, scope=NAKA))
    assert (await house.refresh())["quarantined"] == 1
    assert house.find(2).entry
    assert house.quarantined()[NISHI].check == "scope"


async def test_what_is_set_aside_is_served_on_and_says_why(house: House):
    house.offer_crl(NAKA, [1])
    house.offer_crl(NISHI)
    before = await house.refresh()
    house.offer(NAKA, b"<html>maintenance</html>")
    with capture_logs() as logs:
        answer = await house.refresh()
    assert counts(answer) == (0, 1, 1, 0)
    assert answer["generation"] == before["generation"]
    assert house.find(1).entry
    kept = house.quarantined()[NAKA]
    assert (kept.check, kept.at) == ("form", AT)
    (event,) = [each for each in logs if each["event"] == "crl_not_taken"]
    assert (event["partition"], event["check"], event["detail"]) == (NAKA, "form", kept.detail)


async def test_quarantine_says_since_when_and_ends_with_the_next_good_file(house: House):
    good = house.ca.crl([1], scope=NAKA)
    house.offer(NAKA, good)
    house.offer_crl(NISHI)
    await house.refresh()
    house.offer(NAKA, good[:-1])
    await house.refresh()
    house.clock.advance(HOUR)
    await house.refresh()
    assert house.quarantined()[NAKA].at == AT
    house.offer(NAKA, good[:-2] + b"!!")
    await house.refresh()
    assert house.quarantined()[NAKA].check == "signature"
    assert house.quarantined()[NAKA].at == AT + HOUR
    house.offer(NAKA, good)  # the accepted one again
    await house.refresh()
    assert house.quarantined() == {}


async def test_one_bad_partition_stops_no_other(house: House):
    house.offer(NAKA, b"nonsense")
    house.offer_crl(NISHI, [2])
    assert counts(await house.refresh()) == (1, 0, 1, 0)


async def test_a_sudden_shrink_waits_for_a_person(tmp_path: Path):
    house = House(tmp_path, names=(NAKA,), bounds=Bounds(shrink_slack=2))
    house.offer_crl(NAKA, range(1, 21))
    await house.refresh()
    house.offer_crl(NAKA, [1], number=2)
    assert (await house.refresh())["quarantined"] == 1
    assert house.quarantined()[NAKA].check == "bounds"
    assert house.find(20).entry
    house.bounds = Bounds(max_shrink=1.0)
    assert (await house.refresh())["published"] == 1
    assert house.find(20).entry is None
    house.check()


async def test_a_serial_of_two_partitions_is_set_aside(house: House):
    house.offer_crl(NAKA, [1, 2])
    await house.refresh()
    house.offer_crl(NISHI, [2, 3])
    assert (await house.refresh())["quarantined"] == 1
    assert house.quarantined()[NISHI].check == "entries"


async def test_a_certificate_that_moves_is_taken_in_once_its_old_partition_dropped_it(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """NAKA has its turn first, while NISHI still lists what moved to it."""
    monkeypatch.setattr(rounds, "AT_ONCE", 1)
    house.offer_crl(NAKA, [1])
    house.offer_crl(NISHI, [2, 3])
    await house.refresh()
    house.offer_crl(NAKA, [1, 3], number=2)
    house.offer_crl(NISHI, [2], number=2)
    assert counts(await house.refresh()) == (2, 0, 0, 0)
    assert house.listed().keys() == {1, 2, 3}
    assert house.quarantined() == {}


async def test_a_certificate_that_moved_goes_in_with_the_crl_that_drops_it_rounds_later(
    house: House,
):
    house.offer_crl(NAKA, [1])
    house.offer_crl(NISHI, [2, 3])
    async with Refresher.of(house.parts) as refresher:
        await refresher.refresh_all()
        house.offer_crl(NAKA, [1, 3], number=2)
        assert counts(await refresher.refresh_all()) == (0, 1, 1, 0)
        house.offer_crl(NISHI, [2], number=2)
        nishi = [each for each in refresher.sources if str(each).endswith(NISHI)]
        assert counts(await refresher._round(nishi, lambda *_: None)) == (2, 0, 0, 0)
    assert house.listed().keys() == {1, 2, 3}
    assert house.quarantined() == {}


async def test_a_file_that_finds_a_fault_of_ours_stops_nobody(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    def fault(*_: object, **__: object) -> None:
        raise RecursionError

    house.offer_crl(NAKA, [1])
    house.offer_crl(NISHI, [2])
    await house.refresh()
    house.offer_crl(NAKA, [1, 3], number=2)
    monkeypatch.setattr("tashika_server.refresh.taking.diff", fault)
    with capture_logs() as logs:
        assert counts(await house.refresh()) == (0, 1, 0, 1)
    assert "refresh_crashed" in [each["event"] for each in logs]


async def test_t3_a_feed_that_stands_still_is_noticed(house: House):
    for name in (NAKA, NISHI):
        house.offer_crl(name)
    await house.refresh()
    house.clock.advance(DAY)
    with capture_logs() as logs:
        assert counts(await house.refresh()) == (0, 2, 0, 0)
    assert [each["event"] for each in logs] == ["crl_overdue"] * 2


async def test_no_serial_is_logged(house: House):
    serial = 987654321
    house.offer_crl(NAKA, [serial])
    house.offer_crl(NISHI, [serial])
    with capture_logs() as logs:
        await house.refresh()
        house.offer_crl(NAKA, [serial, serial], number=2)
        await house.refresh()
    assert len(logs) > 3
    assert str(serial) not in str(logs)


async def test_partitions_that_are_no_longer_configured_go(house: House, tmp_path: Path):
    house.offer_crl(NAKA, [1])
    house.offer_crl(NISHI, [2])
    await house.refresh()
    del house.urls[NISHI]
    await house.refresh()
    assert house.find(2).entry is None
    assert house.find(2).coverage is not None


async def test_the_complete_crl_of_another_kind_of_issuer(tmp_path: Path):
    house = House(tmp_path, names=("",))
    house.offer("", house.ca.crl([1, 2**150], number=2**64))
    assert (await house.refresh())["published"] == 1
    found = house.find(2**150)
    assert found.entry
    assert found.coverage is not None
    assert found.coverage.number == 2**64
    assert house.find(3).coverage == found.coverage
    house.check()


async def test_generations_of_one_name_are_kept_apart(tmp_path: Path):
    house, older = House(tmp_path, names=(NAKA,)), Ca.found("g2")
    house.offer_crl(NAKA, [1])
    await house.refresh()
    with house.snapshot() as snapshot:
        stranger = older.issuer({NAKA: "lab:/x"}).identity.fingerprint
        assert snapshot.find(stranger, 1).entry is None
        assert snapshot.find(stranger, 1).coverage is None
