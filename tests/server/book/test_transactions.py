"""One transaction is one whole, whoever else is there, on SQLite and on PostgreSQL."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from tashika_server.book import (
    BadDsn,
    Book,
    BookError,
    BookOutdated,
    BookRefuses,
    BookUnreachable,
    Mode,
    engine,
    open_book,
)
from tashika_server.book import tables as t
from tashika_server.book.trail import entries, last_number

AT = datetime(2026, 4, 1, 3, 4, 5, 678901, tzinfo=UTC)


def add(change, name="A bank"):
    values = {
        "name": name,
        "category": "accredited-verifier",
        "act_version": "2024",
        "registered_at": change.at,
    }
    number = change.insert(t.verifier, values)
    change.record("verifier.add", f"V-{number}", before=None, after={"name": name})
    return number


def names(book: Book) -> list[str]:
    with book.reading() as connection:
        return list(connection.scalars(select(t.verifier.c.name).order_by(t.verifier.c.id)))


def test_what_is_written_is_read_back(book: Book):
    with book.writing(actor="sato", at=AT) as change:
        assert add(change) == 1
    assert names(book) == ["A bank"]
    with book.reading() as connection:
        assert connection.scalar(select(t.verifier.c.registered_at)) == AT
        (entry,) = entries(connection)
    assert (entry.number, entry.at, entry.actor, entry.before) == (1, AT, "sato", None)
    assert entry.after == '{"name":"A bank"}'


def test_an_error_undoes_the_whole_change(book: Book):
    with pytest.raises(ZeroDivisionError), book.writing(actor="sato", at=AT) as change:
        add(change, str(1 / (add(change) - 1)))
    assert names(book) == []
    with book.reading() as connection:
        assert last_number(connection) == 0


def test_a_rehearsal_tells_what_would_change_and_keeps_nothing(book: Book):
    with book.writing(actor="sato", at=AT, mode=Mode.REHEARSE) as change:
        foretold = add(change)
    assert [entry.action for entry in change.entries] == ["verifier.add"]
    assert names(book) == []
    with book.writing(actor="sato", at=AT) as change:
        assert add(change) == foretold


def test_a_part_can_be_tried_and_undone(book: Book):
    with book.writing(actor="sato", at=AT) as change:
        add(change, "kept")
        with change.rehearsing():
            add(change, "tried")
        assert [entry.number for entry in change.entries] == [1]
        add(change, "kept too")
    assert names(book) == ["kept", "kept too"]


def test_a_reader_keeps_its_snapshot_while_others_write(book: Book):
    with book.reading() as connection:
        before = connection.scalars(select(t.verifier.c.id)).all()
        writer = threading.Thread(target=_write, args=(book,))
        writer.start()
        writer.join(10)
        assert not writer.is_alive()
        assert connection.scalars(select(t.verifier.c.id)).all() == before == []
    assert names(book) == ["A bank"]


def _write(book: Book) -> None:
    with book.writing(actor="suzuki", at=AT) as change:
        add(change)


def test_writers_take_turns_and_number_without_gaps(book: Book):
    def write(name: str) -> None:
        with book.writing(actor=name, at=AT) as change:
            add(change, name)

    writers = [threading.Thread(target=write, args=(f"w{n}",)) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(20)
    with book.reading() as connection:
        assert [entry.number for entry in entries(connection)] == list(range(1, 9))


def test_a_reader_cannot_write(book: Book):
    with pytest.raises(BookError), book.reading() as connection:
        connection.execute(insert(t.proposal).values(id=1, action="x"))


def test_a_writer_that_waits_too_long_is_told(book: Book, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine, "LOCK_WAIT", timedelta(milliseconds=200))
    with (
        book.writing(actor="sato", at=AT),
        pytest.raises(BookUnreachable, match="lock"),
        book.writing(actor="suzuki", at=AT),
    ):
        pass


def test_a_constraint_of_the_tables_is_the_last_word(book: Book):
    with (
        pytest.raises(BookRefuses, match="verifier_name_ck"),
        book.writing(actor="sato", at=AT) as change,
    ):
        add(change, "")


def test_a_change_has_an_actor_and_an_aware_time(book: Book):
    with pytest.raises(BookError, match="actor"), book.writing(actor=" ", at=AT):
        pass
    with (
        pytest.raises(Exception, match="aware"),
        book.writing(actor="sato", at=AT.replace(tzinfo=None)) as change,
    ):
        add(change)


def test_a_book_that_was_never_made_is_outdated(empty_dsn: str):
    book = open_book(empty_dsn)
    with pytest.raises(BookOutdated, match="upgrade"), book.reading():
        pass
    with pytest.raises(BookOutdated, match="upgrade"), book.writing(actor="sato", at=AT):
        pass
    book.close()


@pytest.mark.parametrize(
    "dsn",
    ["", "book.sqlite", "sqlite://", "mysql://u:hunter2@db/x", "sqlite:///b?mode=memory"],
)
def test_a_bad_dsn_is_refused_without_its_password(dsn: str):
    with pytest.raises(BadDsn) as refused:
        open_book(dsn)
    assert "hunter2" not in str(refused.value)
