"""Archive and history pass to the next operator: what was known then is said there as here."""

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from support.archive import openings
from support.asking import ec_key
from support.crls import DAY, HOUR
from support.registry import START
from support.remembered import A, B, Memory, held, revoked
from tashika_server.book import Book, open_book
from tashika_server.files.archive import Archive
from tashika_server.files.facts import Facts, Kind
from tashika_server.handover.kept import CATALOGUE, HISTORY, ArchivePart, HistoryPart
from tashika_server.handover.package import MANIFEST, SIGNATURE, HandoverRefused, seal_package
from tashika_server.handover.passing import hand_over, take_over
from tashika_server.handover.portable import Portable
from tashika_server.history.errors import NotRemembered
from tashika_server.history.events import What
from tashika_server.history.store import connect
from tashika_server.history.story import Story
from tashika_server.index import Entry, IndexReader, IndexWriter
from tashika_server.ledger.root import public_key

KEY = ec_key("ledger")
SERIALS = [*range(8), 1 << 80]


class Operator:
    """One who has an index with its history, an archive and a book."""

    def __init__(self, directory: Path, template: Path) -> None:
        directory.mkdir()
        shutil.copy(template, directory / "book.sqlite")
        self.directory = directory
        self.memory = Memory(directory)
        self.archive = Archive.open(directory / "archive")
        self.book: Book = open_book(f"sqlite:///{directory / 'book.sqlite'}")

    def keep(self, number: int, *, partition: str = A, leaving: str | None = None) -> None:
        """Keep a file that is no CRL; what is in it is not looked into here."""
        spooled, body = self.directory / "spooled", f"CRL {number}".encode() * 9
        spooled.write_bytes(body)
        at = self.memory.clock.now() + number * HOUR
        what = facts(self.memory.fingerprint, number, body, at)
        self.archive.keep(replace(what, partition=partition), spooled, at=at)
        if leaving:
            self.archive.catalog.let_go(
                leaving, issuer=self.memory.fingerprint, compact=False, before=at + HOUR
            )
            self.archive.remove(self.archive.catalog.leaving())

    def parts(self, index: IndexReader | None) -> tuple[Portable, ...]:
        file, at = self.directory / "history.sqlite", self.memory.clock.now()
        return (
            ArchivePart(archive=self.archive),
            HistoryPart(file=file, index=index, at=at),
        )

    def give(self, index: IndexReader) -> Path:
        folder = self.directory / "given"
        parts = self.parts(index)
        hand_over(self.book, self.memory.issuer, parts, folder, KEY, actor="sato", at=START)
        return folder

    def take(self, folder: Path) -> None:
        home, keys = self.directory / "home", [public_key(KEY)]
        take_over(self.book, folder, self.parts(None), home, keys, actor="sato", at=START)


def facts(fingerprint: bytes, number: int, body: bytes, at: datetime) -> Facts:
    return Facts(
        kind=Kind.CRL,
        issuer=fingerprint,
        partition=A,
        number=number,
        base=None,
        this_update=at,
        next_update=at + DAY,
        sha256=sha256(body).digest(),
    )


@pytest.fixture
def giver(tmp_path: Path, sqlite_template: Path) -> Iterator[Operator]:
    operator = Operator(tmp_path / "giver", sqlite_template)
    yield operator
    operator.book.close()


@pytest.fixture
def taker(tmp_path: Path, sqlite_template: Path) -> Iterator[Operator]:
    operator = Operator(tmp_path / "taker", sqlite_template)
    yield operator
    operator.book.close()


def a_life(memory: Memory, writer: IndexWriter) -> list[datetime]:
    """Hold, release, revoke and lapse at random; returns the moments of change."""
    chance, listed = random.Random(3), {1: revoked(1), 1 << 80: revoked(1 << 80)}
    moments = [memory.publish(writer, A, *listed.values()), memory.publish(writer, B, revoked(99))]
    for _ in range(9):
        for serial in chance.sample(SERIALS[2:], 3):
            if listed.pop(serial, None) is None or chance.random() < 0.4:
                made = chance.choice((held, revoked))
                listed[serial] = made(serial, at=memory.clock.now())
        moments.append(memory.publish(writer, A, *listed.values()))
    return [moments[0] - HOUR, *moments]


