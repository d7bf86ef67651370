"""Many partitions in one commit, and what a push feed said before a CRL says it too."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tashika.pki.standing import Reason
from tashika_server.index import (
    Changes,
    Entry,
    FeedMark,
    IndexWriter,
    Mark,
    Publication,
    Pushed,
    Quarantined,
    SerialTaken,
)

AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CA, OTHER_CA = b"1" * 32, b"2" * 32


def mark(number: int = 1, this_update: datetime = AT) -> Mark:
    return Mark(
        number=number,
        this_update=this_update,
        next_update=this_update + DAY,
        sha256=bytes(32),
        entries=0,
        etag=None,
        last_modified=None,
    )


def feed_mark(sequence: int) -> FeedMark:
    at = AT + sequence * MINUTE
    return FeedMark(
        key=b"k" * 32,
        sequence=sequence,
        digest=b"d" * 32,
        this_update=at,
        next_update=at + MINUTE,
    )


def entry(serial: int, reason: Reason | None = None) -> Entry:
    return Entry(serial, AT - DAY, reason)


def added(*serials: int) -> Changes:
    return Changes(added=[entry(each) for each in serials])


def removed(*serials: int) -> Changes:
    return Changes(removed=[entry(each) for each in serials])


def crl(partition: str, changes: Changes, number: int = 1, issuer: bytes = CA) -> Publication:
    return Publication(fingerprint=issuer, partition=partition, changes=changes, mark=mark(number))


def pushed(partition: str, changes: Changes, number: int = 1, after: int = 1) -> Pushed:
    return Pushed(
        partition=partition, number=number, this_update=AT + after * MINUTE, changes=changes
    )


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[IndexWriter]:
    with IndexWriter.open(tmp_path / "index", 2**24) as writer:
        for issuer in (CA, OTHER_CA):
            writer.expect(issuer, ["A", "B"])
        yield writer


def listed(writer: IndexWriter, partition: str, issuer: bytes = CA) -> list[int]:
    with writer.reader.snapshot() as snapshot:
        serials = [each.serial for each in snapshot.entries(issuer, partition)]
        assert snapshot.count(issuer, partition) == len(serials)
        return serials


def commits(writer: IndexWriter) -> int:
    number: int = writer._store.environment.info()["last_txnid"]
    return number


def test_many_partitions_are_one_commit_and_a_generation_each(writer: IndexWriter):
    before = commits(writer)
    with writer.reader.snapshot() as snapshot:
        start = snapshot.generation
    last = writer.publish_all(
        [crl("A", added(1, 2)), crl("B", added(3)), crl("A", added(1), issuer=OTHER_CA)]
    )
    assert (commits(writer), last) == (before + 1, start + 3)
    with writer.reader.snapshot() as snapshot:
        changes = snapshot.changes(after=start) or []
        assert [(each.fingerprint, each.partition, each.serials) for each in changes] == [
            (CA, "A", (1, 2)),
            (CA, "B", (3,)),
            (OTHER_CA, "A", (1,)),
        ]
        assert snapshot.find(CA, 9).coverage is not None
        assert snapshot.find(OTHER_CA, 9).coverage is None  # its B is awaited


def test_one_serial_that_is_taken_leaves_all_of_them_out(writer: IndexWriter):
    writer.publish(CA, "A", added(1), mark())
    with pytest.raises(SerialTaken):
        writer.publish_all([crl("A", added(2), 2), crl("B", added(1))])
    assert (listed(writer, "A"), listed(writer, "B")) == ([1], [])


def test_a_certificate_may_move_between_partitions_in_one_commit(writer: IndexWriter):
    writer.publish(CA, "B", added(1), mark())
    writer.publish_all([crl("A", added(1)), crl("B", removed(1), 2)])
    assert (listed(writer, "A"), listed(writer, "B")) == ([1], [])


def test_entries_are_put_piece_by_piece(writer: IndexWriter, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tashika_server.index.layout.AT_ONCE", 2)
    monkeypatch.setattr("tashika_server.index.order.IN_MEMORY", 3)
    writer.publish(CA, "A", added(2, 4, 2**64, 2**64 + 2, 2**64 + 4), mark())
    more = added(1, 3, 5, 2**64 + 1, 2**64 + 5)
    writer.publish(CA, "A", more, mark(2))
    assert listed(writer, "A") == [1, 2, 3, 4, 5, *(2**64 + each for each in (0, 1, 2, 4, 5))]
    with pytest.raises(SerialTaken):
        writer.publish(CA, "B", added(6, 7, 2**64 + 4), mark())


def test_partitions_whose_serials_are_mixed_go_in_together(writer: IndexWriter):
    both = [crl("A", added(1, 4, 5, 2**70)), crl("B", added(2, 3, 6, 2**64))]
    writer.publish_all(both)
    assert listed(writer, "A") == [1, 4, 5, 2**70]
    assert listed(writer, "B") == [2, 3, 6, 2**64]
    with writer.reader.snapshot() as snapshot:
        assert [entry.serial for entry in snapshot.everything(CA)] == [*range(1, 7), 2**64, 2**70]


some_serials = st.one_of(st.integers(0, 300), st.integers(2**63, 2**65), st.integers(0, 2**160))
some_entries = st.builds(
    Entry,
    some_serials,
    st.integers(0, 2**31).map(lambda seconds: AT.fromtimestamp(seconds, UTC)),
    st.sampled_from([None, *Reason]),
    st.sampled_from([None, None, AT, AT.fromtimestamp(0, UTC)]),
)


@given(
    entries=st.lists(some_entries, unique_by=lambda entry: entry.serial, max_size=60),
    known=st.sets(st.integers(0, 2), max_size=2),
    chance=st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_loaded_in_order_or_partition_by_partition_the_index_is_the_same(
    entries: list[Entry], known: set[int], chance: Random
):
    """`known` are partitions that are loaded before; memory holds seven rows."""
    lists: list[list[Entry]] = [[], [], []]
    for each in sorted(entries, key=lambda entry: entry.serial):
        chance.choice(lists).append(each)
    crls = [crl(name, Changes(added=some)) for name, some in zip("ABC", lists, strict=True)]
    first = [each for number, each in enumerate(crls) if number in known]
    rest = [each for number, each in enumerate(crls) if number not in known]
    with (
        TemporaryDirectory() as directory,
        patch("tashika_server.index.order.IN_MEMORY", 7),
        IndexWriter.open(Path(directory) / "in-order", 2**24) as ordered,
        IndexWriter.open(Path(directory) / "one-by-one", 2**24) as other,
    ):
        for each in (ordered, other):
            each.expect(CA, "ABC")
        for some in (first, rest):
            if some:
                ordered.publish_all(some)
        for each in first + rest:
            other.publish_all([each])
        assert rows(ordered) == rows(other)


def rows(writer: IndexWriter) -> dict[str, list[tuple[bytes, bytes]]]:
    with writer._store.begin() as transaction:
        return {
            name: list(transaction.cursor(database))
            for name, database in writer._store.databases.items()
        }


def test_what_is_loaded_first_fills_its_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Cards are numbered as they are issued: an entry of a 4-octet serial takes 24 octets."""
    monkeypatch.setattr("tashika_server.index.order.IN_MEMORY", 1_000)
    names = [f"{number:02}" for number in range(40)]
    listed = [
        crl(name, added(*range(2**24 + number, 2**24 + 20_000, 40)))
        for number, name in enumerate(names)
    ]
    with IndexWriter.open(tmp_path / "index", 2**24) as writer:
        writer.expect(CA, names)
        writer.publish_all(listed)
        with writer._store.begin() as transaction:
            pages = transaction.stat(writer._store.databases["entries"])
    assert pages["entries"] == 20_000
    assert pages["leaf_pages"] * pages["psize"] < 25 * 20_000


