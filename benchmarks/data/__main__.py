"""Measures what revocation data costs by its size; see `--help` and docs/benchmarks.md.

make bench-data [ARGS="--sizes 1000000,50000000"]
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from benchmarks.answering.figures import Row
from benchmarks.answering.machine import machine
from benchmarks.answering.parties import Spell
from benchmarks.answering.report import markdown, write
from benchmarks.cores import Cores, TooFewCores, on_core
from benchmarks.data.bench import Bench
from benchmarks.data.compact_row import compact
from benchmarks.data.feed_rows import answers_meanwhile, freshness, restart
from benchmarks.data.index_rows import delta, first_look, load

ROWS: Mapping[str, Callable[[Bench], Row]] = {
    "load": load,
    "first-look": first_look,
    "delta": delta,
    "freshness": freshness,
    "meanwhile": answers_meanwhile,
    "restart": restart,
    "compact": compact,
}
"""By the names that the command line knows, in the order of the table."""
FULL, QUICK = Spell(rounds=1, seconds=5.0, warm_up=1.0), Spell(rounds=1, seconds=1.0, warm_up=0.5)
SIZES, QUICK_SIZES = (100_000, 1_000_000, 5_000_000), (20_000, 50_000)


def main() -> int:
    """Measure; 1 if a row fell short, which --quick does not judge."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all that was begun is ended
    options = _options()
    try:
        cores = Cores.of_this_machine()
    except TooFewCores as wrong:
        print(wrong, file=sys.stderr)
        return 1
    command = ["python", "-m", "benchmarks.data", *sys.argv[1:]]
    facts = machine(command, cores=sorted(os.sched_getaffinity(0)))
    # A line for each of a nation's partitions says nothing here.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with TemporaryDirectory(prefix="tashika-bench-") as directory, on_core(cores.rest):
        bench = Bench(
            directory=Path(directory),
            sizes=options.sizes or (QUICK_SIZES if options.quick else SIZES),
            times=1 if options.quick else 5,
            cores=cores,
            spell=QUICK if options.quick else FULL,
        )
        rows = [_measured(name, bench) for name in options.rows]
    print("\n" + markdown(rows, facts))
    if options.to:
        write(options.to, options.name, rows, facts)
        _draw(options.to / f"{options.name}-size.svg", rows)
    is_short = any(not each.is_met for row in rows for each in row.demands)
    return bool(is_short and not options.quick)


def _measured(name: str, bench: Bench) -> Row:
    print(f"{name}: {(ROWS[name].__doc__ or '').splitlines()[0]}", file=sys.stderr, flush=True)
    return ROWS[name](bench)


def _draw(path: Path, rows: list[Row]) -> None:
    try:
        # Only who wants pictures needs what draws them.
        from benchmarks.data.pictures import draw  # noqa: PLC0415
    except ImportError as missing:
        print(f"no pictures: {missing}; `requirements/install bench` brings it", file=sys.stderr)
    else:
        draw(path, rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.data",
        description="What revocation data costs: loading, keeping, changing, starting.",
        epilog="A million entries take 150 MB in TMPDIR, half of it from their CRLs.",
    )
    parser.add_argument(
        "--rows",
        type=_names,
        default=list(ROWS),
        metavar="NAME,...",
        help=f"of {', '.join(ROWS)} (default: all)",
    )
    parser.add_argument(
        "--sizes",
        type=lambda text: sorted(map(int, text.split(","))),
        metavar="N,...",
        help="revoked certificates; rows with a service have the largest (default: up to 5000000)",
    )
    parser.add_argument("--quick", action="store_true", help="small, once, and without judgement")
    parser.add_argument("--to", type=Path, metavar="DIR", help="write JSON, Markdown and pictures")
    parser.add_argument("--name", default="data", help="of these files (default: %(default)s)")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    if unknown := set(names := text.split(",")) - ROWS.keys():
        raise argparse.ArgumentTypeError(f"there is no row {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    sys.exit(main())
