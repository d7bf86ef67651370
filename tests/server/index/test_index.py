"""What the index promises its readers and its writer, within one process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import lmdb
import pytest

from tashika.pki.standing import Reason
from tashika_server.index import (
    Changes,
    Coverage,
    Entry,
    Finding,
    IndexBusy,
    IndexForeign,
    IndexMissing,
    IndexReader,
    IndexWriteFailed,
    IndexWriter,
    Mark,
    Quarantined,
    RegisterMark,
    SerialTaken,
)
from tashika_server.index.store import Store, open_store

MIB = 2**20
AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CA, OTHER_CA = b"1" * 32, b"2" * 32


def mark(number: int = 1, **how: Any) -> Mark:
    usual = Mark(
        number=number,
        this_update=AT,
        next_update=AT + DAY,
        sha256=bytes(32),
        entries=0,
        etag='W/"7"',
        last_modified="Tue, 31 Mar 2026 03:00:00 GMT",
    )
    return replace(usual, **how)


def entries(*serials: int, reason: Reason | None = None) -> list[Entry]:
    return [Entry(serial, AT - DAY, reason) for serial in serials]


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[IndexWriter]:
    with IndexWriter.open(tmp_path / "index", 64 * MIB) as writer:
        writer.expect(CA, ["A", "B"])
        yield writer


def find(writer: IndexWriter, serial: int, fingerprint: bytes = CA) -> Finding:
    with writer.reader.snapshot() as snapshot:
        return snapshot.find(fingerprint, serial)


SERIALS = [0, 1, 127, 128, 255, 256, 2**28, 2**64 - 1, 2**64, 2**159, 2**256 - 1]


def test_serials_of_every_length_are_found_and_listed_in_order(writer: IndexWriter):
    writer.publish(CA, "A", Changes(added=entries(*SERIALS)), mark())
    for serial in SERIALS:
        assert find(writer, serial).entry == Entry(serial, AT - DAY)
    for serial in (2, 129, 2**28 - 1, 2**64 + 1, 2**256, 2**5000):
        assert find(writer, serial).entry is None
    with writer.reader.snapshot() as snapshot:
        assert [entry.serial for entry in snapshot.entries(CA, "A")] == SERIALS
        assert list(snapshot.entries(CA, "B")) == []
        assert list(snapshot.entries(CA, "C")) == []


@pytest.mark.parametrize("reason", [None, *Reason])
@pytest.mark.parametrize("since", [None, AT - 2 * DAY, datetime(1970, 1, 1, tzinfo=UTC)])
def test_an_entry_comes_back_as_it_was(
    writer: IndexWriter, reason: Reason | None, since: datetime | None
):
    entry = Entry(7, datetime(2105, 12, 31, 23, 59, 59, tzinfo=UTC), reason, since)
    writer.publish(CA, "A", Changes(added=[entry]), mark())
    assert find(writer, 7).entry == entry


def test_a_mark_comes_back_as_it_was(writer: IndexWriter):
    given = mark(2**150, sha256=b"\x00\xff" * 16, entries=3, etag=None, last_modified=None)
    writer.publish(CA, "A", Changes(), given)
    with writer.reader.snapshot() as snapshot:
        assert snapshot.marks(CA) == {"A": given}
        assert (snapshot.mark(CA, "A"), snapshot.mark(CA, "B")) == (given, None)


def test_a_partition_may_have_a_name_longer_than_any_key(writer: IndexWriter):
    name = "http://crl.example/" + "x" * 2000
    writer.expect(CA, [name, name + "y"])
    writer.publish(CA, name, Changes(added=entries(1)), mark())
    with writer.reader.snapshot() as snapshot:
        assert snapshot.marks(CA).keys() == {name}


def test_t15_coverage_is_that_of_all_partitions_once_all_are_there(writer: IndexWriter):
    writer.publish(CA, "A", Changes(added=entries(1)), mark(5, this_update=AT - DAY))
    assert find(writer, 2) == Finding(entry=None, coverage=None, issued=None)
    own = Coverage(number=5, this_update=AT - DAY, next_update=AT + DAY)
    assert find(writer, 1).coverage == own
    writer.publish(CA, "B", Changes(), mark(9, next_update=AT + DAY / 2))
    together = Coverage(number=None, this_update=AT - DAY, next_update=AT + DAY / 2)
    assert find(writer, 2).coverage == together
    assert find(writer, 1).coverage == own
    writer.expect(CA, ["A", "B", "C"])
    assert find(writer, 2).coverage is None
    writer.expect(CA, ["A"])
    assert find(writer, 2).coverage == own


def test_an_issuer_never_expected_has_nothing(writer: IndexWriter):
    assert find(writer, 1, OTHER_CA) == Finding(entry=None, coverage=None, issued=None)
    with writer.reader.snapshot() as snapshot:
        assert snapshot.marks(OTHER_CA) == {}
        assert snapshot.quarantined(OTHER_CA) == ()
        assert snapshot.register(OTHER_CA) is None


def test_issuers_do_not_mix(writer: IndexWriter):
    writer.expect(OTHER_CA, ["A"])
    writer.publish(CA, "A", Changes(added=entries(1, 2**70)), mark())
    writer.publish(OTHER_CA, "A", Changes(added=entries(2)), mark())
    writer.load_register(CA, [(1, 9)], RegisterMark(sha256=bytes(32), last=9))
    assert find(writer, 2).entry is None
    assert find(writer, 1, OTHER_CA).entry is None
    assert find(writer, 2, OTHER_CA).entry
    assert find(writer, 2, OTHER_CA).issued is None
    with writer.reader.snapshot() as snapshot:
        assert snapshot.marks(OTHER_CA).keys() == {"A"}


def test_a_publication_adds_changes_and_removes_at_once(writer: IndexWriter):
    writer.publish(CA, "A", Changes(added=entries(1, 2, 3, 2**70)), mark(1))
    held = entries(2, reason=Reason.CERTIFICATE_HOLD)
    changes = Changes(
        added=entries(9, 2**71),
        changed=list(zip(entries(2), held, strict=True)),
        removed=entries(1, 2**70),
    )
    writer.publish(CA, "A", changes, mark(2))
    with writer.reader.snapshot() as snapshot:
        listed = list(snapshot.entries(CA, "A"))
    assert listed == [*held, *entries(3, 9, 2**71)]
    assert find(writer, 1).entry is None


def test_a_serial_of_another_partition_changes_nothing(writer: IndexWriter):
    writer.publish(CA, "A", Changes(added=entries(5)), mark())
    with pytest.raises(SerialTaken):
        writer.publish(CA, "B", Changes(added=entries(1, 5, 9)), mark())
    assert find(writer, 1).entry is None
    with writer.reader.snapshot() as snapshot:
        assert snapshot.marks(CA).keys() == {"A"}
    writer.publish(CA, "B", Changes(added=entries(6)), mark())  # the writer lives on


def test_a_partition_that_is_no_longer_expected_goes_entirely(writer: IndexWriter):
    writer.publish(CA, "A", Changes(added=entries(1, 2**70)), mark())
    writer.publish(CA, "B", Changes(added=entries(2)), mark())
    writer.quarantine(CA, Quarantined(partition="A", at=AT, check="form", detail="x"))
    writer.expect(CA, ["B", "C"])
    assert find(writer, 1).entry is find(writer, 2**70).entry is None
    with writer.reader.snapshot() as snapshot:
        assert snapshot.quarantined(CA) == ()
    writer.expect(CA, ["A", "B"])
    with writer.reader.snapshot() as snapshot:
        assert snapshot.marks(CA).keys() == {"B"}
        assert list(snapshot.entries(CA, "A")) == []


def test_a_partition_that_was_never_expected_cannot_be_published(writer: IndexWriter):
    with pytest.raises(KeyError):
        writer.publish(CA, "C", Changes(), mark())


def test_a_commit_that_changes_no_certificate_is_looked_at_anew(writer: IndexWriter):
    """What is remembered of a commit is never asked in another, whatever its generation."""
    writer.publish(CA, "A", Changes(), mark())
    writer.publish(CA, "B", Changes(), mark())
    before = find(writer, 1)
    writer.quarantine(CA, Quarantined(partition="A", at=AT, check="form", detail="x"))
    assert find(writer, 1) == before
    assert find(writer, 1) is find(writer, 2)
    assert find(writer, 1) is not before


def test_a_register_of_many_ranges_tells_each_serial(writer: IndexWriter):
    ranges = [(5, 5), (7, 9), (255, 256), (2**64 - 1, 2**64), (2**255, 2**256 - 1)]
    writer.load_register(CA, ranges, RegisterMark(sha256=bytes(32), last=2**256 - 1))
    around = {edge + step for each in ranges for edge in each for step in (-1, 0, 1)}
    with writer.reader.snapshot() as snapshot:
        for _ in range(2):
            for serial in sorted(around):
                issued = any(first <= serial <= last for first, last in ranges)
                assert snapshot.find(CA, serial).issued is issued


def test_a_snapshot_is_one_generation(writer: IndexWriter):
    writer.publish(CA, "A", Changes(added=entries(1)), mark())
    with writer.reader.snapshot() as before:
        writer.publish(CA, "A", Changes(added=entries(2), removed=entries(1)), mark(2))
        assert before.find(CA, 1).entry
        assert before.find(CA, 2).entry is None
        with writer.reader.snapshot() as after:
            assert after.generation == before.generation + 1
            assert after.find(CA, 2).entry


def test_what_is_expected_already_and_quarantine_are_no_generation(writer: IndexWriter):
    with writer.reader.snapshot() as snapshot:
        start = snapshot.generation
    writer.expect(CA, ["B", "A"])
    writer.quarantine(CA, Quarantined(partition="A", at=AT, check="form", detail="x"))
    writer.release(CA, "A")
    with writer.reader.snapshot() as snapshot:
        assert snapshot.generation == start


def test_quarantine_is_seen_until_the_next_good_crl(writer: IndexWriter):
    kept = Quarantined(partition="A", at=AT, check="form", detail="no DER")
    writer.quarantine(CA, kept)
    with writer.reader.snapshot() as snapshot:
        assert snapshot.quarantined(CA) == (kept,)
        assert (snapshot.in_quarantine(CA, "A"), snapshot.in_quarantine(CA, "B")) == (kept, None)
    writer.publish(CA, "A", Changes(), mark())
    with writer.reader.snapshot() as snapshot:
        assert snapshot.quarantined(CA) == ()


def test_everything_survives_closing(tmp_path: Path):
    path = tmp_path / "deep" / "index"
    with IndexWriter.open(path, MIB) as writer:
        writer.expect(CA, ["A"])
        writer.publish(CA, "A", Changes(added=entries(1)), mark(5))
    with IndexWriter.open(path, 2 * MIB) as writer:
        assert writer.publish(CA, "A", Changes(added=entries(2)), mark(6)) == 3
    with IndexReader.open(path).snapshot() as snapshot:
        assert snapshot.find(CA, 1).entry
        assert snapshot.find(CA, 2).entry


# --- what is not there, or not ours ----------------------------------------------------------


def test_there_is_no_index_yet(tmp_path: Path):
    reader = IndexReader.open(tmp_path / "index")
    for _ in range(2):
        with pytest.raises(IndexMissing), reader.snapshot():
            pass
    (tmp_path / "index").mkdir()
    with pytest.raises(IndexMissing), reader.snapshot():
        pass
    lmdb.open(str(tmp_path / "index"), max_dbs=1).close()  # made, and its writer killed
    with pytest.raises(IndexMissing), reader.snapshot():
        pass


def test_a_reader_finds_the_index_once_there_is_one(tmp_path: Path):
    reader = IndexReader.open(tmp_path / "index")
    with pytest.raises(IndexMissing), reader.snapshot():
        pass
    with IndexWriter.open(tmp_path / "index", MIB) as writer:
        writer.expect(CA, ["A"])
    with reader.snapshot() as snapshot:
        assert snapshot.generation == 1


def test_a_reader_follows_when_the_index_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tashika_server.index.reader.LOOK_AGAIN_SECONDS", -1.0)
    path = tmp_path / "index"
    with IndexWriter.open(path, MIB) as writer:
        writer.expect(CA, ["A"])
    reader = IndexReader.open(path)
    with reader.snapshot() as held:
        path.rename(tmp_path / "away")
        with IndexWriter.open(path, MIB) as writer:
            writer.expect(CA, ["A"])
            writer.publish(CA, "A", Changes(added=entries(1)), mark())
        with reader.snapshot() as snapshot:
            assert snapshot.find(CA, 1).entry
            assert snapshot.lineage is not held.lineage
        assert held.find(CA, 1).entry is None


def test_a_reader_follows_when_the_file_alone_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Once nobody holds the old one, whose lock is the new one's too."""
    monkeypatch.setattr("tashika_server.index.reader.LOOK_AGAIN_SECONDS", -1.0)
    for number, name in enumerate(("index", "other")):
        with IndexWriter.open(tmp_path / name, MIB) as writer:
            writer.expect(CA, ["A"])
            writer.publish(CA, "A", Changes(added=entries(number)), mark())
    reader = IndexReader.open(tmp_path / "index")
    with reader.snapshot() as held:
        before = held.lineage
        (tmp_path / "other" / "data.mdb").replace(tmp_path / "index" / "data.mdb")
        with pytest.raises(IndexMissing), reader.snapshot():
            pass
        assert held.find(CA, 0).entry
    del held
    with reader.snapshot() as snapshot:
        assert snapshot.find(CA, 1).entry
        assert snapshot.lineage is not before


