"""How long it takes to close a month: a year of a thousand verifiers, hour by hour, on SQLite.

    python benchmarks/month_close.py [--verifiers N] [--directory DIR]

Makes 8,760 hours of two kinds of provision for each verifier (17.5 million rows, some 500 MB
in DIR) and closes the last month as `tashika-server month close` does: rate, freeze, a
statement for each. Fails above the bound, or if the sums are not those of the rows.
"""

import argparse
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Connection

from tashika_server.agreements.period import day_begins
from tashika_server.book import Book, open_book
from tashika_server.ledger.billable import shipped_billable
from tashika_server.ledger.days import DAY, Month, hours_of
from tashika_server.ledger.month import ClosingRules, FrozenMonth, draft_month, freeze_month
from tashika_server.ledger.statement import Trees
from tashika_server.ledger.tariff_file import import_tariffs, published_tariff, read_tariffs
from tashika_server.ledger.tariff_record import Past
from tashika_server.ledger.tax import TaxCategory

BOUND = timedelta(seconds=60)
YEAR = [Month(2026, number) for number in range(4, 13)] + [Month(2027, n) for n in (1, 2, 3)]
LAST = YEAR[-1]
BEGUN = day_begins(YEAR[0].first)
KINDS = (("signature", "signature-g3"), ("user-auth", "user-auth-g3"))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def main() -> int:
    """Make the year, close its last month, and tell whether the bound holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--verifiers", type=int, default=1000)
    parser.add_argument("--directory", type=Path, help="default: a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        path = Path(directory) / "book.sqlite"
        book = open_book(f"sqlite:///{path}")
        book.upgrade()
        with book.writing(actor="benchmark", at=BEGUN) as change:
            import_tariffs(change, read_tariffs(published_tariff()), past=Past.CHANGE)
        with _timed("rows made"), closing(sqlite3.connect(path)) as connection:
            rows = _fill(connection, options.verifiers)
        print(f"{rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB")
        begun = time.perf_counter()
        frozen = _close(book)
        taken = timedelta(seconds=time.perf_counter() - begun)
        book.close()
        sound = _is_sound(path, frozen, options.verifiers)
    print(f"{LAST}: {frozen.provisions:,} provisions, {frozen.list_yen:,} yen at list price")
    print(f"closed in {taken.total_seconds():.1f} s, bound {BOUND.total_seconds():.0f} s")
    print("sums right" if sound else "SUMS WRONG")
    return int(taken > BOUND or not sound)


def _fill(connection: sqlite3.Connection, verifiers: int) -> int:
    """Write parties and usage past the book: this is no test of the registry."""
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -200000")
    begun = _microseconds(BEGUN)
    numbers = range(1, verifiers + 1)
    with connection:
        connection.executemany(
            "INSERT INTO verifier VALUES (?, ?, 'accredited-verifier', '2024', ?, NULL)",
            ((number, f"Verifier {number}", begun) for number in numbers),
        )
        connection.executemany(
            "INSERT INTO agreement VALUES (?, ?, 'production', 'active', ?, ?, NULL)",
            ((number, number, begun, begun) for number in numbers),
        )
        connection.executemany(
            "INSERT INTO usage_context VALUES (?, ?, 0, ?, 1, ?, ?, zeroblob(32), 'ocsp', '')",
            (
                (2 * number - 1 + kind, number, number, *KINDS[kind])
                for number in numbers
                for kind in (0, 1)
            ),
        )
        connection.execute(
            "INSERT INTO journal_node VALUES ('node-1', ?, NULL)", (_microseconds(LAST.end),)
        )
        before = connection.total_changes
        connection.execute(
            "WITH RECURSIVE hours(hour) AS "
            "(SELECT ? UNION ALL SELECT hour + 1 FROM hours WHERE hour < ?) "
            "INSERT INTO usage_total SELECT hour, id, 1, 1, 1, 1 + (hour + id) % 50 "
            "FROM hours CROSS JOIN usage_context ORDER BY hour, id",
            (hours_of(YEAR[0].first)[0], hours_of(LAST.after - DAY)[-1]),
        )
        return connection.total_changes - before


def _close(book: Book) -> FrozenMonth:
    rules = ClosingRules(
        table=shipped_billable(), tax=TaxCategory(), receipts=_no_receipts, operators={}
    )
    with (
        _timed("rated"),
        book.reading() as connection,
        Progress(console=Console(stderr=True)) as bar,
    ):
        task = bar.add_task(f"rating {LAST}")
        draft = draft_month(
            connection,
            LAST,
            rules,
            at=LAST.end,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    with _timed("frozen"), book.writing(actor="benchmark", at=LAST.end) as change:
        return freeze_month(change, draft)


def _no_receipts(_connection: Connection, _month: Month) -> Trees:
    return lambda _agreement: None


def _is_sound(path: Path, frozen: FrozenMonth, verifiers: int) -> bool:
    """Add the rows up in one statement of SQL, and compare."""
    with closing(sqlite3.connect(path)) as connection:
        (provisions, yen) = connection.execute(
            "SELECT sum(count), sum(count * CASE id % 2 WHEN 1 THEN 20 ELSE 2 END) "
            "FROM usage_total JOIN usage_context ON id = context_id WHERE hour BETWEEN ? AND ?",
            (hours_of(LAST.first)[0], hours_of(LAST.after - DAY)[-1]),
        ).fetchone()
        (statements,) = connection.execute("SELECT count(*) FROM statement").fetchone()
    sums = (frozen.provisions, frozen.list_yen, frozen.waived_yen, statements)
    return sums == (provisions, yen, yen, verifiers)


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


@contextmanager
def _timed(what: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    print(f"{what} in {time.perf_counter() - begun:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
