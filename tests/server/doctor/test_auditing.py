"""T7: the index is compared with what it was made of, entry by entry."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from support.crls import AT, DAY, HOUR, NAKA, NISHI, Row, hold
from support.reading import OpenCell
from support.refreshing import House
from tashika.pki.standing import Reason
from tashika_server.assembly.archiving import ArchiveKeeper
from tashika_server.doctor.auditing import Audit, Audited
from tashika_server.files.archive import Archive
from tashika_server.index import Changes, Entry, IndexWriter
from tashika_server.refresh.source import Source

PLACE = "archive"


@pytest.fixture
async def house(tmp_path: Path) -> House:
    """Make a house whose first partition has a complete CRL and two deltas since."""
    house = House(tmp_path)
    house.keeper = ArchiveKeeper(Archive.open(tmp_path / PLACE))
    house.offer_crl(NAKA, [1, hold(2), 3], number=10)
    house.offer_crl(NISHI, [7])
    house.offer_delta(NAKA, [4, Row(2, reason="remove_from_crl")], base=10, number=11)
    await house.refresh()
    later = {"base": 10, "number": 12, "this_update": AT}
    house.offer_delta(NAKA, [4, hold(2), Row(1, reason="superseded")], **later)
    house.clock.advance(HOUR)
    await house.refresh()
    return house


@contextmanager
def auditing(house: House) -> Iterator[Audit]:
    archive = Archive.open(house.directory / PLACE)
    with house.snapshot() as view, OpenCell() as cell:
        yield Audit(view=view, archive=archive, cell=cell, spool=house.directory / "audit")


def audited(house: House) -> dict[str, Audited]:
    with auditing(house) as audit:
        sources = [
            Source(house.issuer, each, house.fingerprint) for each in house.issuer.partitions
        ]
        return {each.partition: each for each in map(audit.of, sources)}


def test_t7_what_was_taken_in_is_found_to_be_so(house: House):
    found = audited(house)
    assert {name: (each.entries, each.differ, each.trouble) for name, each in found.items()} == {
        NAKA: (4, 0, None),
        NISHI: (1, 0, None),
    }


@pytest.mark.parametrize(
    ("changes", "differ"),
    [
        (Changes(removed=[Entry(3, AT - DAY)]), 1),
        (Changes(added=[Entry(99, AT - DAY)]), 1),
        (Changes(changed=[(Entry(3, AT - DAY), Entry(3, AT - 2 * DAY))]), 1),
        (Changes(removed=[Entry(4, AT - DAY)], added=[Entry(5, AT - DAY)]), 2),
        (Changes(changed=[(Entry(1, AT - DAY), Entry(1, AT - DAY, Reason.KEY_COMPROMISE))]), 1),
        (Changes(removed=[Entry(2, AT - DAY, Reason.CERTIFICATE_HOLD)]), 1),
    ],
)
def test_t7_an_entry_that_was_left_behind_is_counted(house: House, changes: Changes, differ: int):
    """As by a fault of ours, under the marks of the CRLs that say otherwise."""
    with IndexWriter.open(house.directory / "index", house.size) as writer:
        with writer.reader.snapshot() as view:
            mark = view.mark(house.fingerprint, NAKA)
        assert mark
        writer.publish(house.fingerprint, NAKA, changes, mark)
    found = audited(house)
    assert (found[NAKA].differ, found[NISHI].differ) == (differ, 0)


def test_t7_what_cannot_be_compared_is_told(house: House, tmp_path: Path):
    with auditing(house) as audit:
        empty = replace(audit, archive=Archive.open(tmp_path / "empty"))
        source = Source(house.issuer, house.issuer.partitions[0], house.fingerprint)
        assert "the archive has not" in (empty.of(source).trouble or "")
