"""Deltas on top of the complete CRL (RFC 5280 5.2.4), and what is done when they do not fit."""

from pathlib import Path
from typing import Any

import pytest
from asn1crypto import x509 as asn1_x509
from structlog.testing import capture_logs

from support.crls import AT, HOUR, NAKA, Row, hold
from support.refreshing import House
from tashika.pki import der
from tashika.pki.standing import Reason
from tashika_server.issuer import FRESHEST, Bounds

REMOVED = "remove_from_crl"


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Make a house of one partition, whose complete CRL number 10 is published."""
    house = House(tmp_path, names=(NAKA,), bounds=Bounds(growth_slack=5, shrink_slack=2))
    house.offer_crl(NAKA, [1, hold(2), 3], number=10)
    house.offer_delta(NAKA, [], base=9, number=10)
    return house


async def outcome(house: House) -> str:
    answer = await house.refresh()
    (found,) = [name for name in answer if name != "generation" and answer[name]]
    return found


async def test_a_delta_adds_changes_and_removes(house: House):
    await house.refresh()
    rows = [Row(1, reason="key_compromise"), Row(2, reason=REMOVED), 4, Row(9, reason=REMOVED)]
    house.offer_delta(NAKA, rows, base=10, number=11, next_update=AT + HOUR)
    assert await outcome(house) == "published"
    assert house.listed() == {1: Reason.KEY_COMPROMISE, 3: None, 4: None}
    mark = house.marks()[NAKA]
    assert (mark.number, mark.entries, mark.next_update) == (11, 3, AT + HOUR)
    found = house.find(4).coverage
    assert found
    assert found.number == 11


async def test_a_delta_is_taken_in_with_the_first_complete_crl(house: House):
    house.offer_delta(NAKA, [4], base=10, number=11)
    assert await outcome(house) == "published"
    assert house.listed().keys() == {1, 2, 3, 4}


async def test_deltas_to_an_older_base_are_cumulative(house: House):
    await house.refresh()
    for number, rows in ((11, [4]), (12, [4, 5]), (13, [4, 5, Row(2, reason=REMOVED)])):
        house.offer_delta(NAKA, rows, base=10, number=number)
        assert await outcome(house) == "published"
    assert house.listed().keys() == {1, 3, 4, 5}
    assert await outcome(house) == "unchanged"


async def test_the_complete_crl_of_the_same_number_reconciles(house: House):
    await house.refresh()
    house.offer_delta(NAKA, [4], base=10, number=11)
    await house.refresh()
    house.offer_crl(NAKA, [1, 3, 4, 5], number=11)
    assert await outcome(house) == "published"
    assert house.listed().keys() == {1, 3, 4, 5}  # the complete list is right
    house.check()


async def test_a_complete_crl_that_deltas_have_overtaken_is_no_news(house: House):
    await house.refresh()
    house.offer_delta(NAKA, [4], base=10, number=13)
    await house.refresh()
    house.offer_crl(NAKA, [1, 2, 3], number=12)
    assert await outcome(house) == "unchanged"
    assert house.listed().keys() == {1, 2, 3, 4}
    assert house.quarantined() == {}


@pytest.mark.parametrize(
    ("said", "check"),
    [
        ({"base": 10, "number": None}, "number"),
        ({"base": None, "number": 11}, "delta"),
        ({"base": 11, "number": 11}, "delta"),
        ({"base": 12, "number": 11}, "delta"),
        ({"base": 11, "number": 12}, "delta-base"),
        ({"base": 10, "number": 11, "extra": [("1.2.3", True, der.NULL)]}, "critical-extension"),
        ({"base": 10, "number": 11, "this_update": AT - 9 * HOUR}, "this-update"),
        ({"base": 10, "number": 11, "spoil_signature": True}, "signature"),
    ],
    ids=lambda said: str(said)[:40],
)
async def test_t27_a_delta_that_does_not_fit_is_quarantined(
    house: House, said: dict[str, Any], check: str
):
    await house.refresh()
    house.offer_delta(NAKA, [4], **said)
    assert await outcome(house) == "quarantined"
    assert house.quarantined()[NAKA].check == check
    assert house.listed().keys() == {1, 2, 3}
    house.offer_delta(NAKA, [4], base=10, number=11)
    assert await outcome(house) == "published"
    assert house.quarantined() == {}


async def test_a_number_that_repeats_with_other_content_is_quarantined(house: House):
    await house.refresh()
    house.offer_delta(NAKA, [4], base=10, number=11)
    await house.refresh()
    house.offer_delta(NAKA, [5], base=10, number=11)
    assert await outcome(house) == "quarantined"
    assert house.quarantined()[NAKA].check == "number"
    assert house.listed().keys() == {1, 2, 3, 4}


async def test_t10_a_gap_before_a_delta_brings_the_complete_crl(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    await house.refresh()
    house.offer_crl(NAKA, [1, 3, 6], number=12)
    house.offer_delta(NAKA, [7], base=12, number=13)
    # A cache on the way claims that the complete CRL is the old one.
    house.stall(monkeypatch, 1)
    assert await outcome(house) == "published"
    assert house.listed().keys() == {1, 3, 6, 7}


async def test_a_complete_crl_that_does_not_come_stops_no_delta(house: House):
    await house.refresh()
    house.withdraw(NAKA)
    house.offer_delta(NAKA, [4], base=10, number=11)
    assert await outcome(house) == "failed"
    assert house.listed().keys() == {1, 2, 3, 4}
    first = house.quarantined()[NAKA]
    house.clock.advance(HOUR)
    house.offer_delta(NAKA, [4, 5], base=10, number=12, this_update=AT)
    await house.refresh()
    assert house.quarantined()[NAKA] == first  # since when it has been so


async def test_t38_a_delta_beyond_all_bounds_is_alarmed_and_the_feed_goes_on(house: House):
    await house.refresh()
    house.offer_delta(NAKA, range(100, 200), base=10, number=11)
    with capture_logs() as logs:
        assert await outcome(house) == "quarantined"
    assert house.quarantined()[NAKA].check == "bounds"
    assert [each for each in logs if each["event"] == "crl_not_taken"]
    house.offer_delta(NAKA, [4], base=10, number=12)
    assert await outcome(house) == "published"


async def test_t31_a_delta_costs_what_it_changes(house: House, monkeypatch: pytest.MonkeyPatch):
    def walk(*_: object) -> None:
        raise AssertionError("the whole partition is read")

    await house.refresh()
    house.offer_delta(NAKA, [4], base=10, number=11)
    monkeypatch.setattr("tashika_server.index.Snapshot.entries", walk)
    assert await outcome(house) == "published"


async def test_the_freshest_crl_pointer_is_followed_at_a_known_host(house: House):
    house.deltas[NAKA] = FRESHEST
    for url, expected in (
        (house.delta_file(NAKA).as_uri(), "published"),
        ("http://elsewhere.invalid/delta.crl", "quarantined"),
    ):
        point = {
            "distribution_point": asn1_x509.DistributionPointName(
                "full_name", [asn1_x509.GeneralName("uniform_resource_identifier", url)]
            )
        }
        freshest = asn1_x509.CRLDistributionPoints([point]).dump()
        number = 20 if expected == "published" else 30
        house.offer_crl(NAKA, [1], number=number, extra=[("2.5.29.46", False, freshest)])
        house.offer_delta(NAKA, [4], base=number, number=number + 1)
        assert await outcome(house) == expected
    assert house.quarantined()[NAKA].check == "delta"


async def test_without_a_mark_no_delta_is_asked_for(tmp_path: Path):
    house = House(tmp_path, names=(NAKA,))
    house.offer_delta(NAKA, [4], base=10, number=11)
    assert await outcome(house) == "failed"
    assert house.find(4).entry is None
