"""Runs the generator; `python -m benchmarks.load --help` lists its options."""

import json
import sys
from pathlib import Path

from benchmarks.load.framing import Unframed
from benchmarks.load.lines import NotConnected
from benchmarks.load.options import order_of, parser
from benchmarks.load.outcome import Outcome
from benchmarks.load.population import of_lab, read_populations
from benchmarks.load.progress import progress
from benchmarks.load.run import SLOT, run


def main() -> int:
    """Do one run; 0 if every reply was a right answer, 1 otherwise."""
    options = parser().parse_args()
    populations = of_lab(options.lab) if options.lab else read_populations(options.population)
    order = order_of(options)
    told = progress(order.url, seconds=order.warm_up + order.seconds, width=SLOT / 1e9)
    try:
        outcome = run(order, populations, told=told)
    except (NotConnected, Unframed, ValueError) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    print(outcome.table())
    if options.json:
        options.json.write_text(json.dumps(outcome.plain(), indent=1) + "\n")
    if options.plots:
        _draw(options.plots, outcome)
    return not outcome.is_sound


def _draw(directory: Path, outcome: Outcome) -> None:
    # Only who wants pictures needs what draws them.
    from benchmarks.load.plots import draw_latencies, draw_over_time  # noqa: PLC0415

    directory.mkdir(parents=True, exist_ok=True)
    draw_latencies(directory / "latency.svg", {outcome.asked["loop"]: outcome})
    draw_over_time(directory / "over-time.svg", {outcome.asked["loop"]: outcome})


if __name__ == "__main__":
    sys.exit(main())
