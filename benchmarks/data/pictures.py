"""A picture of what data costs by its size: one plot for each row that has been measured by it."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure as Picture

from benchmarks.answering.figures import Figure, Row
from benchmarks.load.plots import finish

__all__ = ["draw"]


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Draw every unit of every row over the number of entries."""
    plots = [
        (f"{row.name}: {unit}", figures) for row in rows for unit, figures in _by_unit(row).items()
    ]
    if not plots:
        return
    picture = Picture(figsize=(4.5 * len(plots), 4.0), layout="constrained")
    for axes, (title, figures) in zip(
        picture.subplots(1, len(plots), squeeze=False)[0], plots, strict=True
    ):
        for each in figures:
            axes.plot([each.at] * len(each.readings), [one.value for one in each.readings], "o")
        axes.set(title=title, xlabel="revoked certificates", xscale="log", ylim=(0, None))
    finish(picture, path)


def _by_unit(row: Row) -> dict[str, list[Figure]]:
    found = defaultdict[str, list[Figure]](list)
    for each in row.figures:
        if each.at is not None:
            found[each.unit].append(each)
    return found
