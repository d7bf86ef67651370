"""Kill workers and ingesters under load, and see that every answer is counted once.

    make drill [ARGS="--kills 1000 --minutes 25 --book postgresql --seed 7"]

On loopback, in a temporary directory, on SQLite and on PostgreSQL in turn. Exits with 0 if all
of the kills came about in time and every fault is nought, with 1 otherwise.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from drill.drilling import Drill, drill, found
from drill.verdict import Verdict
from support.book import postgres

BOOKS = ("sqlite", "postgresql")
HANGS = 3


def main() -> int:
    options = _options()
    what = Drill(kills=options.kills, minutes=options.minutes, seed=options.seed, hangs=HANGS)
    verdicts = {}
    for name in [options.book] if options.book else BOOKS:
        _say(f"{name}: at least {what.kills} kills within {what.minutes:g} minutes")
        with tempfile.TemporaryDirectory(prefix="drill-") as directory, _dsn(name) as dsn:
            verdicts[name] = drill(found(Path(directory) / "world", dsn, what), what)
    _print(verdicts)
    if not all(each.is_good for each in verdicts.values()):
        _say("BAD")
        return 1
    if any(each.killed.total() < what.kills for each in verdicts.values()):
        _say("TOO FEW were killed in time: give it --minutes, or a quieter machine")
        return 1
    _say("GOOD")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="drill", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="for each book (default: 200)")
    parser.add_argument("--minutes", type=float, default=5.0, help="for each (default: 5)")
    parser.add_argument("--book", choices=BOOKS, help="default: both in turn")
    parser.add_argument("--seed", type=int, default=1, help="of the order and moments of kills")
    return parser.parse_args()


@contextmanager
def _dsn(book: str) -> Iterator[str]:
    if book == "sqlite":
        yield "sqlite:///book.sqlite"
        return
    with postgres() as server, server.fresh() as dsn:
        yield dsn


def _print(verdicts: dict[str, Verdict]) -> None:
    for name, one in verdicts.items():
        for stream, places in groupby(sorted(one.uncertain), lambda place: place.stream):
            numbers = ", ".join(str(place.sequence) for place in places)
            _say(f"{name}: uncertain and waived: journal {stream}: {numbers}")
    names, each = list(verdicts), list(verdicts.values())
    _row("", *names)
    for role in ("worker", "office", "ingester"):
        _row(f"killed: {role}", *(one.killed[role] for one in each))
    _row("killed in all", *(one.killed.total() for one in each))
    _row("seconds", *(f"{one.seconds:.0f}" for one in each))
    _row("questions asked again", *(one.asked_again for one in each))
    _row("answers acknowledged", *(one.acknowledged for one in each))
    _row("answers journalled", *(one.journalled for one in each))
    _row("    in so many journals", *(one.journals for one in each))
    _row("answers in the ledger's totals", *(one.counted for one in each))
    _row("uncertain, waived", *(len(one.uncertain) for one in each))
    _row("    of them heard", *(one.uncertain_heard for one in each))
    for fault in each[0].faults:
        _row(f"must be 0: {fault}", *(one.faults[fault] for one in each))


def _row(name: str, *cells: object) -> None:
    _say(f"{name:58}" + "".join(f"{each:>14}" for each in cells))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
