"""T5 at full size: a million mixed requests at once, each of which gets its own answer.

Akamai once answered a POST that had `Expect: 100-continue` with another certificate's status.
Afterwards journals and totals have exactly what was heard, and the workers have not grown.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from benchmarks.load.verdict import judge
from soak.books import faults, read
from soak.callers import Caller
from soak.memory import MIB, own_bytes
from soak.world import RECEIPTS, VERIFIERS, callers, found
from support.service import Service

WORKERS = 2
CONNECTIONS = 16
"""Of each verifier."""
SAMPLE = 1000
"""One in so many answers is verified in full."""
GROWTH = 128 * MIB
"""Of a worker, from the start on: its cache keeps 16,384 answers of some 3 kB as objects."""
FULL = 200_000
"""Requests after which the caches are full; then a worker is flat."""
FLAT = 8 * MIB
"""By which it may still grow from the middle of such a run to its end."""
PATIENCE = 60.0
"""Seconds without an answer after which the run has failed."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run has shown."""

    requests: int
    seconds: float
    callers: Sequence[Caller]
    memory: Sequence[int]
    """Octets of all workers at the start, in the middle and at the end."""
    wrong: Counter[str]
    """What was wrong with answers that were verified in full."""
    faults: dict[str, int]

    @property
    def may_grow(self) -> int:
        """Octets that all workers may have more at the end than at the start."""
        start, middle, _ = self.memory
        if self.requests < 2 * FULL:
            return WORKERS * GROWTH
        return min(WORKERS * GROWTH, middle - start + WORKERS * FLAT)

    @property
    def is_good(self) -> bool:
        flat = self.memory[-1] - self.memory[0] <= self.may_grow
        return flat and not self.wrong and not any(self.faults.values())


class _Course:
    """How many questions are left, and what is noted on the way."""

    def __init__(self, requests: int, who: Sequence[Caller], weigh: Callable[[], int]) -> None:
        self.memory = [weigh()]
        self._requests = self._left = requests
        self._who, self._weigh = who, weigh

    def take(self, most: int) -> int:
        """Give out as many questions; fewer at the end."""
        taken = min(most, self._left)
        if self._left >= self._requests / 2 > self._left - taken:
            self.memory.append(self._weigh())
        self._left -= taken
        return taken

    @property
    def answers(self) -> int:
        return sum(each.answers for each in self._who)

    async def watch(self) -> None:
        """Show how it goes, on a terminal; TimeoutError if it does not go on."""
        before, moved = -1, time.monotonic()
        while True:
            if self.answers != before:
                before, moved = self.answers, time.monotonic()
            elif time.monotonic() - moved > PATIENCE:
                raise TimeoutError(f"no answer for {PATIENCE:g} s, after {before}")
            _show(1 - self._left / self._requests, self.answers)
            await asyncio.sleep(0.5)


def soak(directory: Path, *, requests: int, seed: int) -> Outcome:
    """Ask so many questions of a service of its own, and compare its books."""
    config = found(directory, workers=WORKERS, seed=seed)
    with Service(directory) as service:
        workers = [pid for title, pid in service.children().items() if title.startswith("worker")]
        where = urlsplit(service.url)
        who = callers(directory, where.path, seed=seed, sample=SAMPLE)
        course = _Course(requests, who, lambda: own_bytes(workers))
        begun = time.monotonic()
        uvloop.run(_ask(who, where.hostname or "", where.port or 0, course))
        seconds = time.monotonic() - begun
        course.memory.append(own_bytes(workers))
        assert service.stop() == 0
    evidence = [each for caller in who for each in caller.evidence]
    books = read(config, receipts=frozenset({VERIFIERS[RECEIPTS]}))
    return Outcome(
        requests=requests,
        seconds=seconds,
        callers=who,
        memory=course.memory,
        wrong=judge(evidence),
        faults=faults(who, books),
    )


async def _ask(who: Sequence[Caller], host: str, port: int, course: _Course) -> None:
    """Let everybody ask until all is asked; the first wrong answer ends it."""
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(course.watch())
        asking = [
            group.create_task(each.ask(host, port, course.take))
            for each in who
            for _ in range(CONNECTIONS)
        ]
        await asyncio.wait(asking)
        watch.cancel()
    _show(1.0, course.answers, end="\n")


def _show(done: float, answers: int, end: str = "") -> None:
    if sys.stderr.isatty():
        bar = ("#" * round(40 * done)).ljust(40, ".")
        sys.stderr.write(f"\r[{bar}] {done:4.0%} {answers:>10,} answers{end}")
        sys.stderr.flush()
