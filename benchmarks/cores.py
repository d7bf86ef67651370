"""Which processor core does what: the service has one for itself, all others share the rest.

Also what processes use: their time on a core, and their memory.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["TooFewCores", "cpu_seconds", "on_core", "pin", "resident_bytes", "two_cores"]

TICKS = os.sysconf("SC_CLK_TCK")


class TooFewCores(Exception):
    """The load would take its time from what is measured."""


def two_cores() -> tuple[int, int]:
    """Return the core of the service and that of the load; TooFewCores."""
    service, *others = sorted(os.sched_getaffinity(0))
    if not others:
        raise TooFewCores("two processor cores are needed: one is for what is measured alone")
    return service, others[-1]


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Run on one core, and what is started meanwhile for all of its life."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin(process: int, core: int) -> None:
    """Move a process with all its threads to a core."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        with suppress(ProcessLookupError):  # it has just ended
            os.sched_setaffinity(int(thread.name), {core})


def cpu_seconds(process: int) -> float:
    """Return how long a process has been at work."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(process: int) -> int:
    """Return how much memory a process has in use; what it shares with others counts too."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
