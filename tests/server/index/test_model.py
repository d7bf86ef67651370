"""The index against a dictionary, under any sequence of publications."""

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tashika.pki.standing import Reason
from tashika_server.index import Changes, Entry, IndexWriter, Mark, SerialTaken

AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
CA = b"1" * 32
NAMES = ("A", "B", "C")

some_serials = st.sampled_from([0, 1, 2, 200, 255, 256, 65535, 2**63, 2**64, 2**64 + 1, 2**159])
some_entries = st.builds(
    Entry,
    some_serials,
    st.integers(0, 2**31).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.sampled_from([None, *Reason]),
)
some_lists = st.lists(some_entries, unique_by=lambda entry: entry.serial).map(
    lambda entries: sorted(entries, key=lambda entry: entry.serial)
)


def mark(number: int, entries: int) -> Mark:
    return Mark(
        number=number,
        this_update=AT + timedelta(seconds=number),
        next_update=AT + timedelta(days=1),
        sha256=bytes(32),
        entries=entries,
        etag=None,
        last_modified=None,
    )


class IndexMachine(RuleBasedStateMachine):
    """What each partition lists is what was last published of it."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.number = 0
        self.expected = set(NAMES)
        self.listed: dict[str, list[Entry]] = {}
        self.writer = self.open()
        self.writer.expect(CA, NAMES)

    def open(self) -> IndexWriter:
        return IndexWriter.open(self.directory / "index", 2**24)

    def teardown(self) -> None:
        self.writer.close()
        shutil.rmtree(self.directory)

    @rule(name=st.sampled_from(NAMES), entries=some_lists)
    def publish(self, name: str, entries: list[Entry]) -> None:
        if name not in self.expected:
            return
        before = {entry.serial: entry for entry in self.listed.get(name, [])}
        after = {entry.serial: entry for entry in entries}
        changes = Changes(
            added=[entry for entry in entries if entry.serial not in before],
            changed=[
                (before[each.serial], each)
                for each in entries
                if each.serial in before and before[each.serial] != each
            ],
            removed=[entry for serial, entry in before.items() if serial not in after],
        )
        others = {
            entry.serial
            for other, listed in self.listed.items()
            if other != name
            for entry in listed
        }
        self.number += 1
        try:
            self.writer.publish(CA, name, changes, mark(self.number, len(entries)))
        except SerialTaken:
            assert others & after.keys()
        else:
            assert not others & after.keys()
            self.listed[name] = entries

    @rule(names=st.sets(st.sampled_from(NAMES), min_size=1))
    def expect(self, names: set[str]) -> None:
        self.writer.expect(CA, names)
        self.expected = names
        self.listed = {name: listed for name, listed in self.listed.items() if name in names}

    @precondition(lambda self: self.number % 3 == 0)
    @rule()
    def restart(self) -> None:
        self.writer.close()
        self.writer = self.open()

    @invariant()
    def everything_is_found_as_published(self) -> None:
        with self.writer.reader.snapshot() as snapshot:
            for name in NAMES:
                assert list(snapshot.entries(CA, name)) == self.listed.get(name, [])
            for listed in self.listed.values():
                for entry in listed:
                    finding = snapshot.find(CA, entry.serial)
                    assert finding.entry == entry
                    assert finding.coverage
            complete = self.listed.keys() == self.expected
            assert (snapshot.find(CA, 7).coverage is not None) == complete


IndexMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
TestIndex = IndexMachine.TestCase
