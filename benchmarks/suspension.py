"""How soon the workers refuse whom the book has suspended, among 10,000 agreements.

    python benchmarks/suspension.py [--rounds 7] [--agreements 10000]

Prints milliseconds from the commit of a suspension, as a command makes it, until the office has
it in the workers' file and until the last of two workers, each a process that asks all the time,
has refused. Fails above the bound. SQLite, in a temporary directory.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import structlog
from sqlalchemy import insert, select

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.book import upgraded
from support.registry import Office
from support.verifiers import SOURCE
from tashika.pki.profile import Family
from tashika_server.agreements import registry
from tashika_server.agreements.act import Category
from tashika_server.agreements.compromise_file import COMPROMISE_FILE
from tashika_server.agreements.gate import Asked
from tashika_server.agreements.gatehouse import Gatehouse
from tashika_server.agreements.grounds import Ground
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.period import Period
from tashika_server.agreements.presented import Presented
from tashika_server.agreements.refusals import ProvisionSuspended
from tashika_server.agreements.registry import Suspend
from tashika_server.agreements.snapshot import SnapshotWatcher
from tashika_server.agreements.terms import Environment, Method, secret_digest
from tashika_server.book import Book
from tashika_server.book import tables as t
from tashika_server.clock import SystemClock
from tashika_server.office.compiler import Compiler, CompilerParts

BOUND = 1000.0
"""Milliseconds; a suspension has to act within two seconds, whatever else goes on."""
ASKED = Asked(Family.SIGNATURE, "signature-g3", 0)
DAY = timedelta(days=1)
TABLES = (
    t.verifier,
    t.notification,
    t.agreement,
    t.agreement_version,
    t.agreement_grant,
    t.credential,
)
"""In which a party with an agreement and a credential has rows."""


def main() -> int:
    """Measure; the exit status tells whether the bound holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--agreements", type=int, default=10_000)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        with (
            _worker(path) as one,
            _worker(path) as other,
            closing(upgraded(f"sqlite:///{path / 'book.sqlite'}")) as book,
        ):
            _register(book, options.agreements)
            latest = asyncio.run(_measure(book, path, (one, other), options.rounds))
    print(f"bound {BOUND:.0f} ms: {'kept' if latest <= BOUND else 'BROKEN'}")
    return latest > BOUND


async def _measure(
    book: Book, directory: Path, workers: tuple[Connection, ...], rounds: int
) -> float:
    snapshot, clock = directory / "agreements", SystemClock()
    parts = CompilerParts(
        book=book,
        snapshot=snapshot,
        compromises=snapshot.with_name(COMPROMISE_FILE),
        issuers={},
        stamp_every=DAY,
        clock=clock,
    )
    written, refused = [], []
    with Compiler.of(parts) as compiler:
        begun = time.monotonic()
        number = (await compiler.look())["agreements"]
        print(f"{number} agreements, compiled at the start in {_since(begun):.0f} ms")
        for verifier in range(2, rounds + 2):
            for worker in workers:
                worker.send(verifier)
                worker.recv()  # it asks now, and is answered
            order = Suspend(verifier=f"V-{verifier:06}", ground=Ground.SIGNATURE_DUTY, reason="x")
            with book.writing(actor="bench", at=clock.now()) as change:
                registry.submit(change, order, two_person=())
            committed = time.monotonic()
            await compiler.look()
            written.append(_since(committed))
            refused.append((max(float(worker.recv()) for worker in workers) - committed) * 1e3)
    for what, taken in (("in the file", written), ("refused by the last", refused)):
        print(f"  {what:<20} {median(taken):4.0f} ms   (slowest {max(taken):.0f})")
    return max(refused)


def _since(begun: float) -> float:
    return (time.monotonic() - begun) * 1e3


# --- Workers --------------------------------------------------------------------------------


@contextmanager
def _worker(directory: Path) -> Iterator[Connection]:
    """Run a process that, told a verifier, asks for it until refused, and tells when that was."""
    ours, theirs = Pipe()
    process = Process(target=_work, args=(directory, theirs), daemon=True)
    process.start()
    yield ours
    process.terminate()
    process.join()


def _work(directory: Path, orders: Connection) -> None:
    buckets = Buckets(directory / "limits", workers=2, monotonic=time.monotonic)
    watcher = SnapshotWatcher(directory / "agreements", max_age=DAY)
    house = Gatehouse(watcher, environment=Environment.PRODUCTION, buckets=buckets)
    while True:
        presented = Presented(SOURCE, token=secret_digest(f"token-{orders.recv()}"))
        _ask(house, presented)
        orders.send("asking")
        try:
            while True:
                _ask(house, presented)
                time.sleep(0.002)
        except ProvisionSuspended:
            orders.send(time.monotonic())


def _ask(house: Gatehouse, presented: Presented) -> None:
    at = datetime.now(UTC)
    gate = house.gate(at)
    gate.authorise(gate.identify(presented), ASKED, Method.OCSP, None, at)


# --- The book -------------------------------------------------------------------------------


def _register(book: Book, number: int) -> None:
    """Register a party with an agreement and a token, and multiply it."""
    office = Office(book, at=datetime.now(UTC) - DAY)
    body = office.verifier(Category.FILING_AGENTS_BODY)
    agreed = office.active(body, period=Period(office.at))
    office.token(agreed)
    with office.change() as change:
        for table in TABLES:
            first = change.connection.execute(select(table)).mappings().one()
            copies = [
                {key: _copied(key, first[key], n) for key in first} for n in range(2, number + 1)
            ]
            change.connection.execute(insert(table), copies)


def _copied(column: str, value: object, n: int) -> object:
    if column == "name":
        return f"body {n}"
    if column == "digest":
        return secret_digest(f"token-{n}")
    return n if column in {"id", "verifier_id", "agreement_id"} else value


if __name__ == "__main__":
    sys.exit(main())
