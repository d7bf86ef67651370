"""What a nation's compact set costs: its size, and a look-up by the SDK."""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.answering.figures import Figure, Reading, Row, at_most
from benchmarks.compact_set import BOUND_LOOK_UP, BOUND_OCTETS, Costs, Factory, costs
from benchmarks.data.bench import Bench

__all__ = ["compact"]

NATION = 20_000_000
"""More are not revoked among a nation's serials of one issuer."""
ISSUED = 10
"""Serials, one after the other, for each that is revoked."""


def compact(bench: Bench) -> Row:
    """Make a compact set, a tenth of the issued serials revoked, and look up in it by the SDK."""
    found = {size: _made(bench, size) for size in {min(each, NATION) for each in bench.sizes}}
    octets = [_figure("set", "MB", size, each.octets / 1e6) for size, each in found.items()]
    times = [_figure("look-up", "us", size, each.look_up[1]) for size, each in found.items()]
    reports = [_figure("report", "us", size, each.report[1]) for size, each in found.items()]
    largest = max(found)
    megabytes = BOUND_OCTETS * ISSUED * largest / 1e6
    return Row(
        name="compact",
        work=f"compact sets, one of {ISSUED} issued serials revoked, without times and reasons",
        figures=[*octets, *times, *reports],
        demands=[
            at_most("set", "MB", megabytes, found[largest].octets / 1e6),
            at_most("look-up", "us", BOUND_LOOK_UP, found[largest].look_up[1]),
        ],
        notes=[
            f"the bound is {BOUND_OCTETS:.2f} octets for each issued serial",
            f"opened and verified from end to end in {1000 * found[largest].opening:.0f} ms",
            "a report is a look-up and a check of the times, as an immutable value",
        ],
    )


def _made(bench: Bench, revoked: int) -> Costs:
    with TemporaryDirectory(dir=bench.directory) as name, ExitStack() as spools:
        factory = Factory(Path(name), spools)
        return costs(Path(name), factory, issued=ISSUED * revoked, revoked=revoked)


def _figure(of: str, unit: str, revoked: int, value: float) -> Figure:
    return Figure(of=f"{of}, {revoked:,}", unit=unit, readings=[Reading(value=value)], at=revoked)
