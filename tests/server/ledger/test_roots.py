"""Days of the ledger are closed once they are over in Japan, whole, in order, once."""

import asyncio
from collections.abc import MutableMapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from sqlalchemy import text

from support import chained
from support.clock import FakeClock
from tashika.pki.algorithms import PrivateKey
from tashika_server.book import Book, BookRefuses, open_book
from tashika_server.book.trail import START, entries
from tashika_server.ledger.errors import LedgerBroken
from tashika_server.ledger.root import Root
from tashika_server.ledger.roots import (
    close_days,
    draft_root,
    find_root,
    keep_root,
    newest_root,
    roots,
)
from tashika_server.office import closing
from tashika_server.office.closing import ClosingParts, keep_closing_days

MIDNIGHT = datetime(2026, 4, 1, 15, tzinfo=UTC)
"""2 April begins in Japan."""
FIRST, SECOND = date(2026, 4, 1), date(2026, 4, 2)
MOMENT, HOUR, DAY = timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)
KEY = ec.generate_private_key(ec.SECP256R1())


def record(book: Book, *times: datetime) -> None:
    for at in times:
        with book.writing(actor="sato", at=at) as change:
            change.record("x", f"{at}", before=None, after={})


def close(book: Book, at: datetime, key: PrivateKey = KEY) -> list[tuple[date, int, int]]:
    closed = close_days(book, key, actor="office", at=at)
    return [(root.day, root.first, root.last) for root in closed]


def test_a_day_ends_at_midnight_in_japan(book: Book):
    record(book, MIDNIGHT - MOMENT, MIDNIGHT)
    assert close(book, MIDNIGHT - MOMENT) == []
    assert close(book, MIDNIGHT) == [(FIRST, 1, 1)]
    assert close(book, MIDNIGHT + DAY - MOMENT) == []
    assert close(book, MIDNIGHT + DAY) == [(SECOND, 2, 3)]  # 3 is the closing of the first


def test_a_root_is_over_the_digests_of_its_entries_and_names_the_one_before(book: Book):
    record(book, *[MIDNIGHT - HOUR] * 5, *[MIDNIGHT] * 3)
    first, second = close_days(book, KEY, actor="office", at=MIDNIGHT + DAY)
    with book.reading() as connection:
        digests = [entry.digest.hex() for entry in entries(connection)]
        assert roots(connection) == (first, second)
        assert find_root(connection, FIRST) == first
        assert newest_root(connection) == second
        assert find_root(connection, SECOND + DAY) is None
    assert first.root.hex() == chained.tree_hash(digests[:5])
    assert second.root.hex() == chained.tree_hash(digests[5:8])
    assert (first.previous, second.previous) == (START, first.digest)
    assert first.digest.hex() == chained.sha256(first.line.encode()).hexdigest()
    for root in (first, second):
        root.demand_signed()


def test_the_closing_of_a_day_is_itself_in_the_ledger(book: Book):
    record(book, MIDNIGHT - HOUR)
    (root,) = close_days(book, KEY, actor="office", at=MIDNIGHT)
    with book.reading() as connection:
        *_, entry = entries(connection)
    assert (entry.action, entry.subject) == ("ledger.close", "ledger 2026-04-01")
    assert entry.after is not None
    assert root.signature.hex() in entry.after


def test_what_comes_late_belongs_to_the_next_day_that_is_closed(book: Book):
    record(book, MIDNIGHT - HOUR)
    assert close(book, MIDNIGHT) == [(FIRST, 1, 1)]
    record(book, MIDNIGHT - MOMENT)  # of a transaction that was under way
    assert close(book, MIDNIGHT + HOUR) == []
    assert close(book, MIDNIGHT + DAY) == [(SECOND, 2, 3)]


def test_a_clock_that_is_ahead_does_not_keep_days_from_being_closed(book: Book):
    record(book, MIDNIGHT - HOUR, MIDNIGHT + 400 * DAY, MIDNIGHT - MOMENT, MIDNIGHT)
    assert close(book, MIDNIGHT) == [(FIRST, 1, 3)]


def test_days_on_which_nothing_was_written_have_no_root(book: Book):
    record(book, MIDNIGHT - 9 * DAY, MIDNIGHT - HOUR)
    days = [(FIRST - 8 * DAY, 1, 1), (FIRST, 2, 2)]
    assert close(book, MIDNIGHT + HOUR) == days
    assert close(book, MIDNIGHT + 9 * DAY) == [(SECOND, 3, 4)]


def test_an_empty_ledger_has_nothing_to_close(book: Book):
    assert close(book, MIDNIGHT) == []


