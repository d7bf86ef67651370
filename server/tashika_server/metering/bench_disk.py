"""What a disk gives to metering: how long answers wait there, and how many it can take.

The same writes as a journal's, into a segment made like a journal's, and nothing else: what a
worker then adds is in `benchmarks/metering.py`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from tashika.pki.errors import TashikaError
from tashika_server.metering.disk import Disk, write_all
from tashika_server.metering.journal import SEGMENT_BYTES
from tashika_server.metering.record import SLOT_BYTES
from tashika_server.metering.spare import prepare

__all__ = ["GROUPS", "Commits", "DiskUnusable", "bench_disk"]

GROUPS = (1, 8, 64)
"""Answers that share a commit: a quiet worker, a busy one, one with all it can take."""


class DiskUnusable(TashikaError):
    """Nothing can be measured there; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commits:
    """What became of commits of so many answers each; times in milliseconds."""

    answers: int
    commits: int
    median_ms: float
    p99_ms: float
    p999_ms: float
    worst_ms: float
    answers_a_second: int


def bench_disk(directory: Path, *, seconds: float, disk: Disk) -> tuple[Commits, ...]:
    """Write and sync for so long in all, in a file of its own that is removed afterwards.

    Raises DiskUnusable.
    """
    try:
        with _segment(directory, disk) as file:
            return tuple(_measure(disk, file, each, seconds / len(GROUPS)) for each in GROUPS)
    except OSError as wrong:
        raise DiskUnusable(f"{directory}: {wrong.strerror}; name a folder to write in") from wrong


def _measure(disk: Disk, file: int, answers: int, seconds: float) -> Commits:
    data = bytes(range(SLOT_BYTES)) * answers
    taken: list[float] = []
    begun = last = time.perf_counter()
    while last < begun + seconds or not taken:
        write_all(disk, file, data, len(taken) * len(data) % SEGMENT_BYTES)
        disk.sync(file)
        now = time.perf_counter()
        taken.append(now - last)
        last = now
    taken.sort()
    return Commits(
        answers=answers,
        commits=len(taken),
        median_ms=_at(taken, 0.5),
        p99_ms=_at(taken, 0.99),
        p999_ms=_at(taken, 0.999),
        worst_ms=_at(taken, 1),
        answers_a_second=round(len(taken) * answers / (last - begun)),
    )


def _at(taken: list[float], part: float) -> float:
    return round(taken[min(int(part * len(taken)), len(taken) - 1)] * 1e3, 3)


@contextmanager
def _segment(directory: Path, disk: Disk) -> Iterator[int]:
    path = directory / f"bench-{token_hex(4)}"
    file = prepare(disk, path, SEGMENT_BYTES)
    try:
        yield file
    finally:
        with suppress(OSError):
            disk.close(file)
            disk.remove(path)
