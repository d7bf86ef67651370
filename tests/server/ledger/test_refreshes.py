"""What the refresher publishes stands in the ledger: every generation, once, without serials."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from support.clock import FakeClock
from tashika_server.agreements import registry
from tashika_server.agreements.releases import Release
from tashika_server.book import Book
from tashika_server.book.trail import Entry, entries
from tashika_server.index import (
    Changes,
    IndexMissing,
    IndexReader,
    IndexWriter,
    Mark,
    RegisterMark,
)
from tashika_server.index import Entry as Revoked
from tashika_server.ledger.refreshes import (
    enter_refreshes,
    entered_up_to,
    refreshes,
    taken_in,
)
from tashika_server.office import refreshes as office
from tashika_server.office.refreshes import (
    RefreshParts,
    enter_new_refreshes,
    keep_entering_refreshes,
    tell_released,
)

AT = datetime(2026, 4, 1, 3, tzinfo=UTC)
CA, OLD_CA = b"1" * 32, b"2" * 32
SERIAL = 7_654_321


@pytest.fixture
def index(tmp_path: Path) -> Iterator[IndexWriter]:
    with IndexWriter.open(tmp_path / "index", 2**24) as writer:
        writer.expect(CA, ["A", "B"])
        yield writer


@pytest.fixture
def parts(book: Book, index: IndexWriter) -> RefreshParts:
    return parts_of(book, index.reader)


def parts_of(book: Book, reader: IndexReader, node: str = "node-1") -> RefreshParts:
    issuers = {CA: "signature-g3"}
    return RefreshParts(
        book=book,
        index=reader,
        node=node,
        issuers=issuers,
        released=reader._path.with_name("released-files"),
        clock=FakeClock(AT),
    )


def publish(index: IndexWriter, number: int, partition: str = "A", *serials: int) -> None:
    added = [Revoked(each, AT, None) for each in serials]
    mark = Mark(
        number=number,
        this_update=AT,
        next_update=AT + timedelta(days=1),
        sha256=bytes([number % 256]) * 32,
        entries=len(serials),
        etag="e",
        last_modified=None,
    )
    index.publish(CA, partition, Changes(added=added), mark)


def trail(book: Book) -> list[Entry]:
    with book.reading() as connection:
        return list(entries(connection))


def told(book: Book) -> list[dict[str, Any]]:
    return [json.loads(entry.after or "") for entry in trail(book)]


def test_every_generation_is_entered_once(book: Book, index: IndexWriter, parts: RefreshParts):
    publish(index, 1, "A", SERIAL, SERIAL + 1)
    generation = enter_new_refreshes(parts)
    assert generation == 2
    publish(index, 9, "B")
    assert enter_new_refreshes(parts, generation) == enter_new_refreshes(parts, 3) == 3
    assert enter_new_refreshes(parts) == 3  # as after a restart
    assert {(each.actor, each.action, each.subject) for each in trail(book)} == {
        ("office:node-1", "index.refresh", "index node-1")
    }
    expected, first, second = told(book)
    assert (expected["generation"], expected["partition"], expected["crl"]) == (1, None, None)
    assert first == {
        "generation": 2,
        "issuer": "signature-g3",
        "fingerprint": CA.hex(),
        "partition": "A",
        "changed": 2,
        "crl": {
            "number": 1,
            "this_update": "2026-04-01T03:00:00Z",
            "next_update": "2026-04-02T03:00:00Z",
            "sha256": "01" * 32,
            "entries": 2,
        },
    }
    assert (second["generation"], second["changed"], second["crl"]["number"]) == (3, 0, 9)


def test_no_serial_reaches_the_ledger(book: Book, index: IndexWriter, parts: RefreshParts):
    publish(index, 1, "A", SERIAL)
    enter_new_refreshes(parts)
    assert str(SERIAL) not in "".join(entry.line for entry in trail(book))


def test_a_crl_that_was_replaced_before_anybody_looked_is_told_without_its_numbers(
    book: Book, index: IndexWriter, parts: RefreshParts
):
    publish(index, 1)
    publish(index, 2)
    index.load_register(CA, [(1, 9)], RegisterMark(sha256=bytes(32), last=9))
    enter_new_refreshes(parts)
    _, first, second, register = told(book)
    assert (first["generation"], first["crl"]) == (2, None)
    assert second["crl"]["number"] == 2
    assert (register["partition"], register["changed"], register["crl"]) == (None, None, None)


def test_an_issuer_that_is_configured_no_more_goes_by_its_fingerprint(
    book: Book, index: IndexWriter, parts: RefreshParts
):
    index.expect(OLD_CA, ["A"])
    enter_new_refreshes(parts)
    assert [(each["issuer"], each["fingerprint"]) for each in told(book)] == [
        ("signature-g3", CA.hex()),
        (None, OLD_CA.hex()),
    ]


def test_t10_what_was_not_entered_in_time_is_entered_as_a_gap(
    book: Book, index: IndexWriter, parts: RefreshParts, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tashika_server.index.edit.KEPT_CHANGES", 2)
    assert enter_new_refreshes(parts) == 1
    for number in range(1, 5):
        publish(index, number, "A", *range(number * 10, number * 10 + number))
    assert enter_new_refreshes(parts, 1) == 5
    gap = told(book)[-1]
    assert trail(book)[-1].action == "index.gap"
    assert (gap["after"], gap["generation"]) == (1, 5)
    assert gap["holdings"] == [
        {"issuer": "signature-g3", "fingerprint": CA.hex(), "crls": 1, "entries": 4}
    ]
    publish(index, 5)
    assert enter_new_refreshes(parts, 5) == 6
    assert told(book)[-1]["generation"] == 6


def test_an_index_that_was_put_in_place_of_another_is_a_gap(
    book: Book, index: IndexWriter, parts: RefreshParts, tmp_path: Path
):
    publish(index, 1)
    enter_new_refreshes(parts)
    with IndexWriter.open(tmp_path / "new", 2**24) as fresh:
        fresh.expect(CA, ["A"])
        assert enter_new_refreshes(parts_of(book, fresh.reader), 2) == 1
        assert (told(book)[-1]["after"], told(book)[-1]["generation"]) == (2, 1)
        publish(fresh, 2)
        assert enter_new_refreshes(parts_of(book, fresh.reader), 1) == 2
    assert [each["generation"] for each in told(book)] == [1, 2, 1, 2]


def test_machines_with_one_book_each_have_their_own_generations(
    book: Book, index: IndexWriter, parts: RefreshParts
):
    enter_new_refreshes(parts)
    enter_new_refreshes(parts_of(book, index.reader, "node-2"))
    with book.reading() as connection:
        assert entered_up_to(connection, "node-1") == entered_up_to(connection, "node-2") == 1
        assert entered_up_to(connection, "node-3") == 0
    assert [each.subject for each in trail(book)] == ["index node-1", "index node-2"]


def test_of_two_who_enter_the_same_one_does(book: Book, index: IndexWriter, parts: RefreshParts):
    with index.reader.snapshot() as view:
        found = refreshes(view, 0, parts.issuers)
    enter_new_refreshes(parts)
    with book.writing(actor="slower", at=AT) as change:
        assert not enter_refreshes(change, "node-1", found, after=0)
    assert len(trail(book)) == 1


async def until(claim: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(claim):  # noqa: ASYNC110 - a book raises no event
            await asyncio.sleep(0.01)


async def test_the_office_says_once_what_is_wrong_and_goes_on(
    book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(office, "LOOK_EVERY", timedelta(milliseconds=10))
    parts = parts_of(book, IndexReader.open(tmp_path / "later"))
    with pytest.raises(IndexMissing):
        enter_new_refreshes(parts)
    with structlog.testing.capture_logs() as logs:
        keeping = asyncio.create_task(keep_entering_refreshes(parts))
        await until(lambda: logs)
        with IndexWriter.open(tmp_path / "made", 2**24) as writer:
            writer.expect(CA, ["A"])
        (tmp_path / "made").rename(tmp_path / "later")
        await until(lambda: trail(book))
        keeping.cancel()
    assert [each["event"] for each in logs] == ["refreshes_not_entered"]


def test_t16_the_refresher_is_told_what_two_persons_released(
    parts: RefreshParts, book: Book, tmp_path: Path
):
    parts = replace(parts, released=tmp_path / "released-files")
    tell_released(parts)
    assert parts.released.read_text() == ""
    order = Release(sha256="ab" * 32, issuer="signature-g3", partition="A", reason="agreed")
    for actor in ("sato", "suzuki"):
        with book.writing(actor=actor, at=AT) as change:
            if actor == "sato":
                registry.submit(change, order, two_person=())
            else:
                registry.approve(change, "P-000001", two_person=())
    tell_released(parts)
    assert parts.released.read_text() == "ab" * 32 + "\n"


def numbers(book: Book, *, most: int = 100) -> dict[tuple[str, str], list[int]]:
    with book.reading() as connection:
        return taken_in(connection, "node-1", most=most)


def test_t10_the_numbers_that_were_taken_in_are_told(
    parts: RefreshParts, book: Book, index: IndexWriter
):
    for number, partition in ((1, "A"), (7, "B"), (2, "A"), (5, "A")):
        publish(index, number, partition)
        enter_new_refreshes(parts)
    mine = "signature-g3"
    assert numbers(book) == {(mine, "A"): [1, 2, 5], (mine, "B"): [7]}
    assert numbers(book, most=2) == {(mine, "A"): [2, 5]}


def test_a_number_that_nobody_knows_any_more_is_no_hole(
    parts: RefreshParts, book: Book, index: IndexWriter
):
    publish(index, 1)
    enter_new_refreshes(parts)
    publish(index, 2)
    publish(index, 3)  # before 2 was entered
    enter_new_refreshes(parts)
    publish(index, 4)
    enter_new_refreshes(parts)
    assert numbers(book) == {("signature-g3", "A"): [3, 4]}
