"""What taking journals in costs: answers a second from segments on disk into the book's totals.

    python benchmarks/ingest.py [--answers 1000000] [--verifiers 100]

Writes a journal as a worker does, takes it in with one process into SQLite (synchronous=FULL),
and counts it anew. Fails below the bound. Everything is in a temporary directory.
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from tashika_server.agreements.act import Category
from tashika_server.book import Book, open_book, tables
from tashika_server.clock import SystemClock
from tashika_server.durable import Durability
from tashika_server.metering.disk import LocalDisk
from tashika_server.metering.ingest import Ingester, IngestParts
from tashika_server.metering.journal import SEGMENT_BYTES, Journal
from tashika_server.metering.recount import Span, extents, recount
from tashika_server.metering.totals import totals
from tashika_server.metering.usage import Context, Delivery, microseconds

BOUND = 200_000
"""Answers a second: a backlog of one day at 2,000 a second is taken in within a quarter hour."""
AT = datetime(2026, 4, 1, tzinfo=UTC)
GROUP = 16
"""Answers to a flush."""


def main() -> int:
    """Run it; the exit status tells whether the bound holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--verifiers", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        journal = Path(directory)
        book = _book(journal / "book.sqlite", options.verifiers)
        _write(journal, options.answers, options.verifiers)
        parts = IngestParts(book=book, journal=journal, node="here", clock=SystemClock())
        begun = time.perf_counter()
        taken = Ingester(parts).take_in()
        rate = taken / (time.perf_counter() - begun)
        print(f"taken in   {taken:>10} answers  {rate:>10,.0f} a second")
        _count_anew(book, journal)
        book.close()
    print(f"bound {BOUND:,} a second: {'kept' if rate >= BOUND else 'BROKEN'}")
    return rate < BOUND


def _count_anew(book: Book, journal: Path) -> None:
    span = Span(AT, AT + timedelta(days=365))
    begun = time.perf_counter()
    with book.reading() as connection:
        found = recount(extents(connection, [journal], span), span)
        rows = list(totals(connection))
    rate = found.total() / (time.perf_counter() - begun)
    print(f"recounted  {found.total():>10} answers  {rate:>10,.0f} a second")
    assert found.total() == sum(each.answers for each in rows)  # noqa: S101
    print(f"totals     {len(rows):>10} rows")


def _book(path: Path, verifiers: int) -> Book:
    book = open_book(f"sqlite:///{path}")
    book.upgrade()
    party = {"category": Category.ACCREDITED_VERIFIER, "act_version": "2013", "registered_at": AT}
    draft = {"environment": "production", "stage": "draft"}
    version = {"number": 1, "valid_from": AT, "rate": 1, "burst": 1, "max_cert_ids": 1}
    more = {"signed_required": False, "path_tokens": False, "networks": []}
    with book.writing(actor="benchmark", at=AT) as change:
        for number in range(1, verifiers + 1):
            change.insert(tables.verifier, {"name": f"Bank {number}", **party})
            change.insert(tables.agreement, {"verifier_id": number, **draft})
            row = insert(tables.agreement_version).values(agreement_id=number, **version, **more)
            change.connection.execute(row)
    return book


def _write(directory: Path, answers: int, verifiers: int) -> None:
    """Write an hour and a half of a busy worker."""
    with ThreadPoolExecutor(1) as executor:
        journal = Journal.begin(
            directory,
            node="here",
            durability=Durability.OS,
            disk=LocalDisk(),
            executor=executor,
            segment_bytes=SEGMENT_BYTES,
            at=AT,
        )
        contexts = [journal.context(_context(number)) for number in range(1, verifiers + 1)]
        at = microseconds(AT)
        for number in range(answers):
            at += 5_400_000_000 // answers
            sequence = journal.note(contexts[number % verifiers], 1, 1, 1, bytes(16), at)
            if number % GROUP == GROUP - 1:
                journal.flush()
                journal.settle(sequence - GROUP + 1, GROUP, Delivery.HANDED_OVER)
        journal.end()


def _context(verifier: int) -> Context:
    return Context(
        verifier=f"V-{verifier:06}",
        holder="",
        agreement=f"A-{verifier:06}",
        version=1,
        family="signature",
        issuer="signature-g3",
        fingerprint=bytes(32),
        method="ocsp",
        purpose="signature-verification",
    )


if __name__ == "__main__":
    sys.exit(main())
