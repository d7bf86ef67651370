"""Who is measured, each by one call: services under load, and signatures without any."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from benchmarks.answering.figures import Figure, Reading
from benchmarks.cores import cpu_seconds
from benchmarks.load.outcome import Outcome
from benchmarks.load.population import Population
from benchmarks.load.progress import progress
from benchmarks.load.run import SLOT, Order, run
from benchmarks.peers import wrk
from benchmarks.peers.process import at_work, resting

__all__ = ["Loaded", "Party", "Signing", "Spell", "Wrked", "WrongAnswers", "measure"]


class WrongAnswers(Exception):
    """A service gave something else than right answers; says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """How long and how often is measured."""

    rounds: int
    seconds: float
    warm_up: float


class Party(Protocol):
    """Somebody to be measured, with nobody else at work."""

    @property
    def name(self) -> str:
        """Return what it is called in the table."""
        ...

    @property
    def unit(self) -> str:
        """Return what is counted."""
        ...

    @property
    def lacks(self) -> str:
        """Return what it does not do."""
        ...

    def measure(self, spell: Spell) -> Reading:
        """Measure once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A service under our own load; counts statuses, one for each certificate asked about."""

    name: str
    order: Order
    populations: Sequence[Population]
    processes: Sequence[int]
    """That answer."""
    lacks: str = ""
    unit: str = "statuses/s"

    def measure(self, spell: Spell) -> Reading:
        """Run once; WrongAnswers if there was a single one among the sample, or a refusal."""
        outcome, busy = self.run(replace(self.order, seconds=spell.seconds, warm_up=spell.warm_up))
        rate = outcome.rate * outcome.cert_ids
        p99 = outcome.milliseconds(99)
        return Reading(value=rate, service_busy=busy, load_busy=outcome.busy, p99_ms=p99)

    def run(self, order: Order) -> tuple[Outcome, float]:
        """Run an order; also tells the part of a core that the service used for it."""
        before = sum(map(cpu_seconds, self.processes))
        told = progress(self.name, seconds=order.seconds + order.warm_up, width=SLOT / 1e9)
        with at_work(self.processes):
            outcome = run(order, self.populations, told=told)
        used = sum(map(cpu_seconds, self.processes)) - before
        if not outcome.is_sound:
            raise WrongAnswers(f"{self.name}:\n{outcome.table()}")
        return outcome, used / outcome.lasted


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrked:
    """A service under the load of wrk."""

    name: str
    url: str
    requests: Sequence[bytes]
    directory: Path
    process: int
    lacks: str = ""
    unit: str = "answers/s"
    connections: int = 256
    """The same for all parties: of 128, all wait for one sync now and then, and nobody asks."""

    def measure(self, spell: Spell) -> Reading:
        """Run once; a second of warm-up is part of wrk's own figure, so it runs twice."""
        with at_work([self.process]):
            self._run(spell.warm_up)
            before, begun = cpu_seconds(self.process), time.monotonic()
            rate = self._run(spell.seconds)
            used = cpu_seconds(self.process) - before
        return Reading(value=rate, service_busy=used / (time.monotonic() - begun))

    def _run(self, seconds: float) -> float:
        return wrk.answers_a_second(
            self.url,
            self.requests,
            directory=self.directory,
            connections=self.connections,
            seconds=max(1, round(seconds)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """Bare signatures."""

    name: str
    sign: Callable[[int], float]
    """Signs so many seconds; returns the signatures a second."""
    lacks: str
    unit: str = "signatures/s"

    def measure(self, spell: Spell) -> Reading:
        """Sign for a while."""
        return Reading(value=self.sign(max(1, round(spell.seconds))))


def measure(parties: Sequence[Party], spell: Spell) -> list[Figure]:
    """Measure everybody in turn, round by round, each round beginning with another one."""
    readings: dict[str, list[Reading]] = {each.name: [] for each in parties}
    with resting():
        for number in range(spell.rounds):
            first = number % len(parties)
            for party in [*parties[first:], *parties[:first]]:
                readings[party.name].append(party.measure(spell))
    return [
        Figure(of=each.name, unit=each.unit, readings=readings[each.name], lacks=each.lacks)
        for each in parties
    ]