def test_of_two_who_close_a_day_one_does(book: Book):
    record(book, MIDNIGHT - HOUR)
    with book.reading() as connection:
        root = draft_root(connection, KEY, at=MIDNIGHT)
    assert root is not None
    assert close(book, MIDNIGHT) == [(FIRST, 1, 1)]
    with book.writing(actor="other", at=MIDNIGHT) as change:
        assert not keep_root(change, root)
    with book.reading() as connection:
        assert len(roots(connection)) == 1


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)],
    ids=["p384", "rsa"],
)
def test_other_keys_sign_too_and_a_key_may_change(book: Book, key: PrivateKey):
    record(book, MIDNIGHT - HOUR, MIDNIGHT)
    close(book, MIDNIGHT)
    close(book, MIDNIGHT + DAY, key)
    with book.reading() as connection:
        for root in roots(connection):
            root.demand_signed()


def demand_refused(book: Book, statement: str) -> None:
    with (
        pytest.raises(BookRefuses, match="no ledger_root is altered"),
        book.writing(actor="mallory", at=MIDNIGHT) as change,
    ):
        change.connection.exec_driver_sql(statement)


def test_roots_are_never_altered(book: Book, book_dsn: str):
    record(book, MIDNIGHT - HOUR)
    close(book, MIDNIGHT)
    demand_refused(book, "UPDATE ledger_root SET last = 9")
    demand_refused(book, "DELETE FROM ledger_root")
    if book_dsn.startswith("sqlite"):
        demand_refused(book, "INSERT OR REPLACE INTO ledger_root SELECT * FROM ledger_root")
    else:
        demand_refused(book, "TRUNCATE ledger_root")
        demand_refused(book, "SET session_replication_role = replica; DELETE FROM ledger_root")


@pytest.fixture
def tampered(sqlite_template: Path, tmp_path: Path):
    """A book of two days from which somebody with the file has taken the guards away."""
    path = tmp_path / "book.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    book = open_book(f"sqlite:///{path}")
    record(book, *[MIDNIGHT - HOUR] * 3)
    close(book, MIDNIGHT)
    record(book, *[MIDNIGHT] * 3)
    with book.writing(actor="mallory", at=MIDNIGHT) as change:
        for trigger in ("audit_no_update", "audit_no_delete"):
            change.connection.execute(text(f"DROP TRIGGER {trigger}"))
    yield book
    book.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody' WHERE id = 5",
        "UPDATE audit SET actor = 'nobody' WHERE id = 3",  # the last under the first root
        "UPDATE audit SET previous = zeroblob(32) WHERE id = 6",
        "UPDATE audit SET at = at + 1 WHERE id = 4",
        "DELETE FROM audit WHERE id = 5",
    ],
)
def test_what_does_not_hold_is_never_signed(tampered: Book, statement: str):
    with tampered.writing(actor="mallory", at=MIDNIGHT) as change:
        change.connection.execute(text(statement))
    with pytest.raises(LedgerBroken):
        close(tampered, MIDNIGHT + DAY)
    with tampered.reading() as connection:
        assert len(roots(connection)) == 1


def test_a_root_that_was_changed_is_not_signed_any_more(book: Book):
    record(book, MIDNIGHT - HOUR)
    (root,) = close_days(book, KEY, actor="office", at=MIDNIGHT)
    values = {name: getattr(root, name) for name in root.__slots__}
    for name, value in {"last": 2, "day": SECOND, "closed_at": MIDNIGHT + MOMENT}.items():
        with pytest.raises(LedgerBroken, match="after it was signed"):
            Root(**values | {name: value}).demand_signed()


# --- The office -------------------------------------------------------------------------------


async def keep(book: Book, until: str) -> list[MutableMapping[str, Any]]:
    """Run the office's task until it says something."""
    parts = ClosingParts(book=book, key=KEY, node="node-1", clock=FakeClock(MIDNIGHT + DAY))
    with structlog.testing.capture_logs() as logs:
        keeping = asyncio.create_task(keep_closing_days(parts))
        async with asyncio.timeout(20):
            while not any(each["event"] == until for each in logs):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        keeping.cancel()
    return logs


async def test_the_office_closes_what_is_over(book: Book):
    record(book, MIDNIGHT - HOUR)
    (told,) = await keep(book, "day_closed")
    with book.reading() as connection:
        root = newest_root(connection)
    assert root is not None
    assert told["root"] == root.root.hex()


async def test_the_office_cries_out_about_a_ledger_that_does_not_hold(
    tampered: Book, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(closing, "LOOK_EVERY", MOMENT)
    with tampered.writing(actor="mallory", at=MIDNIGHT) as change:
        change.connection.execute(text("DELETE FROM audit WHERE id = 5"))
    (told,) = await keep(tampered, "days_not_closed")
    assert told["log_level"] == "error"
    assert "entry 5 is missing" in told["reason"]
