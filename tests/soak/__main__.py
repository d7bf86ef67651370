"""Ask a service for a long time in every way there is, and see that nobody gets another's answer.

    make soak [ARGS="--requests 1000000 --bad 5000 --seconds 10 --only mixed --seed 7"]

On loopback, in temporary directories. First a million mixed requests (T5); then a verifier that
asks steadily, beside thousands of bad clients, and beside another that asks a hundred times its
share. Exits with 0 if every answer was right, every count agrees, and the bounds that are printed
were kept; with 1 otherwise. The ratios of times want a machine with nothing else to do.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.cores import TooFewCores
from soak.crowd import allow_files
from soak.memory import MIB
from soak.mixed import Outcome, soak
from soak.neighbours import BOUND, KIB_EACH, ROUNDS, Waits, beside_a_flood, beside_bad_clients

PARTS = ("mixed", "bad", "flood")


def main() -> int:
    options = _options()
    parts, good = [options.only] if options.only else PARTS, True
    try:
        if "mixed" in parts:
            _say(f"mixed: {options.requests:,} requests")
            with tempfile.TemporaryDirectory(prefix="soak-") as directory:
                world = Path(directory) / "world"
                good &= _mixed(soak(world, requests=options.requests, seed=options.seed))
        if "bad" in parts:
            _say(f"bad: a verifier beside {options.bad:,} bad clients")
            allow_files(options.bad)
            good &= _waits(beside_bad_clients(options.bad, seconds=options.seconds))
        if "flood" in parts:
            _say("flood: a verifier beside one that asks a hundred times its share")
            good &= _waits(beside_a_flood(seconds=options.seconds))
    except (TooFewCores, RuntimeError) as cannot:
        _say(f"{cannot}")
        good = False
    _say("GOOD" if good else "BAD")
    return not good


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=10**6, help="default: 1,000,000")
    parser.add_argument("--bad", type=int, default=5000, help="bad clients (default: 5,000)")
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="of each measurement of p99 (default: 10)"
    )
    parser.add_argument("--only", choices=PARTS, help="default: all, in this order")
    parser.add_argument("--seed", type=int, default=1, help="of what is asked and how")
    return parser.parse_args()


def _mixed(outcome: Outcome) -> bool:
    who = outcome.callers
    _row("", *(each.name for each in who))
    _row("answers, each checked", *(f"{each.answers:,}" for each in who))
    _row("    verified in full", *(len(each.evidence) for each in who))
    _row("statuses in them", *(f"{each.heard:,}" for each in who))
    _row("statuses asked for, then broken off", *(f"{each.broken:,}" for each in who))
    _row("seconds", f"{outcome.seconds:.0f}")
    memory = (f"{each / MIB:.0f}" for each in outcome.memory)
    _row("MiB of all workers: start, middle, end", *memory)
    _row("    may grow by so many from the start", f"{outcome.may_grow / MIB:.0f}")
    for fault, number in outcome.faults.items():
        _row(f"must be 0: {fault}", number)
    for what, number in outcome.wrong.items():
        _row(f"WRONG: {what}", number)
    return outcome.is_good


def _waits(waits: Waits) -> bool:
    rounds = range(1, ROUNDS + 1)
    _row("", *(f"round {number}" for number in rounds), "bound")
    _row("p99 alone, ms", *(f"{each.milliseconds(99):.2f}" for each in waits.quiet))
    _row("p99 beside them, ms", *(f"{each.milliseconds(99):.2f}" for each in waits.loud))
    _row("ratio, median", f"{waits.ratio:.2f}", "", "", BOUND)
    _row("connections of theirs at the end of a round, on average", f"{waits.held:,}")
    _row("KiB of the worker for each of them", f"{waits.kib_each:.1f}", "", "", KIB_EACH)
    if waits.times:
        _row("answers of the flood for each of its own", f"{waits.times:.0f}")
    _row("answers verified in full", f"{waits.answers:,}")
    for what, number in waits.wrong.items():
        _row(f"WRONG: {what}", number)
    return waits.is_good


def _row(name: str, *cells: object) -> None:
    _say(f"{name:58}" + "".join(f"{each:>12}" for each in cells))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
