"""Which processor core does what: the service has one for itself, all others share the rest.

Also what processes use: their time on a core, and their memory.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

__all__ = [
    "Cores",
    "TooFewCores",
    "cpu_seconds",
    "on_all",
    "on_core",
    "pin",
    "resident_bytes",
    "urgent",
]


class TooFewCores(Exception):
    """The load would take its time from what is measured."""


class Cores(NamedTuple):
    """Who works where; supervisor, refresher and office are among the rest."""

    service: int
    rest: int
    load: int

    @classmethod
    def of_this_machine(cls) -> Self:
        """Deal out the cores that this process may use; of two, the load shares its one.

        Raises TooFewCores.
        """
        first, *others = sorted(os.sched_getaffinity(0))
        if not others:
            raise TooFewCores("two processor cores are needed: one is for what is measured alone")
        return cls(service=first, rest=others[0], load=others[-1])


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Run on one core, and what is started meanwhile for all of its life."""
    with _on({core}):
        yield


@contextmanager
def on_all(cores: Cores) -> Iterator[None]:
    """Run on all of them, as a service does that nobody measures: for how long a start takes."""
    with _on(set(cores)):
        yield


@contextmanager
def _on(cores: set[int]) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def urgent() -> Iterator[bool]:
    """Go before others on the same core, if the machine allows it; tells whether it does.

    For measuring latency with a load that is mostly idle: what it waits for a core that it
    shares with a refresh or the office is not the service's doing.
    """
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.sched_setscheduler(0, policy, priority)


def pin(process: int, core: int) -> None:
    """Move a process with all its threads to a core."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        with suppress(ProcessLookupError):  # it has just ended
            os.sched_setaffinity(int(thread.name), {core})


def cpu_seconds(process: int) -> float:
    """Return how long the threads that a process has now have been at work."""
    spent = 0
    for thread in Path(f"/proc/{process}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            spent += int((thread / "schedstat").read_text().split()[0])
    return spent / 1e9


def resident_bytes(process: int) -> int:
    """Return how much memory a process has in use; what it shares with others counts too."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
