"""Records in files: sorted in bounded memory, read back as what went in."""

import os
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import BinaryIO

import pytest

from support.crls import AT, DAY
from tashika.pki.standing import Reason
from tashika_server.index import Changes, Entry, IndexWriter, Mark
from tashika_server.refresh.records import RECORD, Pairs, Records, pack, repack
from tashika_server.refresh.sorting import Sorter, Twice

ENTRIES = [
    Entry(serial, AT - timedelta(seconds=serial % 1000), reason, since)
    for serial, reason, since in zip(
        [serial**8 for serial in sorted(Random(1).sample(range(500, 9000), 500))],
        [None, *Reason] * 100,
        [None, AT - DAY, None] * 200,
        strict=False,
    )
]


@pytest.fixture
def files() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as spare:
        yield file, spare


def sort(entries: list[Entry], files: tuple[BinaryIO, BinaryIO], *, piece: int = 7) -> int:
    sorter = Sorter(*(file.fileno() for file in files), run=50)
    for at in range(0, len(entries), piece):
        serials = [entry.serial for entry in entries[: at + piece]]
        ascend = all(one < other for one, other in pairwise(serials))
        sorter.add([pack(entry) for entry in entries[at : at + piece]], ascend=ascend)
    return sorter.finish()


def read(file: int, files: tuple[BinaryIO, BinaryIO]) -> list[Entry]:
    (found,) = [each for each in files if each.fileno() == file]
    return list(Records(found, range(os.fstat(file).st_size // RECORD.size)))


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled", "nearly"])
def test_any_order_becomes_ascending(order: str, files: tuple[BinaryIO, BinaryIO]):
    entries = list(ENTRIES)
    if order == "descending":
        entries.reverse()
    elif order == "shuffled":
        Random(2).shuffle(entries)
    elif order == "nearly":
        entries.append(entries.pop(0))
    result = sort(entries, files)
    assert read(result, files) == ENTRIES
    assert (result == files[0].fileno()) == (order == "ascending")


def test_nothing_is_sorted_too(files: tuple[BinaryIO, BinaryIO]):
    assert read(sort([], files), files) == []


def test_a_serial_listed_twice_is_found_however_far_apart(files: tuple[BinaryIO, BinaryIO]):
    with pytest.raises(Twice):
        sort([*ENTRIES, ENTRIES[0]._replace(reason=None, revoked_at=AT)], files)


def test_records_are_a_sequence_like_any_other(files: tuple[BinaryIO, BinaryIO]):
    files[0].writelines(map(pack, ENTRIES))
    records = Records.of(files[0])
    assert len(records) == 500
    assert records[3] == ENTRIES[3]
    assert records[-1] == ENTRIES[-1]
    assert list(records[100:300][50:]) == ENTRIES[150:300]
    pairs = Pairs(records[:10], records[10:20])
    assert pairs[2] == (ENTRIES[2], ENTRIES[12])
    assert list(pairs) == list(zip(ENTRIES[:10], ENTRIES[10:20], strict=True))
    assert len(pairs[4:]) == 6


def test_records_are_copied_behind_all_others_and_over_half_a_one(
    files: tuple[BinaryIO, BinaryIO],
):
    files[0].writelines(map(pack, ENTRIES))
    records = Records.of(files[0])
    assert list(records[:10].copied(files[1])) == ENTRIES[:10]
    os.write(files[1].fileno(), b"half a record")
    assert list(records[20:30].copied(files[1])) == ENTRIES[20:30]
    assert os.fstat(files[1].fileno()).st_size == 20 * RECORD.size


def test_the_index_is_the_same_whether_entries_come_as_octets_or_not(
    tmp_path: Path, files: tuple[BinaryIO, BinaryIO]
):
    files[0].writelines(map(pack, ENTRIES))
    records = Records.of(files[0])
    ca = bytes(32)
    mark = Mark(
        number=1,
        this_update=AT,
        next_update=AT + DAY,
        sha256=bytes(32),
        entries=len(ENTRIES),
        etag=None,
        last_modified=None,
    )
    with IndexWriter.open(tmp_path, 1 << 22) as writer:
        writer.expect(ca, [""])
        for changes in (
            Changes(added=records[:400]),
            Changes(added=records[400:], removed=records[:200]),
            Changes(added=ENTRIES[:200]),
        ):
            writer.publish(ca, "", changes, mark)
        with writer.reader.snapshot() as view:
            assert list(view.entries(ca, "")) == ENTRIES
            assert list(map(repack, view.packed(ca, ""))) == list(map(pack, ENTRIES))
            wanted = [ENTRIES[3].serial, 7, ENTRIES[-1].serial]
            found = view.entries_of(ca, "", wanted)
            assert found == {entry.serial: entry for entry in (ENTRIES[3], ENTRIES[-1])}
