"""How long callers wait at 70 % of what the service can do, whatever else it is doing."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from statistics import median

from benchmarks.answering.authority import KeyType
from benchmarks.answering.crowd import fill_last_month
from benchmarks.answering.disturbance import Disturbance
from benchmarks.answering.figures import Figure, Reading, Row, at_most
from benchmarks.answering.floor import p99_ms
from benchmarks.answering.parties import Loaded, Spell
from benchmarks.answering.rows.scene import Bench, ours, served
from benchmarks.answering.world import World
from benchmarks.cores import urgent
from benchmarks.load.outcome import Outcome
from benchmarks.peers.bare import LACKS

__all__ = ["latency"]

PART = 0.7
"""Of the capacity, measured right before each run: a virtual machine's changes by the second."""
BOUND_MS = 10.0
CHANGES = 100_000
"""Of one refresh; a tenth of the entries where these are fewer, or they are out of bounds."""
VERIFIERS = 1000
"""With usage in the month that is closed."""
SLICES = 10
"""Runs after each other, so that a refresh of this size is within them."""


def latency(bench: Bench) -> Row:
    """Measure p99 with nothing else going on, during a refresh, and during a month's close."""
    changes = min(CHANGES, bench.entries // 10)

    def prepare(world: World) -> None:
        book, at = world.directory / "book.sqlite", datetime.now(UTC)
        month.append(str(fill_last_month(book, verifiers=VERIFIERS, at=at)))

    def refresh() -> Disturbance:
        number = next(numbers)
        world.publish((number - 1) * changes, number=number, at=datetime.now(UTC))
        return Disturbance("refresh", world.directory / "run", after=begin)

    def close() -> Disturbance:
        return Disturbance("close", world.configuration, month[0], after=begin)

    month, begin, numbers = list[str](), bench.spell.warm_up + 1, count(2)
    runs, notes, floors = dict[str, list[Outcome]](), list[str](), list[float]()
    seconds = SLICES * bench.spell.seconds
    with served(bench, KeyType.P256, prepare=prepare) as (world, service):
        us = ours(world, service)
        for name, disturb, rounds in (
            ("quiet", nullcontext, bench.spell.rounds),
            (f"refresh of {changes:,} changes", refresh, bench.spell.rounds),
            (f"close of a month of {VERIFIERS:,} verifiers", close, 1),
        ):
            runs[name] = []
            for _ in range(rounds):
                runs[name].append(_disturbed(name, us, bench.spell, disturb, notes))
                floors.append(p99_ms(bench.cores.service, seconds=seconds, part=PART))
    return _row(runs, floors, notes)


def _disturbed(
    name: str,
    us: Loaded,
    spell: Spell,
    disturb: Callable[[], AbstractContextManager[object]],
    notes: list[str],
) -> Outcome:
    """Measure capacity and then latency at a part of it, again and again; join the latter."""
    brief = replace(spell, seconds=spell.seconds / 4)
    parts, capacities = list[Outcome](), list[float]()
    with disturb() as disturbance, urgent() as is_urgent:
        for _ in range(SLICES):
            capacities.append(us.measure(brief).value)
            order = replace(us.order, rate=PART * capacities[-1], seconds=spell.seconds)
            parts.append(us.run(replace(order, warm_up=spell.warm_up))[0])
    outcome = Outcome.joined(parts)
    said = (
        f"{name}: p99 {outcome.milliseconds(99):.1f} ms, {_usual(parts):.1f} in the middle one of "
        f"{SLICES} runs, at 70 % of {min(capacities):,.0f} to {max(capacities):,.0f} a second"
    )
    if isinstance(disturbance, Disturbance):
        said += f"; took {disturbance.seconds:.1f} s of {outcome.lasted:.0f}"
    notes.append(said if is_urgent else f"{said}; the load had to wait for its core")
    return outcome


def _usual(parts: Sequence[Outcome]) -> float:
    """Return the p99 of the middle one of the runs, whatever single ones were like."""
    return median(each.milliseconds(99) for each in parts)


def _row(runs: dict[str, list[Outcome]], floors: list[float], notes: list[str]) -> Row:
    figures = [
        Figure(
            of=f"p99, {name}",
            unit="ms",
            readings=[
                Reading(value=each.milliseconds(99), load_busy=each.busy) for each in outcomes
            ],
        )
        for name, outcomes in runs.items()
    ]
    bare = Figure(
        of="p99, bare signatures at 70 % of their rate, by simulation",
        unit="ms",
        readings=[Reading(value=each) for each in floors],
        lacks=LACKS,
    )
    return Row(
        name="latency",
        work="p99 from the moment a question was due, P-256 as above, Poisson, at 70 % of capacity",
        figures=[*figures, bare],
        demands=[at_most(each.of, "ms", BOUND_MS, each.value) for each in figures],
        notes=notes,
        runs={name: _middle(outcomes) for name, outcomes in runs.items()},
    )


def _middle(outcomes: list[Outcome]) -> Outcome:
    return sorted(outcomes, key=lambda each: each.milliseconds(99))[len(outcomes) // 2]
