"""Pictures of runs: latency by percentile, and what happened over time. Wants matplotlib."""

from collections.abc import Mapping
from math import log10
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.load.outcome import PERCENTS, Outcome

__all__ = ["draw_latencies", "draw_over_time", "finish"]

SIZE = (9.0, 5.0)


def draw_latencies(path: Path, outcomes: Mapping[str, Outcome]) -> None:
    """Draw latency over percentile, stretched towards 100 %, one curve for each outcome."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    for name, outcome in outcomes.items():
        points = [(_nines(percent), ns / 1e6) for percent, ns in outcome.latencies.curve()]
        axes.step(*zip(*points, strict=True), where="post", label=name)
    axes.set_xticks([_nines(each) for each in PERCENTS], [f"{each:g} %" for each in PERCENTS])
    axes.set(yscale="log", ylabel="ms", xlabel="answered within that time", xlim=(0, None))
    finish(figure, path)


def draw_over_time(path: Path, outcomes: Mapping[str, Outcome]) -> None:
    """Draw rate and p99 over the time of the run."""
    figure = Figure(figsize=SIZE, layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    for name, outcome in outcomes.items():
        seconds = [each.seconds for each in outcome.stretches]
        above.plot(seconds, [each.rate for each in outcome.stretches], label=name)
        below.plot(seconds, [each.p99_ms for each in outcome.stretches], label=name)
    above.set(ylabel="answers a second", ylim=(0, None))
    below.set(ylabel="p99, ms", xlabel="seconds", yscale="log")
    finish(figure, path)


def _nines(percent: float) -> float:
    """Place a percentile so that 90, 99, 99.9 are as far from each other."""
    return -log10(max(1 - percent / 100, 1e-6))


def finish(figure: Figure, path: Path) -> None:
    """Add grid and legend, and write the file."""
    for axes in figure.axes:
        axes.grid(visible=True, alpha=0.3)
    if figure.axes[0].get_legend_handles_labels()[0]:
        figure.axes[0].legend()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {})
