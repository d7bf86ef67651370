"""The list of changes, by which whoever keeps answers knows which of them still hold."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tashika_server.index import (
    Change,
    Changes,
    Entry,
    IndexReader,
    IndexWriter,
    Mark,
    Quarantined,
    RegisterMark,
)
from tashika_server.index.records import pack_change, unpack_change

AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
CA, OTHER_CA = b"1" * 32, b"2" * 32
MARK = Mark(
    number=1,
    this_update=AT,
    next_update=AT + timedelta(days=1),
    sha256=bytes(32),
    entries=0,
    etag=None,
    last_modified=None,
)
KEPT, LISTED = 4, 3

some_issuers = st.sampled_from([CA, OTHER_CA])
some_serials = st.sampled_from([0, 1, 255, 2**64 - 1, 2**64, 2**159, 2**256 - 1])
some_toggles = st.lists(some_serials, unique=True, max_size=2 * LISTED).map(sorted)
"""Serials of one publication: what is listed goes, what is not comes."""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[IndexWriter]:
    with IndexWriter.open(tmp_path / "index", 2**24) as writer:
        writer.expect(CA, ["A", "B"])
        yield writer


def entries(*serials: int) -> list[Entry]:
    return [Entry(serial, AT) for serial in serials]


def changes(index: IndexReader, after: int) -> list[Change] | None:
    with index.snapshot() as snapshot:
        return snapshot.changes(after=after)


def generation(index: IndexReader) -> int:
    with index.snapshot() as snapshot:
        return snapshot.generation


def test_each_change_is_one_generation_and_is_listed(writer: IndexWriter):
    start = generation(writer.reader)
    writer.publish(CA, "A", Changes(added=entries(1, 2)), MARK)
    again = Changes(removed=entries(1), changed=[(entries(2)[0], entries(2)[0])])
    assert writer.publish(CA, "A", again, MARK) == start + 2
    writer.load_register(CA, [(1, 9)], RegisterMark(sha256=bytes(32), last=9))
    listed = changes(writer.reader, start)
    assert listed
    assert [each.generation for each in listed] == [start + 1, start + 2, start + 3]
    assert [each.serials for each in listed] == [(1, 2), (2, 1), None]
    assert [each.partition for each in listed] == ["A", "A", None]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(some_issuers, some_toggles), max_size=3 * KEPT))
def test_what_changed_is_told_exactly_or_not_at_all(steps):
    """Whoever drops what is listed has dropped every answer that is another one now."""
    with (
        pytest.MonkeyPatch.context() as smaller,
        tempfile.TemporaryDirectory() as directory,
        IndexWriter.open(Path(directory), 2**24) as writer,
    ):
        smaller.setattr("tashika_server.index.edit.KEPT_CHANGES", KEPT)
        smaller.setattr("tashika_server.index.values.MAX_LISTED_CHANGES", LISTED)
        told: list[set[int] | None] = [None, None]
        for issuer in (CA, OTHER_CA):
            writer.expect(issuer, ["A"])
        listed: dict[bytes, set[int]] = {CA: set(), OTHER_CA: set()}
        for issuer, toggled in steps:
            before = listed[issuer]
            news = Changes(
                added=entries(*(each for each in toggled if each not in before)),
                removed=entries(*(each for each in toggled if each in before)),
            )
            writer.publish(issuer, "A", news, MARK)
            before ^= set(toggled)
            told.append(set(toggled) if len(toggled) <= LISTED else None)
        newest = len(told)
        assert generation(writer.reader) == newest
        for after in range(newest + 3):
            found = changes(writer.reader, after)
            if newest - KEPT <= after <= newest:
                assert found is not None
                serials = [each.serials for each in found]
                assert [each if each is None else set(each) for each in serials] == told[after:]
                assert [each.generation for each in found] == [*range(after + 1, newest + 1)]
            else:
                assert found is None


def test_a_restart_of_the_writer_goes_on_counting(tmp_path: Path):
    for _ in range(2):
        with IndexWriter.open(tmp_path / "index", 2**24) as writer:
            writer.expect(CA, ["A"])
            writer.publish(CA, "A", Changes(), MARK)
    with IndexReader.open(tmp_path / "index").snapshot() as snapshot:
        assert snapshot.generation == 3
        assert len(snapshot.changes(after=0) or ()) == 3


def test_of_an_index_that_is_behind_nothing_is_known(writer: IndexWriter):
    """Whoever has looked at a later one keeps nothing that it could tell."""
    assert changes(writer.reader, generation(writer.reader) + 1) is None


def test_all_commits_of_one_index_are_of_one_lineage(writer: IndexWriter, tmp_path: Path):
    with writer.reader.snapshot() as before:
        writer.publish(CA, "A", Changes(added=entries(1)), MARK)
        writer.quarantine(CA, Quarantined(partition="A", at=AT, check="form", detail="x"))
        with writer.reader.snapshot() as after:
            assert before.lineage is after.lineage
    with IndexWriter.open(tmp_path / "other", 2**24) as other, other.reader.snapshot() as foreign:
        assert foreign.lineage is not after.lineage


@pytest.mark.parametrize("serials", [None, (), (0,), (5, 3, 2**256 - 1), tuple(range(10_000))])
@pytest.mark.parametrize("partition", [None, "", "http://crl.example/東京都"])
def test_a_change_comes_back_as_it_was(serials, partition):
    change = Change(generation=7, fingerprint=CA, partition=partition, serials=serials)
    assert unpack_change(pack_change(change)) == change