def test_a_serial_in_two_of_them_is_found_beyond_memory(
    writer: IndexWriter, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tashika_server.index.order.IN_MEMORY", 5)
    with pytest.raises(SerialTaken):
        writer.publish_all([crl("A", added(*range(20))), crl("B", added(7, *range(30, 50)))])
    assert (listed(writer, "A"), listed(writer, "B")) == ([], [])
    writer.publish_all([crl("A", added(*range(20))), crl("B", added(*range(30, 50)))])
    with pytest.raises(SerialTaken):
        writer.publish_all([crl("A", added(20, 30), 2), crl("B", added(*range(50, 60)), 2)])


def test_a_feed_is_taken_in_by_one_commit_and_extends_no_lifetime(writer: IndexWriter):
    writer.publish_all([crl("A", added(1)), crl("B", Changes())])
    before = commits(writer)
    news = [pushed("A", added(2)), pushed("B", added(3))]
    assert writer.push(CA, news, feed_mark(7)) is not None
    assert commits(writer) == before + 1
    with writer.reader.snapshot() as snapshot:
        assert snapshot.feed(CA) == feed_mark(7)
        assert snapshot.mark(CA, "A") == mark()
        found = snapshot.find(CA, 2)
        assert found.coverage
        assert found.coverage.this_update == AT + MINUTE
        assert found.coverage.next_update == AT + DAY


def test_a_message_that_changes_nothing_makes_no_generation(writer: IndexWriter):
    with writer.reader.snapshot() as snapshot:
        start = snapshot.generation
    assert writer.push(CA, [], feed_mark(1)) is None
    with writer.reader.snapshot() as snapshot:
        assert (snapshot.generation, snapshot.feed(CA)) == (start, feed_mark(1))
        assert snapshot.feed(OTHER_CA) is None


def test_a_crl_does_not_undo_what_a_feed_has_said_since_it_was_made(writer: IndexWriter):
    """CRL 2 was made before the feed revoked 2 and released 1; then CRL 3 says both."""
    writer.publish_all([crl("A", added(1)), crl("B", Changes())])
    writer.push(CA, [pushed("A", removed(1), number=2), pushed("B", added(7), 1)], feed_mark(1))
    writer.push(CA, [pushed("A", added(2), number=2)], feed_mark(2))
    late = Changes(added=[entry(1), entry(5)], removed=[entry(2)])
    writer.publish(CA, "A", late, mark(2))
    assert listed(writer, "A") == [2, 5]
    with writer.reader.snapshot() as snapshot:
        assert snapshot.fed(CA, "A", since=2) == {1, 2}
        assert snapshot.fed(CA, "A", since=3) == frozenset()
    writer.publish(CA, "A", removed(2), mark(3))
    assert listed(writer, "A") == [5]
    with writer.reader.snapshot() as snapshot:
        assert snapshot.fed(CA, "A", since=0) == frozenset()
        assert snapshot.fed(CA, "B", since=0) == {7}


def test_why_a_feed_is_not_followed_stands_until_its_next_message(writer: IndexWriter):
    why = Quarantined(partition="push feed", at=AT, check="sequence", detail="7 is missing")
    writer.quarantine_feed(CA, why)
    with writer.reader.snapshot() as snapshot:
        assert snapshot.quarantined(CA) == (why,)
    writer.push(CA, [], feed_mark(7))
    with writer.reader.snapshot() as snapshot:
        assert snapshot.quarantined(CA) == ()


def test_what_changed_takes_no_more_room_than_it_may(
    writer: IndexWriter, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tashika_server.index.edit.KEPT_PAGES", 20)
    for number in range(8):
        first = 10_000 * number
        writer.publish(CA, "A", added(*range(first, first + 5_000)), mark(number))
    with writer.reader.snapshot() as snapshot:
        kept = [
            count
            for count in range(1, 9)
            if snapshot.changes(after=snapshot.generation - count) is not None
        ]
    assert kept == [1, 2, 3]  # of 20 kB each


def test_a_commit_that_changes_very_much_lists_no_serials(
    writer: IndexWriter, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tashika_server.index.writer.MOST_LISTED", 5)
    with writer.reader.snapshot() as snapshot:
        start = snapshot.generation
    writer.publish_all([crl("A", added(1, 2, 3)), crl("B", added(4, 5, 6))])
    writer.publish_all([crl("A", added(7, 8, 9), 2), crl("B", added(10, 11), 2)])
    with writer.reader.snapshot() as snapshot:
        told = [(each.partition, each.serials) for each in snapshot.changes(after=start) or ()]
    assert told == [("A", None), ("B", None), ("A", (7, 8, 9)), ("B", (10, 11))]


def test_a_partition_that_is_given_up_leaves_nothing_behind(writer: IndexWriter):
    writer.publish_all([crl("A", added(1)), crl("B", added(2))])
    writer.push(CA, [pushed("B", added(3))], feed_mark(1))
    writer.expect(CA, ["A"])
    with writer.reader.snapshot() as snapshot:
        assert snapshot.fed(CA, "B", since=0) == frozenset()
        unlisted = snapshot.find(CA, 9).coverage
        assert unlisted
        assert (unlisted.number, unlisted.this_update) == (1, AT)
    writer.expect(CA, ["A", "B"])
    with writer.reader.snapshot() as snapshot:
        assert snapshot.find(CA, 9).coverage is None
