"""The chain of the trail: what is hashed, byte by byte, and what an entry names."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from support import chained
from tashika_server.book import Book, BookRefuses, Mode, open_book
from tashika_server.book.engine import Access, make_engine, transaction
from tashika_server.book.trail import START, Entry, entries
from tashika_server.ledger.chain import Chain
from tashika_server.ledger.errors import LedgerBroken

AT = datetime(2026, 4, 1, 3, 4, 5, 678901, tzinfo=UTC)
PAGE = Path(__file__).parents[3] / "docs" / "ledger.md"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(8999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_the_example_of_the_page_is_what_is_hashed():
    page = PAGE.read_text()
    example = re.search(r"```json\n(.*)\n```\n\nand its digest `([0-9a-f]*)`", page)
    entry = Entry(
        number=1,
        at=AT,
        actor="sato",
        action="verifier.add",
        subject="V-000001",
        before=None,
        after='{"name":"A銀行"}',
        previous=START,
    )
    assert example is not None
    assert (entry.line, entry.digest.hex()) == example.groups()


@given(
    number=st.integers(1, 2**63 - 1),
    at=TIMES,
    texts=st.tuples(TEXTS, TEXTS, TEXTS, st.none() | TEXTS, st.none() | TEXTS),
    previous=st.binary(min_size=32, max_size=32),
)
@settings(max_examples=200, deadline=None)
def test_the_digest_is_what_the_page_says_of_any_entry(number, at, texts, previous):
    names = ("actor", "action", "subject", "before", "after")
    values = dict(zip(names, texts, strict=True))
    fraction = f".{at.microsecond:06}" if at.microsecond else ""
    line = {
        "kind": "entry",
        "number": number,
        "previous": previous.hex(),
        **values,
        "at": f"{at:%Y-%m-%dT%H:%M:%S}{fraction}Z",
    }
    entry = Entry(number=number, at=at, previous=previous, **values)
    assert entry.line.encode() == chained.octets_of(line)
    assert entry.digest.hex() == chained.digest_of(line)


def record(book: Book, *subjects: str, at: datetime = AT, mode: Mode = Mode.KEEP) -> None:
    with book.writing(actor="sato", at=at, mode=mode) as change:
        for subject in subjects:
            change.record("x", subject, before=None, after={"名": subject})


def followed(book: Book) -> Chain:
    chain = Chain()
    with book.reading() as connection:
        for entry in entries(connection):
            chain.follow(entry, entry.digest)
    return chain


def test_every_entry_names_the_one_before_whatever_was_rehearsed_between(book: Book):
    record(book, "1", "2")
    record(book, "never", mode=Mode.REHEARSE)
    with book.writing(actor="suzuki", at=AT) as change:
        change.record("x", "3", before={"a": 1}, after=None)
        with change.rehearsing():
            change.record("x", "tried", before=None, after={})
        change.record(
            "x", "4", before=None, after={"at": AT.astimezone(timezone(timedelta(hours=9)))}
        )
    assert followed(book).number == 4
    with book.reading() as connection:
        stored = connection.execute(text("SELECT previous, digest FROM audit ORDER BY id")).all()
        read = list(entries(connection))
    assert [bytes(row.digest) for row in stored] == [entry.digest for entry in read]
    assert [bytes(row.previous) for row in stored] == [START, *(e.digest for e in read[:-1])]
    assert [entry.subject for entry in change.entries] == ["3", "4"]
    assert change.entries == tuple(read[2:])


def link(number: int, previous: bytes) -> Entry:
    return Entry(
        number=number,
        at=AT,
        actor="a",
        action="b",
        subject="c",
        before=None,
        after="{}",
        previous=previous,
    )


@pytest.mark.parametrize(
    ("following", "says"),
    [
        (link(1, START), "entry 1 stands where entry 2 is due"),
        (link(3, link(2, link(1, START).digest).digest), "entry 2 is missing"),
        (link(2, START), "entry 2 does not follow"),
    ],
)
def test_a_chain_says_what_is_wrong_with_what_does_not_follow(following: Entry, says: str):
    chain = Chain()
    first = link(1, START)
    chain.follow(first, first.digest)
    with pytest.raises(LedgerBroken, match=says):
        chain.follow(following, following.digest)
    assert (chain.number, chain.head) == (1, first.digest)


# --- Books from before the chain --------------------------------------------------------------

OLD = """INSERT INTO audit (id, at, actor, action, subject, "before", "after")
    VALUES (:id, :at, 'sato', 'x', :subject, NULL, '["名"]')"""


def test_entries_from_before_the_chain_are_linked_in_their_order(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
):
    engine = make_engine(empty_dsn, relative_to=Path())
    with transaction(engine, Access.MIGRATE) as connection:
        config = Config()
        config.set_main_option("script_location", "tashika_server.book:migrations")
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for number in (3, 1, 2, *range(4, 1502)):  # more than a page, and out of order
            connection.execute(text(OLD), {"id": number, "at": number, "subject": f"銀-{number}"})
    engine.dispose()
    book = open_book(empty_dsn)
    book.upgrade()
    assert followed(book).number == 1501
    record(book, "new")
    assert followed(book).number == 1502
    for tampering in ("UPDATE audit SET digest = previous", "DELETE FROM audit"):
        with (
            pytest.raises(BookRefuses, match="append-only"),
            book.writing(actor="mallory", at=AT) as change,
        ):
            change.connection.exec_driver_sql(tampering)
    book.close()
