"""T4: the database away, and back again."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.book import Postgres, postgres, upgraded
from tashika_server.book import BookUnreachable, Change, open_book

AT = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A server of its own: this one is stopped."""
    with postgres() as own:
        yield own


def test_t4_a_stopped_postgresql_is_told_at_once_and_found_again_without_hands(server: Postgres):
    server.run("CREATE DATABASE book")
    book = upgraded(server.dsn("book"))
    with book.reading():
        pass
    server.stop()
    started = time.monotonic()
    with pytest.raises(BookUnreachable), book.reading():
        pass
    with pytest.raises(BookUnreachable), book.writing(actor="sato", at=AT):
        pass
    assert time.monotonic() - started < 10
    server.start()
    with book.writing(actor="sato", at=AT) as change:
        change.record("x", "X-1", before=None, after={})
    book.close()


def test_t4_a_server_lost_within_a_change_undoes_it(server: Postgres):
    server.run("CREATE DATABASE book")
    book = upgraded(server.dsn("book"))
    with pytest.raises(BookUnreachable), book.writing(actor="sato", at=AT) as change:
        record_and_lose(change, server)
    server.start()
    with book.writing(actor="sato", at=AT) as change:
        change.record("x", "X-3", before=None, after={})
    assert change.entries[0].number == 1
    book.close()


def record_and_lose(change: Change, server: Postgres) -> None:
    change.record("x", "X-1", before=None, after={})
    server.stop()
    change.record("x", "X-2", before=None, after={})


def test_t4_what_is_no_database_is_unreachable(tmp_path: Path):
    (tmp_path / "book.sqlite").write_bytes(b"not a database, though long enough" * 100)
    book = open_book(f"sqlite:///{tmp_path / 'book.sqlite'}")
    with pytest.raises(BookUnreachable, match="not a database"), book.reading():
        pass
    book.close()


def test_the_password_of_a_dsn_is_never_shown(tmp_path: Path):
    book = open_book(f"postgresql://sato:hunter2@/book?host={tmp_path}")
    with pytest.raises(BookUnreachable) as away, book.reading():
        pass
    assert "hunter2" not in str(away.value)
    book.close()
