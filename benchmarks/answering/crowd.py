"""Fills a book with last month's usage of many verifiers, so that closing it is some work."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tashika_server.agreements.period import JST
from tashika_server.book import open_book
from tashika_server.ledger.days import DAY, Month, hours_of
from tashika_server.ledger.tariff_file import import_tariffs, published_tariff, read_tariffs
from tashika_server.ledger.tariff_record import Past

__all__ = ["fill_last_month"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = 1000
"""Number of the first of them, after those that are there."""


def fill_last_month(book: Path, *, verifiers: int, at: datetime) -> Month:
    """Write, past the book, an hour of usage in each hour of the last month for each of them.

    Their agreements have ended since, so that only the closing has work with them.
    """
    opened = open_book(f"sqlite:///{book}")
    with opened.writing(actor="benchmark", at=at) as change:
        import_tariffs(change, read_tariffs(published_tariff()), past=Past.CHANGE)
    opened.close()
    today = at.astimezone(JST)
    last = today.replace(day=1) - timedelta(days=1)
    month = Month(last.year, last.month)
    with closing(sqlite3.connect(book)) as connection, connection:
        _write(connection, month, range(FIRST, FIRST + verifiers))
    return month


def _write(connection: sqlite3.Connection, month: Month, numbers: range) -> None:
    begun, ended = (_microseconds(each) for each in (month.end - 90 * DAY, month.end))
    connection.executemany(
        "INSERT INTO verifier VALUES (?, ?, 'accredited-verifier', '2024', ?, NULL)",
        ((number, f"Verifier {number}", begun) for number in numbers),
    )
    connection.executemany(
        "INSERT INTO agreement VALUES (?, ?, 'production', 'ended', ?, ?, ?)",
        ((number, number, begun, begun, ended) for number in numbers),
    )
    connection.executemany(
        "INSERT INTO usage_context "
        "VALUES (?, ?, 0, ?, 1, 'signature', 'signature-g3', zeroblob(32), 'ocsp', '')",
        ((number, number, number) for number in numbers),
    )
    first, last = hours_of(month.first)[0], hours_of(month.after - DAY)[-1]
    connection.execute(
        "WITH RECURSIVE hours(hour) AS "
        "(SELECT ? UNION ALL SELECT hour + 1 FROM hours WHERE hour < ?) "
        "INSERT INTO usage_total SELECT hour, id, 1, 1, 1, 1 + (hour + id) % 50 "
        "FROM hours CROSS JOIN usage_context WHERE id >= ? ORDER BY hour, id",
        (first, last, FIRST),
    )


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)
