"""Pictures of a table: what the rate depends on, and latency by percentile and over time."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from benchmarks.answering.figures import Row
from benchmarks.load.plots import draw_latencies, draw_over_time, finish

__all__ = ["draw"]


def draw(directory: Path, name: str, rows: Sequence[Row]) -> None:
    """Draw NAME-cost.svg of all rows that have an axis, and two of each that has runs."""
    if along := [each for each in rows if each.axis]:
        _draw_cost(directory / f"{name}-cost.svg", along)
    for row in rows:
        if row.runs:
            draw_latencies(directory / f"{name}-{row.name}.svg", row.runs)
            draw_over_time(directory / f"{name}-{row.name}-over-time.svg", row.runs)


def _draw_cost(path: Path, rows: Sequence[Row]) -> None:
    picture = Picture(figsize=(4.5 * len(rows), 6.0), layout="constrained")
    above, below = picture.subplots(2, len(rows), squeeze=False, sharex="col")
    for rate, p99, row in zip(above, below, rows, strict=True):
        places = [each.at or 0.0 for each in row.figures]
        _line(rate, places, [each.value for each in row.figures])
        waited = [[one.p99_ms or 0.0 for one in each.readings] for each in row.figures]
        _line(p99, places, [sorted(each)[len(each) // 2] for each in waited])
        p99.set(xlabel=row.axis, xscale="log")
        p99.set_xticks([at for at in places if at], [f"{at:,.0f}" for at in places if at])
        p99.minorticks_off()
    above[0].set(ylabel="statuses a second")
    below[0].set(ylabel="p99, ms, 32 callers")
    finish(picture, path)


def _line(axes: Axes, places: Sequence[float], values: Sequence[float]) -> None:
    axes.plot(places, values, marker="o")
    axes.set(ylim=(0, None))
