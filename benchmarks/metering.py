"""What metering costs a worker: noting an answer, having it on the disk, reading it back.

    python benchmarks/metering.py [--rounds 7] [--directory DIR]

Prints microseconds of processor time for each answer, the fastest of several rounds, since
whatever else runs on a machine only adds; beside it how many times a bare SHA-256 that is. Then
answers a second with a commit for every 1, 8 and 64 of them, beside what the disk alone gives.
Fails if noting an answer takes more than the bound. The journals are in a temporary directory,
in DIR if that is given: the disk that counts is the one it is on.
"""

import argparse
import asyncio
import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import structlog

from tashika.pki.certid import CertId
from tashika.pki.profile import Family
from tashika.pki.pseudonym import Pseudonyms, derive_key
from tashika.pki.standing import Good
from tashika_server.agreements.gate import Permit
from tashika_server.agreements.terms import Environment, Method, Purpose
from tashika_server.clock import SystemClock
from tashika_server.durable import Durability
from tashika_server.metering.bench_disk import bench_disk
from tashika_server.metering.disk import LocalDisk
from tashika_server.metering.group import GroupCommit
from tashika_server.metering.journal import SEGMENT_BYTES, Journal
from tashika_server.metering.meter import Meter
from tashika_server.metering.reading import Cursor, State, read_page
from tashika_server.metering.repeats import Repeats
from tashika_server.metering.roster import stream_directory
from tashika_server.metering.usage import Context, Delivery, Occasion, StandingCode, microseconds

BOUND = 2.5
"""Microseconds for pseudonym, record and checksum of one answer."""
ANSWERS, TURN = 20_000, 64
AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
NOW = microseconds(AT)
FINGERPRINT, KEY = bytes(range(32)), derive_key(bytes(32), "V-000001")
PSEUDONYMS = Pseudonyms(KEY, FINGERPRINT)
CONTEXT = Context(
    verifier="V-000001",
    holder="",
    agreement="A-000001",
    version=1,
    family="signature",
    issuer="signature-g3",
    fingerprint=FINGERPRINT,
    method="ocsp",
    purpose="signature-verification",
)
PERMIT = Permit(
    verifier="V-000001",
    agreement="A-000001",
    version=1,
    credential="C-000001",
    holder=None,
    environment=Environment.PRODUCTION,
    family=Family.SIGNATURE,
    issuer="signature-g3",
    method=Method.OCSP,
    purpose=Purpose.SIGNATURE_VERIFICATION,
)

Run = Callable[[int], object]
"""Does something for an answer, which has this number."""


