"""The index against a dictionary, under any sequence of publications."""

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tashika.pki.standing import Reason
from tashika_server.index import (
    Changes,
    Coverage,
    Entry,
    Finding,
    IndexWriter,
    Mark,
    RegisterMark,
    SerialTaken,
    Snapshot,
)

AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
CA = b"1" * 32
NAMES = ("A", "B", "C")
SERIALS = (0, 1, 2, 200, 255, 256, 65535, 2**63, 2**64, 2**64 + 1, 2**159)
STRANGE = (-1, 3, 2**255, 2**256 - 1, 2**256, 2**400)
"""Never listed."""

some_serials = st.sampled_from(SERIALS)
some_ranges = st.lists(some_serials, unique=True, max_size=6).map(
    lambda edges: list(zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False))
)
some_entries = st.builds(
    Entry,
    some_serials,
    st.integers(0, 2**31).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.sampled_from([None, *Reason]),
    st.none(),
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
        self.coverage: dict[str, Coverage] = {}
        self.register: list[tuple[int, int]] | None = None
        self.writer = self.open()
        self.writer.expect(CA, NAMES)
        self.held: tuple[Snapshot, dict[int, Finding]] | None = None

    def open(self) -> IndexWriter:
        return IndexWriter.open(self.directory / "index", 2**24)

    def teardown(self) -> None:
        self.let_go()
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
        crl = mark(self.number, len(entries))
        try:
            self.writer.publish(CA, name, changes, crl)
        except SerialTaken:
            assert others & after.keys()
        else:
            assert not others & after.keys()
            self.listed[name] = entries
            self.coverage[name] = Coverage(
                number=crl.number, this_update=crl.this_update, next_update=crl.next_update
            )

    @rule(names=st.sets(st.sampled_from(NAMES), min_size=1))
    def expect(self, names: set[str]) -> None:
        self.writer.expect(CA, names)
        self.expected = names
        self.listed = {name: listed for name, listed in self.listed.items() if name in names}
        self.coverage = {name: said for name, said in self.coverage.items() if name in names}

    @rule(ranges=some_ranges)
    def load_register(self, ranges: list[tuple[int, int]]) -> None:
        last = max((last for _, last in ranges), default=0)
        self.writer.load_register(CA, ranges, RegisterMark(sha256=bytes(32), last=last))
        self.register = ranges

    @rule()
    def hold(self) -> None:
        """Keep a snapshot, whatever is written from now on."""
        self.let_go()
        self.held = self.writer.reader.snapshot(), self.findings()

    @rule()
    def let_go(self) -> None:
        if self.held:
            with self.held[0]:
                pass
            self.held = None

    @precondition(lambda self: self.number % 3 == 0)
    @rule()
    def restart(self) -> None:
        self.let_go()
        self.writer.close()
        self.writer = self.open()

    def findings(self) -> dict[int, Finding]:
        """Say what is to be found of every serial."""
        entries = {
            entry.serial: (entry, self.coverage[name])
            for name, listed in self.listed.items()
            for entry in listed
        }
        return {
            serial: Finding(*entries.get(serial, (None, self.together())), self.issued(serial))
            for serial in SERIALS + STRANGE
        }

    def together(self) -> Coverage | None:
        if self.coverage.keys() != self.expected:
            return None
        alone = len(self.coverage) == 1
        said = self.coverage.values()
        return Coverage(
            number=min(each.number for each in said) if alone else None,
            this_update=min(each.this_update for each in said),
            next_update=min(each.next_update for each in said),
        )

    def issued(self, serial: int) -> bool | None:
        if self.register is None:
            return None
        return any(first <= serial <= last for first, last in self.register)

    @invariant()
    def everything_is_found_as_published(self) -> None:
        with self.writer.reader.snapshot() as snapshot:
            self.compare(snapshot, self.findings())
            for name in NAMES:
                assert list(snapshot.entries(CA, name)) == self.listed.get(name, [])

    @invariant()
    def what_is_held_does_not_change(self) -> None:
        if self.held:
            self.compare(*self.held)

    def compare(self, snapshot: Snapshot, findings: dict[int, Finding]) -> None:
        for _ in range(2):  # what is remembered says the same
            found = {serial: snapshot.find(CA, serial) for serial in findings}
            assert found == findings


IndexMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
TestIndex = IndexMachine.TestCase
