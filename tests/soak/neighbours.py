"""How long one verifier waits while others misbehave: thousands of bad clients, or a flood.

The worker has a core for itself. The verifier asks at a steady low rate at moments fixed
beforehand, all of its answers are verified in full, and what is judged is the ratio of its p99
with and without the others, the median of some rounds.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from benchmarks.answering.authority import KeyType
from benchmarks.answering.service import Service
from benchmarks.answering.world import World, WorldOrder, make_world
from benchmarks.cores import Cores, on_core, urgent
from benchmarks.load.deck import Mix
from benchmarks.load.outcome import Outcome
from benchmarks.load.run import Order, run
from soak.crowd import Crowd
from soak.memory import own_bytes
from soak.pair import add_verifier
from support.service import wait_until

RATE, LOW_RATE = 200.0, 40.0
"""Questions a second of the verifier that is measured; the low one beside a flood, which a worker
can answer a hundred times as much."""
ENTRIES = 10_000
ROUNDS = 5
BOUND = 1.2
"""Of the ratio of its p99."""
WARM_UP = 1.0
FLOOD_BEGINS = 2.0
"""Seconds in which it makes its questions and connects."""
FLOOD = 256
"""Connections of the verifier that asks a hundred times its share and more."""
KIB_EACH = 64
"""Of a worker's memory, for each bad client."""


@dataclass(frozen=True, kw_only=True)
class Waits:
    """What the verifier has met with, by rounds."""

    quiet: Sequence[Outcome]
    loud: Sequence[Outcome]
    kib_each: float
    """How much the worker has grown for each of the others, at most."""
    times: float | None = None
    """How often another verifier that floods was answered while this one was once."""
    held: int
    """Their connections that the worker had at the end of a round, on average."""

    @property
    def ratio(self) -> float:
        pairs = zip(self.quiet, self.loud, strict=True)
        return median(loud.milliseconds(99) / quiet.milliseconds(99) for quiet, loud in pairs)

    @property
    def answers(self) -> int:
        return sum(each.answers for each in (*self.quiet, *self.loud))

    @property
    def wrong(self) -> Counter[str]:
        return sum((each.wrong for each in (*self.quiet, *self.loud)), Counter())

    @property
    def is_good(self) -> bool:
        return not self.wrong and self.kib_each <= KIB_EACH and self.ratio <= BOUND


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A world that is served."""

    world: World
    url: str
    tls_port: int
    worker: int
    cores: Cores
    rate: float

    def ask(self, seconds: float) -> Outcome:
        """Measure the verifier."""
        order = Order(
            url=self.url,
            mix=Mix(revoked=0.2, unknown=0.1, get=0.2, distinct=2000),
            tokens=[self.world.token],
            connections=8,
            rate=self.rate,
            seconds=seconds,
            warm_up=WARM_UP,
            sample=1,
        )
        with on_core(self.cores.load), urgent():
            return run(order, [self.world.population])

    def open_files(self) -> int:
        """Count what the worker has open, connections above all."""
        return len(list(Path(f"/proc/{self.worker}/fd").iterdir()))

    def wait_until_known(self, token: Path) -> None:
        """Wait until the worker knows a new verifier."""
        order = Order(url=self.url, mix=Mix(distinct=1), tokens=[token.read_text()], seconds=0.25)
        order = replace(order, connections=1, rate=20.0, warm_up=0.0, sample=1)
        wait_until(
            lambda: run(order, [self.world.population]).is_sound, "the other verifier", seconds=20
        )


@contextmanager
def scene(rate: float) -> Iterator[Scene]:
    """Serve a world with one worker, for a verifier who asks so many questions a second."""
    cores = Cores.of_this_machine()
    order = WorldOrder(key=KeyType.P256, entries=ENTRIES)
    with TemporaryDirectory(prefix="soak-") as directory:
        world = make_world(Path(directory), order, at=datetime.now(UTC))
        with on_core(cores.rest), Service(world, cores=[cores.service]) as service:
            worker = service.workers[0]
            yield Scene(
                world=world,
                url=service.url,
                tls_port=urlsplit(service.tls_url).port or 0,
                worker=worker,
                cores=cores,
                rate=rate,
            )


def beside_bad_clients(count: int, *, seconds: float, rounds: int = ROUNDS) -> Waits:
    """Measure beside so many clients that stall, flood, reset, do not read or speak no HTTP."""
    with scene(RATE) as here:
        where = urlsplit(here.url)
        return _compare(
            here,
            lambda: Crowd(where.hostname or "", where.port or 0, here.tls_port, count),
            connections=count,
            seconds=seconds,
            rounds=rounds,
        )


def beside_a_flood(*, seconds: float, rounds: int = ROUNDS) -> Waits:
    """Measure beside a verifier that asks as fast as it is answered, on many connections."""
    with scene(LOW_RATE) as here:
        token = here.world.directory / "other.token"
        token.write_text(add_verifier(here.world))
        here.wait_until_known(token)
        rates = list[float]()
        waits = _compare(
            here,
            lambda: _flood(here, token, seconds + 6 * WARM_UP, rates),
            connections=FLOOD,
            seconds=seconds,
            rounds=rounds,
        )
        return replace(waits, times=median(rates) / LOW_RATE)


def _compare(
    here: Scene,
    others: Callable[[], AbstractContextManager[object]],
    *,
    connections: int,
    seconds: float,
    rounds: int,
) -> Waits:
    """Measure without and with the others, in turn."""
    here.ask(WARM_UP)
    quiet, loud, grown, held = list[Outcome](), list[Outcome](), 0, 0
    before, files = own_bytes([here.worker]), here.open_files()
    for _ in range(rounds):
        here.ask(WARM_UP)  # until whoever was there before has gone
        quiet.append(here.ask(seconds))
        with others():
            here.ask(WARM_UP)  # until whoever came at once has been dealt with
            loud.append(here.ask(seconds))
            grown = max(grown, own_bytes([here.worker]) - before)
            held += here.open_files() - files
    return Waits(
        quiet=quiet, loud=loud, kib_each=grown / 1024 / connections, held=round(held / rounds)
    )


@contextmanager
def _flood(here: Scene, token: Path, seconds: float, rates: list[float]) -> Iterator[None]:
    """Let the other verifier ask, in a process of its own; fails unless it is answered."""
    population = here.world.directory / "population.json"
    what = ["--population", population, "--token-file", token, "--connections", FLOOD]
    result = token.with_suffix(".json")
    how = ["--seconds", seconds, "--warm-up", 0, "--json", result]
    command = [sys.executable, "-m", "benchmarks.load", here.url, *what, *how]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        time.sleep(FLOOD_BEGINS)
        yield
    finally:
        said, complaint = process.communicate(timeout=seconds + 60)
    if process.returncode:
        raise RuntimeError(f"the flood was not answered:\n{said}{complaint}")
    rates.append(json.loads(result.read_text())["rate"])
