"""T16: what goes beyond the bounds waits as it came, and goes in by its digest alone."""

from hashlib import sha256
from pathlib import Path

import pytest

from support.crls import AT, DAY, HOUR, NAKA, NISHI, hold
from support.refreshing import House
from tashika.pki.standing import Reason
from tashika_server.durable import write_atomically
from tashika_server.issuer import Bounds
from tashika_server.refresh import held
from tashika_server.refresh.held import RELEASED_FILE, HeldFiles

BOUNDS = Bounds(shrink_slack=1, growth_slack=2, max_shrink=0, max_growth=0)


@pytest.fixture
async def house(tmp_path: Path) -> House:
    house = House(tmp_path, bounds=BOUNDS, guarded=frozenset({77}))
    house.offer_crl(NAKA, [1, 2, 3])
    house.offer_crl(NISHI, [])
    await house.refresh()
    return house


def files(house: House) -> HeldFiles:
    return HeldFiles(directory=house.parts.index / "held", released=house.parts.run / RELEASED_FILE)


def release(house: House, *digests: str) -> None:
    house.parts.run.mkdir(exist_ok=True)
    write_atomically(house.parts.run / RELEASED_FILE, "\n".join(digests).encode())


@pytest.mark.parametrize("rows", [[3], [1, 2, 3, 4, 5, 6], [1, 2, 3, 77]])
async def test_t16_a_file_waits_until_it_is_released(house: House, rows: list[int]):
    house.offer_crl(NAKA, rows, number=2)
    for _ in range(2):
        answer = await house.refresh()
        assert answer["quarantined"] == 1
    (waiting,) = files(house).waiting()
    why = house.quarantined()[NAKA]
    assert (waiting.partition, why.check) == (NAKA, "bounds")
    assert f"index release {waiting.sha256}" in why.detail
    kept = house.parts.index / "held" / f"{waiting.sha256}.crl"
    assert sha256(kept.read_bytes()).hexdigest() == waiting.sha256
    release(house, "00" * 32)
    assert (await house.refresh())["quarantined"] == 1
    release(house, "00" * 32, waiting.sha256)
    assert (await house.refresh())["published"] == 1
    with house.snapshot() as view:
        assert [each.serial for each in view.entries(house.fingerprint, NAKA)] == rows
    assert house.quarantined() == {}
    assert files(house).waiting() == []
    assert not kept.exists()


async def test_t16_a_delta_waits_too(house: House):
    house.offer_delta(NAKA, [4, 77], base=1, number=2)
    assert (await house.refresh())["quarantined"] == 1
    (waiting,) = files(house).waiting()
    release(house, waiting.sha256)
    assert (await house.refresh())["published"] == 1
    assert house.listed().keys() == {1, 2, 3, 4, 77}
    assert files(house).waiting() == []


async def test_t16_a_guarded_certificate_is_found_among_what_changes(house: House):
    house.offer_crl(NAKA, [1, 2, 3, hold(77)], number=2)
    await house.refresh()
    (waiting,) = files(house).waiting()
    release(house, waiting.sha256)
    await house.refresh()
    house.offer_crl(NAKA, [1, 2, 3, 77], number=3)
    assert (await house.refresh())["quarantined"] == 1
    assert house.listed()[77] is Reason.CERTIFICATE_HOLD


async def test_t16_whoever_releases_a_file_hears_of_all_that_is_wrong(house: House):
    house.offer_crl(NAKA, [77, *range(100, 110)], number=2)
    await house.refresh()
    (waiting,) = files(house).waiting()
    for said in ("3 of 3 entries", "11 entries would be added", "certificate of a CA"):
        assert said in waiting.detail


async def test_t16_what_goes_a_little_at_a_time_is_measured_by_the_day(tmp_path: Path):
    house = House(tmp_path, names=(NAKA,), bounds=Bounds(shrink_slack=2, max_shrink=0))
    house.offer_crl(NAKA, range(9))
    await house.refresh()
    for number in (2, 3):
        house.clock.advance(HOUR)
        house.offer_crl(NAKA, range(number - 1, 9), number=number)
        assert (await house.refresh())["published"] == 1
    house.clock.advance(HOUR)
    house.offer_crl(NAKA, range(3, 9), number=4)
    assert (await house.refresh())["quarantined"] == 1
    (waiting,) = files(house).waiting()
    assert "3 of 9 entries" in waiting.detail
    release(house, waiting.sha256)
    assert (await house.refresh())["published"] == 1
    house.offer_crl(NAKA, range(5, 9), number=5)  # two persons have looked: counted anew
    assert (await house.refresh())["published"] == 1
    house.offer_crl(NAKA, range(6, 9), number=6, next_update=AT + 3 * DAY)
    assert (await house.refresh())["quarantined"] == 1
    house.clock.advance(DAY)
    assert (await house.refresh())["published"] == 1


async def test_a_release_is_of_one_file_and_not_of_the_next(house: House):
    house.offer_crl(NAKA, [3], number=2)
    await house.refresh()
    (waiting,) = files(house).waiting()
    release(house, waiting.sha256)
    house.offer_crl(NAKA, [2], number=3)
    assert (await house.refresh())["quarantined"] == 1


async def test_a_release_lets_nothing_but_the_bounds_pass(house: House):
    house.offer_crl(NAKA, [3], number=2)
    await house.refresh()
    (waiting,) = files(house).waiting()
    release(house, waiting.sha256)
    house.offer_crl(NAKA, [1, 2, 3], number=5)
    await house.refresh()
    house.offer_crl(NAKA, [3], number=2)
    await house.refresh()
    assert house.quarantined()[NAKA].check == "number"


async def test_not_all_files_are_kept_forever(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(held, "KEPT", 2)
    for number in range(2, 6):
        house.offer_crl(NAKA, [3], number=number)
        await house.refresh()
    kept = list((house.parts.index / "held").iterdir())
    assert len(files(house).waiting()) == 2
    assert len(kept) == 4
