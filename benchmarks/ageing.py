"""How an index ages: `python -m benchmarks.ageing [--entries N] [--part P] [--steps N]`.

In each step a part of the entries, at random places, goes and as many others come, by one commit.
Prints octets an entry as it ages, and after it was written anew. Counts, so any machine will do.
"""

import argparse
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.index_load import crl
from tashika.pki.standing import Reason
from tashika_server.index import Changes, Entry, IndexWriter, compact

AT = datetime(2026, 4, 1, tzinfo=UTC)
ISSUER, SERIALS, SIZE = bytes(32), range(1 << 28), 1 << 33
ROWS = 8


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--part", type=float, default=0.01, help="of them that goes in a step")
    parser.add_argument("--steps", type=int, default=400)
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        path = Path(name) / "index"
        print(f"{'step':>6} {'octets of all, an entry':>24} {'of pages of entries':>20}")
        with IndexWriter.open(path, SIZE) as writer:
            writer.expect(ISSUER, [""])
            for step, changes in enumerate(_churn(options)):
                mark = replace(crl(options.entries, AT), number=step)
                writer.publish(ISSUER, "", changes, mark)
                if step % max(1, options.steps // ROWS) == 0:
                    print(f"{step:6} {_octets(writer, options.entries)}")
        before, after = (octets / options.entries for octets in compact(path, SIZE))
        print(f"written anew: {after:.1f} in place of {before:.1f}")


def _churn(options: argparse.Namespace) -> Iterator[Changes]:
    dice, count = random.Random(1), int(options.entries * options.part)
    listed = set(dice.sample(SERIALS, options.entries))
    yield Changes(added=_entries(listed))
    for _ in range(options.steps):
        gone = set(dice.sample(sorted(listed), count))
        listed -= gone
        come = set(dice.sample(SERIALS, count)) - listed - gone
        listed |= come
        yield Changes(added=_entries(come), removed=_entries(gone))


def _entries(serials: set[int]) -> list[Entry]:
    return [Entry(serial, AT, Reason.SUPERSEDED) for serial in sorted(serials)]


def _octets(writer: IndexWriter, entries: int) -> str:
    taken, _ = writer.reader.room()
    with writer.reader.snapshot() as view:
        found = view._transaction.stat(view._databases["entries"])  # noqa: SLF001 - a measurement
    pages = (found["leaf_pages"] + found["branch_pages"]) * found["psize"]
    return f"{taken / entries:24.1f} {pages / entries:20.1f}"


if __name__ == "__main__":
    main()