Said = Entry | str | None


def answers(stories: list[Story], moments: list[datetime], known: datetime) -> list[Said]:
    return [
        said
        for story in stories
        for at in moments
        for said in (
            _heard(lambda: story.known_at(at).entry),  # noqa: B023 - called at once
            _heard(lambda: story.in_force_at(at, known=known)),  # noqa: B023
        )
    ]


def _heard(ask: Callable[[], Entry | None]) -> Said:
    try:
        return ask()
    except NotRemembered:
        return "not remembered"


def stories(memory: Memory, writer: IndexWriter) -> list[Story]:
    return [memory.story(serial, writer) for serial in (*SERIALS, 99, 555)]


def test_an_as_of_answer_is_the_same_after_import(giver: Operator, taker: Operator):
    with giver.memory.writing() as writer:
        moments = a_life(giver.memory, writer)
        end = moments[-1]
        said = answers(stories(giver.memory, writer), moments, end)
        with writer.reader.snapshot() as view:
            listed = list(view.entries(giver.memory.fingerprint, A))
        folder = giver.give(writer.reader)
    assert len({str(each) for each in said}) > 10
    taker.take(folder)
    # The receiver goes on, with an index that it has loaded itself.
    taker.memory.clock.advance(end + HOUR - taker.memory.clock.now())
    with taker.memory.writing() as writer:
        taker.memory.publish(writer, A, *listed)
        since = taker.memory.publish(writer, B, revoked(99))
        theirs = stories(taker.memory, writer)
        assert answers(theirs, moments, end) == said
        # By what is known there now, past moments look the same too.
        assert answers(theirs, moments, since)[1::2] == said[1::2]
        with pytest.raises(NotRemembered):
            theirs[0].known_at(end + timedelta(minutes=30))


def test_a_hold_that_ended_between_the_two_operators_is_exact_before_and_after(
    giver: Operator, taker: Operator
):
    with giver.memory.writing() as writer:
        for name in (A, B):
            giver.memory.publish(writer, name)
        hold = giver.memory.publish(writer, A, held(7))
        folder = giver.give(writer.reader)
    taker.take(folder)
    taker.memory.clock.advance(hold + HOUR - taker.memory.clock.now())
    with taker.memory.writing() as writer:
        begun = taker.memory.clock.now()
        taker.memory.publish(writer, A)
        since = taker.memory.publish(writer, B)
        story = taker.memory.story(7, writer)
    assert story.in_force_at(hold, known=since) == held(7)
    assert story.in_force_at(since, known=since) is None
    with pytest.raises(NotRemembered, match="no index was followed"):
        story.in_force_at(begun - HOUR / 2, known=since)


def test_what_was_forgotten_stays_forgotten(giver: Operator, taker: Operator):
    with giver.memory.writing() as writer:
        moments = a_life(giver.memory, writer)
        connection = connect(giver.directory / "history.sqlite")
        connection.execute(
            "INSERT INTO purge (issuer, before, events) SELECT id, 2000000000000000, 3 FROM issuer"
        )
        connection.close()
        folder = giver.give(writer.reader)
    taker.take(folder)
    with taker.memory.writing() as writer, pytest.raises(NotRemembered, match="its time was over"):
        taker.memory.story(3, writer).known_at(moments[3])


def test_files_are_known_there_as_of_when_they_came(giver: Operator, taker: Operator):
    giver.keep(1)
    giver.keep(2, leaving="a purge")
    giver.keep(3)
    start, fingerprint = giver.memory.clock.now(), giver.memory.fingerprint
    with giver.memory.writing() as writer:
        folder = giver.give(writer.reader)
    taker.take(folder)
    for hours in range(5):
        at = start + hours * HOUR
        here, there = (
            [replace(each, id=0) for each in each_of.archive.catalog.known(fingerprint, A, at)]
            for each_of in (giver, taker)
        )
        assert there == here
    for file in taker.archive.catalog.of(fingerprint, A):
        assert taker.archive.packed(file).exists() is (file.leaving is None)
        if file.leaving is None:
            assert b"".join(taker.archive.content(file)) == f"CRL {file.number}".encode() * 9


