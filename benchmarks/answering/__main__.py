"""Measures the table, or rows of it; see `--help` and docs/benchmarks.md.

make bench-answering [ARGS="--quick"]
"""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.answering.figures import Row
from benchmarks.answering.machine import machine
from benchmarks.answering.parties import Spell, WrongAnswers
from benchmarks.answering.report import markdown, write
from benchmarks.answering.rows import ROWS, Bench
from benchmarks.answering.service import NotStarted
from benchmarks.cores import Cores, TooFewCores, on_core
from benchmarks.load.framing import Unframed
from benchmarks.load.lines import NotConnected
from benchmarks.peers.process import NotInstalled, PeerFailed

FAILURES = (NotConnected, NotStarted, PeerFailed, Unframed, WrongAnswers)
FULL = Spell(rounds=5, seconds=5.0, warm_up=1.0)
QUICK = Spell(rounds=1, seconds=1.0, warm_up=0.5)
QUICK_ENTRIES, QUICK_SIZES = 50_000, (10_000, 50_000)


def main() -> int:
    """Measure; 1 if a row failed or fell short, which --quick does not judge."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all that was begun is ended
    options = _options()
    try:
        cores = Cores.of_this_machine()
    except TooFewCores as wrong:
        print(wrong, file=sys.stderr)
        return 1
    spell = Spell(rounds=options.rounds, seconds=options.seconds, warm_up=FULL.warm_up)
    bench = Bench(
        cores=cores,
        spell=QUICK if options.quick else spell,
        entries=QUICK_ENTRIES if options.quick else options.entries,
        sizes=QUICK_SIZES if options.quick else options.sizes,
    )
    facts = machine(["python", "-m", "benchmarks.answering", *sys.argv[1:]], cores=_cores())
    with on_core(cores.load):
        rows = [_measured(name, bench) for name in options.rows]
    print("\n" + markdown(rows, facts))
    if options.to:
        write(options.to, options.name, rows, facts)
    short = [each for row in rows for each in row.demands if not each.is_met]
    failed = any(each.has_failed for each in rows)
    return failed or bool(short and not options.quick)


def _measured(name: str, bench: Bench) -> Row:
    print(f"{name}: {(ROWS[name].__doc__ or '').splitlines()[0]}", file=sys.stderr, flush=True)
    try:
        return ROWS[name](bench)
    except NotInstalled as hint:
        return Row(name=name, work="left out", figures=[], notes=[str(hint)])
    except FAILURES as failure:
        print(failure, file=sys.stderr, flush=True)
        notes = str(failure).splitlines()[:1]
        return Row(name=name, work="FAILED", figures=[], notes=notes, has_failed=True)


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.answering",
        description="How many answers one core gives, beside its peers.",
        epilog=f"Temporary files, an index among them, go to {tempfile.gettempdir()} (TMPDIR).",
    )
    parser.add_argument(
        "--rows",
        type=_names,
        default=list(ROWS),
        metavar="NAME,...",
        help=f"of {', '.join(ROWS)} (default: all)",
    )
    parser.add_argument("--quick", action="store_true", help="small, once, and without judgement")
    parser.add_argument("--rounds", type=int, default=FULL.rounds, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=FULL.seconds, help="default: %(default)s")
    parser.add_argument(
        "--entries", type=int, default=1_000_000, help="revoked certificates (default: %(default)s)"
    )
    parser.add_argument(
        "--sizes",
        type=_numbers,
        default=(10_000, 1_000_000),
        metavar="N,...",
        help="of the index, for the row of that name (default: 10000,1000000)",
    )
    parser.add_argument("--to", type=Path, metavar="DIR", help="write JSON, Markdown and pictures")
    parser.add_argument("--name", default="answering", help="of these files (default: %(default)s)")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    if unknown := set(names := text.split(",")) - ROWS.keys():
        raise argparse.ArgumentTypeError(f"there is no row {', '.join(sorted(unknown))}")
    return names


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


if __name__ == "__main__":
    sys.exit(main())