def test_what_is_opened_is_what_is_at_the_path_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Replaced in the moment between the look and the opening."""
    monkeypatch.setattr("tashika_server.index.reader.LOOK_AGAIN_SECONDS", -1.0)
    for number, name in enumerate(("index", "other")):
        with IndexWriter.open(tmp_path / name, MIB) as writer:
            writer.expect(CA, ["A"])
            writer.publish(CA, "A", Changes(added=entries(number)), mark())

    def open_late(path: Path) -> Store:
        if (tmp_path / "other").exists():
            path.rename(tmp_path / "away")
            (tmp_path / "other").rename(path)
        return open_store(path)

    monkeypatch.setattr("tashika_server.index.reader.open_store", open_late)
    reader = IndexReader.open(tmp_path / "index")
    for _ in range(2):
        with reader.snapshot() as snapshot:
            assert snapshot.find(CA, 1).entry


@pytest.mark.parametrize("content", [b"", b"\0" * 8192, b"not an index" * 1000])
def test_t24_what_is_no_index_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "index"
    path.mkdir()
    (path / "data.mdb").write_bytes(content)
    with pytest.raises(IndexMissing), IndexReader.open(path).snapshot():
        pass
    if content:
        with pytest.raises(IndexForeign, match="move it"):
            IndexWriter.open(path, MIB)


def test_t24_an_index_of_another_form_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "index"
    with monkeypatch.context() as other:
        other.setattr("tashika_server.index.store.SCHEMA", 99)
        IndexWriter.open(path, MIB).close()
    with pytest.raises(IndexForeign, match="form 99"):
        IndexWriter.open(path, MIB)
    with pytest.raises(IndexMissing, match="form 99"), IndexReader.open(path).snapshot():
        pass


def test_a_directory_that_cannot_be_made_is_a_write_failure(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(IndexWriteFailed, match="Not a directory"):
        IndexWriter.open(tmp_path / "file" / "index", MIB)


def test_a_second_writer_is_refused(tmp_path: Path, writer: IndexWriter):
    with pytest.raises(IndexBusy):
        IndexWriter.open(tmp_path / "index", MIB)


# --- failures of the disk --------------------------------------------------------------------


def test_a_full_map_leaves_the_last_generation_and_a_dead_writer(tmp_path: Path):
    path = tmp_path / "index"
    with IndexWriter.open(path, 256 * 1024) as writer:
        writer.expect(CA, ["A"])
        writer.publish(CA, "A", Changes(added=entries(1)), mark())
        for _ in range(2):
            with pytest.raises(IndexWriteFailed, match="larger size"):
                writer.publish(CA, "A", Changes(added=entries(*range(100, 9000))), mark(2))
        with pytest.raises(IndexWriteFailed):
            writer.release(CA, "A")
        assert find(writer, 1).entry
        assert find(writer, 100).entry is None
    with IndexWriter.open(path, 4 * MIB) as writer:
        writer.publish(CA, "A", Changes(added=entries(*range(100, 9000))), mark(2))
        assert find(writer, 100).entry


class Failing:
    """An environment whose commits fail, as after an fsync error."""

    def __init__(self, environment: lmdb.Environment) -> None:
        self.environment = environment
        self.tried = 0

    def reader_check(self) -> int:
        return self.environment.reader_check()

    @contextmanager
    def begin(self, *, write: bool) -> Iterator[Any]:
        self.tried += 1
        transaction = self.environment.begin(write=write)
        try:
            yield transaction
        finally:
            transaction.abort()
        raise lmdb.Error("mdb_txn_commit", 5)


def test_rule_9_a_failed_fsync_is_never_tried_again(writer: IndexWriter):
    real = writer._store
    failing = Failing(real.environment)
    writer._store = replace(real, environment=failing)
    for _ in range(3):
        with pytest.raises(IndexWriteFailed, match="space on its disk"):
            writer.publish(CA, "A", Changes(added=entries(1)), mark())
    assert failing.tried == 1
    assert find(writer, 1).entry is None
    writer._store = real