def test_a_hand_over_opens_the_catalogue_once(giver: Operator, tmp_path: Path):
    for number, partition in enumerate((A, B), start=1):
        giver.keep(number, partition=partition)
    part = ArchivePart(archive=giver.archive)
    with openings() as opened:
        part.give(giver.memory.issuer, tmp_path)
    assert (len(opened), len(list(tmp_path.glob("*.zst")))) == (1, 2)


def test_whoever_was_stopped_half_way_takes_it_in_once(giver: Operator, taker: Operator):
    def told(memory: Memory, writer: IndexWriter) -> list[tuple[What, datetime]]:
        events = (event for story in stories(memory, writer) for event in story.events)
        return [(each.what, each.known_at) for each in events if each.what is not What.BASELINE]

    giver.keep(1)
    with giver.memory.writing() as writer:
        a_life(giver.memory, writer)
        folder = giver.give(writer.reader)
        expected = told(giver.memory, writer)
    for part in taker.parts(None):
        part.take_in(giver.memory.fingerprint, folder / part.name)
    taker.take(folder)
    assert len(taker.archive.catalog.of(giver.memory.fingerprint, A)) == 1
    with taker.memory.writing() as writer:
        assert told(taker.memory, writer) == expected


def alter(file: str, old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))

    return spoil


def another_content(folder: Path) -> None:
    one, other = sorted((folder / "archive").glob("*.zst"))
    shutil.copy(one, other)


def one_too_many(folder: Path) -> None:
    (folder / "archive" / "more.zst").write_bytes(b"")


ROWS, EVENTS = f"archive/{CATALOGUE}", f"history/{HISTORY}"


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (another_content, "another content than its row says"),
        (one_too_many, "no row tells of more.zst"),
        (alter(ROWS, '"kind":"crl"', '"kind":"map"'), "line 1 cannot be read"),
        (alter(ROWS, '"issuer":"', '"issuer":"00'), "of another issuer"),
        (alter(EVENTS, '["history",1]', '["history",2]'), "no history of this version"),
        (alter(EVENTS, '["epoch",1,', '["epoch",7,'), "it names 1, which is not there"),
        (alter(EVENTS, '["event","', '["event","x'), "cannot be taken in"),
        (alter(EVENTS, ',"partition A",', ",7,"), "a place is not what it should be"),
        (alter(EVENTS, '["place"', '["palace"'), "cannot be taken in"),
    ],
)
def test_what_its_giver_signed_and_cannot_be_is_refused_and_changes_nothing(
    giver: Operator, taker: Operator, spoil: Callable[[Path], None], why: str
):
    """Its signature is right: so a receiver believes the giver, and no farther than it must."""
    giver.keep(1)
    giver.keep(2)
    with giver.memory.writing() as writer:
        giver.memory.publish(writer, A, revoked(1))
        giver.memory.publish(writer, A, revoked(1), held(2))
        folder = giver.give(writer.reader)
    spoil(folder)
    for each in (MANIFEST, SIGNATURE):
        (folder / each).unlink()
    seal_package(
        folder,
        KEY,
        issuer="user-auth-g3",
        fingerprint=giver.memory.fingerprint,
        operator=None,
        parts=("archive", "history"),
        at=giver.memory.clock.now(),
    )
    with pytest.raises(HandoverRefused, match=why):
        taker.take(folder)
    assert taker.archive.catalog.places() == []
    assert not (taker.directory / "history.sqlite").exists()


def test_who_keeps_no_files_cannot_take_any(giver: Operator, taker: Operator):
    giver.keep(1)
    with giver.memory.writing() as writer:
        folder = giver.give(writer.reader)
    at = taker.memory.clock.now()
    for part in (ArchivePart(archive=None), HistoryPart(file=None, index=None, at=at)):
        with pytest.raises(HandoverRefused, match=r"add the table \[files\]"):
            part.check(giver.memory.fingerprint, folder / part.name)


def test_a_content_that_is_spoilt_at_the_giver_is_not_given(giver: Operator):
    giver.keep(1)
    (file,) = giver.archive.catalog.of(giver.memory.fingerprint, A)
    giver.archive.packed(file).write_bytes(b"spoilt")
    with giver.memory.writing() as writer, pytest.raises(HandoverRefused, match="cannot be read"):
        giver.give(writer.reader)
