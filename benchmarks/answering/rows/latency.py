"""How long callers wait at 70 % of what the service can do, whatever else it is doing."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime

from benchmarks.answering.authority import KeyType
from benchmarks.answering.crowd import fill_last_month
from benchmarks.answering.disturbance import Disturbance
from benchmarks.answering.figures import Demand, Figure, Reading, Row, Sense
from benchmarks.answering.parties import Loaded
from benchmarks.answering.rows.scene import Bench, ours, served
from benchmarks.answering.world import World
from benchmarks.cores import urgent
from benchmarks.load.outcome import Outcome
from benchmarks.load.run import Order

__all__ = ["latency"]

PART = 0.7
"""Of the capacity, measured right before."""
BOUND_MS = 10.0
CHANGES = 100_000
"""Of one refresh; a tenth of the entries where these are fewer, or they are out of bounds."""
VERIFIERS = 1000
"""With usage in the month that is closed."""
STRETCH = 10
"""So many times as long as other runs: a refresh of this size takes most of a minute."""


def latency(bench: Bench) -> Row:
    """Measure p99 with nothing else going on, during a refresh, and during a month's close."""
    changes = min(CHANGES, bench.entries // 10)

    def prepare(world: World) -> None:
        book, at = world.directory / "book.sqlite", datetime.now(UTC)
        month.append(str(fill_last_month(book, verifiers=VERIFIERS, at=at)))

    def refresh() -> Disturbance:
        world.publish(changes, number=2, at=datetime.now(UTC))
        return Disturbance("refresh", world.directory / "run", after=begin)

    def close() -> Disturbance:
        return Disturbance("close", world.configuration, month[0], after=begin)

    month, begin = list[str](), bench.spell.warm_up + 1
    with served(bench, KeyType.P256, prepare=prepare) as (world, service):
        us = ours(world, service)
        capacity = us.measure(bench.spell).value
        order = replace(
            us.order,
            rate=PART * capacity,
            connections=64,
            seconds=STRETCH * bench.spell.seconds,
            warm_up=bench.spell.warm_up,
        )
        runs, notes = {}, [f"70 % of {capacity:,.0f} answers a second, Poisson arrivals"]
        for name, disturb in (
            ("quiet", nullcontext),
            (f"refresh of {changes:,} changes", refresh),
            (f"close of a month of {VERIFIERS:,} verifiers", close),
        ):
            runs[name], note = _disturbed(us, order, disturb)
            notes += [f"{name}: {each}" for each in note]
    return _row(runs, notes)


def _disturbed(
    us: Loaded, order: Order, disturb: Callable[[], AbstractContextManager[object]]
) -> tuple[Outcome, list[str]]:
    with disturb() as disturbance, urgent() as is_urgent:
        outcome, _ = us.run(order)
    notes = [] if is_urgent else ["the load had to wait for its core, which others share"]
    if isinstance(disturbance, Disturbance):
        notes.append(f"took {disturbance.seconds:.1f} s of {order.seconds:.0f}")
    return outcome, notes


def _row(runs: dict[str, Outcome], notes: list[str]) -> Row:
    figures = [
        Figure(
            of=f"p99, {name}",
            unit="ms",
            readings=[Reading(value=outcome.milliseconds(99), load_busy=outcome.busy)],
        )
        for name, outcome in runs.items()
    ]
    return Row(
        name="latency",
        work="p99 from the moment a question was due, P-256 as above, at 70 % of capacity",
        figures=figures,
        demands=[
            Demand(
                what=each.of, unit="ms", sense=Sense.AT_MOST, bound=BOUND_MS, measured=each.value
            )
            for each in figures
        ],
        notes=notes,
        runs=runs,
    )
