"""What `responder.sight.Index` promises, kept by the index on disk and by the one in memory."""

from datetime import timedelta

import pytest

from support.asking import AT, DAY, MemoryIndex
from tashika.pki.standing import Reason
from tashika_server.index import (
    Changes,
    Coverage,
    Entry,
    Finding,
    IndexMissing,
    IndexReader,
    IndexWriter,
    Mark,
    RegisterMark,
)

OURS, FOREIGN = b"o" * 32, b"f" * 32
COVERAGE = Coverage(number=7, this_update=AT - timedelta(hours=1), next_update=AT + DAY)
REVOKED = Entry(1002, AT - DAY, Reason.KEY_COMPROMISE, AT - 2 * DAY)
PLAIN = Entry(1003, AT - DAY)
ISSUED = range(1000, 2000)


class OnDisk:
    def __init__(self, directory) -> None:
        self.writer = IndexWriter.open(directory, 1 << 24)
        self.index = self.writer.reader
        self.writer.expect(OURS, [""])

    def publish(self, *entries: Entry):
        mark = Mark(
            number=7,
            this_update=COVERAGE.this_update,
            next_update=COVERAGE.next_update,
            sha256=bytes(32),
            entries=len(entries),
            etag=None,
            last_modified=None,
        )
        self.writer.publish(OURS, "", Changes(added=entries), mark)

    def register(self):
        mark = RegisterMark(sha256=bytes(32), last=ISSUED[-1])
        self.writer.load_register(OURS, [(ISSUED[0], ISSUED[-1])], mark)

    def close(self):
        self.writer.close()


class InMemory:
    def __init__(self, _directory) -> None:
        self.memory = MemoryIndex()
        self.index = self.memory

    def publish(self, *entries: Entry):
        self.memory.generation += 1
        self.memory.coverage[OURS] = COVERAGE
        self.memory.entries |= {(OURS, entry.serial): entry for entry in entries}

    def register(self):
        self.memory.generation += 1
        self.memory.issued[OURS] = ISSUED

    def close(self):
        pass


@pytest.fixture(params=[OnDisk, InMemory])
def kept(request, tmp_path):
    kept = request.param(tmp_path / "index")
    yield kept
    kept.close()


def find(kept, serial, fingerprint=OURS):
    with kept.index.snapshot() as view:
        return view.find(fingerprint, serial)


def same_times(coverage):
    """The number is the index's own; an answer is made from the times."""
    return (coverage.this_update, coverage.next_update) == (
        COVERAGE.this_update,
        COVERAGE.next_update,
    )


@pytest.mark.parametrize("entry", [REVOKED, PLAIN])
def test_a_listed_certificate_is_found_with_its_coverage(kept, entry):
    kept.publish(REVOKED, PLAIN)
    found = find(kept, entry.serial)
    assert found.entry == entry
    assert same_times(found.coverage)
    assert found.issued is None


@pytest.mark.parametrize("serial", [0, 1, 1001, 2**159, 2**400, -1])
def test_an_unlisted_serial_of_any_size_is_not_found(kept, serial):
    kept.publish(REVOKED)
    found = find(kept, serial)
    assert found.entry is None
    assert same_times(found.coverage)


@pytest.mark.parametrize(
    ("serial", "issued"), [(1002, True), (1001, True), (999, False), (-1, False)]
)
def test_a_register_tells_what_was_issued(kept, serial, issued):
    kept.publish(REVOKED)
    kept.register()
    assert find(kept, serial).issued is issued


def test_t15_before_the_first_crl_there_is_no_coverage(kept):
    assert find(kept, 1002) == Finding(entry=None, coverage=None, issued=None)


def test_of_a_foreign_issuer_there_is_nothing(kept):
    kept.publish(REVOKED)
    kept.register()
    assert find(kept, 1002, FOREIGN) == Finding(entry=None, coverage=None, issued=None)


def test_a_view_that_is_held_does_not_change(kept):
    kept.publish(REVOKED)
    with kept.index.snapshot() as view:
        before = view.generation
        kept.publish(PLAIN)
        assert view.find(OURS, PLAIN.serial).entry is None
        assert view.generation == before
    with kept.index.snapshot() as view:
        assert view.find(OURS, PLAIN.serial).entry == PLAIN
        assert view.generation > before


def test_without_an_index_there_is_no_view(tmp_path):
    with pytest.raises(IndexMissing), IndexReader.open(tmp_path / "nowhere").snapshot():
        pass