def main() -> int:
    """Run everything; the exit status tells whether the bound holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--directory", type=Path)
    options = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        noted = asyncio.run(_hot_path(Path(directory), options.rounds))
        _commits(Path(directory))
    kept = "kept" if noted <= BOUND else "BROKEN"
    print(f"bound {BOUND} µs for pseudonym and record: {kept} ({noted:.2f})")
    return noted > BOUND


# --- Processor time ---------------------------------------------------------------------------


async def _hot_path(directory: Path, rounds: int) -> float:
    journal = _begin(directory, Durability.OS)
    context = journal.context(CONTEXT)
    good, fresh, block, name = StandingCode.GOOD, Occasion.FRESH, bytes(64), bytes(16)

    def note(_: int) -> None:
        journal.note(context, good, fresh, 7, name, NOW)

    def both(number: int) -> None:
        who = PSEUDONYMS.of(100_000_000 + number)
        journal.note(context, good, fresh, 7, who, NOW)

    unit = _fastest(lambda _: hashlib.sha256(block).digest(), rounds)
    print(f"one SHA-256 of 64 octets{unit:30.2f} µs")
    print("an answer:                                  µs   in SHA-256")
    _report("pseudonym", _fastest(PSEUDONYMS.of, rounds), unit)
    _report("record and checksum", _fastest(note, rounds, journal.flush), unit)
    noted = _fastest(both, rounds, journal.flush)
    _report("pseudonym, record and checksum", noted, unit)
    journal.end()
    await _metering(directory, rounds, unit)
    _reading(directory, journal, unit)
    return noted


async def _metering(directory: Path, rounds: int, unit: float) -> None:
    group = GroupCommit(lambda: _begin(directory, Durability.OS), clock=SystemClock())
    await group.begin()
    repeats = Repeats.open(directory)
    meter = Meter(
        group=group, master=bytes(32), fingerprints={"signature-g3": FINGERPRINT}, repeats=repeats
    )
    asked = [
        [CertId("sha256", bytes(32), bytes(32), 100_000_000 + number, b"")]
        for number in range(ANSWERS)
    ]

    def give(number: int, nonce: bytes | None) -> None:
        noted = meter.note(PERMIT, asked[number], [Good()], nonce=nonce, generation=7, at=AT)
        meter.settle(noted, Delivery.HANDED_OVER)

    def with_nonce(number: int) -> None:
        give(number, b"%032d" % number)

    _report("all of it, without a nonce", _fastest(lambda n: give(n, None), rounds), unit)
    _report("all of it, with a nonce", _fastest(with_nonce, rounds), unit)
    group.end()
    repeats.close()


def _reading(directory: Path, journal: Journal, unit: float) -> None:
    begun, state, cursor = time.process_time(), State.MORE, Cursor()
    while state is State.MORE:
        page = read_page(stream_directory(directory / "journal", journal.stream), cursor)
        state, cursor = page.state, page.cursor
    taken = (time.process_time() - begun) / journal.sequence * 1e6
    _report("read back by the office", taken, unit)


def _fastest(run: Run, rounds: int, after: Callable[[], None] = lambda: None) -> float:
    """Return the time of one run in the fastest turn of any round."""
    best = float("inf")
    for _ in range(rounds):
        for first in range(0, ANSWERS, TURN):
            begun = time.process_time()
            for number in range(first, min(first + TURN, ANSWERS)):
                run(number)
            best = min(best, (time.process_time() - begun) / TURN * 1e6)
            after()
    return best


def _report(what: str, taken: float, unit: float) -> None:
    print(f"  {what:<40} {taken:5.2f}   {taken / unit:8.1f}")


# --- Commits ----------------------------------------------------------------------------------


def _commits(directory: Path) -> None:
    print("answers a second, committed together:       os       disk   of the disk alone")
    alone = bench_disk(directory, seconds=3, disk=LocalDisk())
    for bare in alone:
        rates = [_rate(directory, mode, bare.answers) for mode in (Durability.OS, Durability.DISK)]
        part = rates[1] / bare.answers_a_second
        print(f"  {bare.answers:<34} {rates[0]:9,.0f}  {rates[1]:9,.0f}   {part:8.0%}")


def _rate(directory: Path, durability: Durability, group: int) -> float:
    journal = _begin(directory, durability)
    context, answers = journal.context(CONTEXT), 0
    begun = now = time.perf_counter()
    while now < begun + 1:
        for _ in range(group):
            who = PSEUDONYMS.of(100_000_000 + answers)
            journal.note(context, StandingCode.GOOD, Occasion.FRESH, 7, who, NOW)
            answers += 1
        journal.flush()
        journal.settle(answers - group, group, Delivery.HANDED_OVER)
        now = time.perf_counter()
    journal.end()
    shutil.rmtree(stream_directory(directory / "journal", journal.stream))
    return answers / (now - begun)


def _begin(directory: Path, durability: Durability) -> Journal:
    return Journal.begin(
        directory / "journal",
        node="bench",
        durability=durability,
        disk=LocalDisk(),
        executor=ThreadPoolExecutor(1),
        segment_bytes=SEGMENT_BYTES,
        at=AT,
    )


if __name__ == "__main__":
    sys.exit(main())
