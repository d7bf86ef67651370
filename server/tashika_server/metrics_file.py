"""The counters of a process in a file of the run directory, from where the office shows them.

Each process writes its own, by its title; the office takes what is not a minute old, so what is
gone or hangs is not shown as if it lived. Not for what is counted (`metrics`).
"""

import asyncio
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

__all__ = ["keep_writing_metrics", "merged", "metrics_of_others", "write_metrics"]

FOLDER, ENDING = "metrics", ".prom"
WRITE_EVERY = timedelta(seconds=10)
OLD = timedelta(minutes=1)


async def keep_writing_metrics(run: Path, title: str) -> None:
    """Write the counters of this process until a successor does, as after a reload."""
    begun = time.time_ns()
    while True:
        with suppress(OSError):  # a monitoring that misses them says so; nothing else stops
            if await asyncio.to_thread(_has_successor, _file(run, title), begun):
                return
            await asyncio.to_thread(write_metrics, run, title, begun)
        await asyncio.sleep(WRITE_EVERY.total_seconds())


def write_metrics(
    run: Path, title: str, begun: int, *, registry: CollectorRegistry = REGISTRY
) -> None:
    """Replace the file of a process, which says when it has begun. Raises OSError.

    What a power cut takes is of no use after it, so nothing is synced.
    """
    file = _file(run, title)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(b"# %d\n" % begun + generate_latest(registry))
    fresh.replace(file)


def metrics_of_others(run: Path, *, now: float) -> Iterator[Metric]:
    """Yield what each process has counted, under the label `process`; `now` is since 1970."""
    for file in sorted((run / FOLDER).glob(f"*{ENDING}")):
        try:
            if now - file.stat().st_mtime > OLD.total_seconds():
                continue
            families = list(text_string_to_metric_families(file.read_text()))
        except (OSError, ValueError, LookupError):
            continue
        for family in families:
            family.samples = [
                sample._replace(labels={**sample.labels, "process": file.stem})
                for sample in family.samples
            ]
            yield family


def merged(families: Iterable[Metric]) -> Iterator[Metric]:
    """Yield each family once, with the samples of all that have its name.

    When a counter was begun is left out: it comes back as a family of its own.
    """
    found: dict[str, Metric] = {}
    for family in families:
        if family.name.endswith("_created"):
            continue
        samples = [each for each in family.samples if not each.name.endswith("_created")]
        known = found.setdefault(
            family.name, Metric(family.name, family.documentation, family.type)
        )
        known.samples += samples
    yield from found.values()


def _file(run: Path, title: str) -> Path:
    return run / FOLDER / f"{title}{ENDING}"


def _has_successor(file: Path, begun: int) -> bool:
    """Tell whether a process wrote it that has begun after this one."""
    try:
        with file.open("rb") as opened:
            return int(opened.readline().removeprefix(b"# ")) > begun
    except (FileNotFoundError, ValueError):
        return False
