"""What the table is made of: readings, figures, demands and rows. Values only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median

from benchmarks.load.outcome import Outcome

__all__ = ["Demand", "Figure", "Reading", "Row", "Sense", "at_most", "ratio", "times"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One measurement."""

    value: float
    service_busy: float | None = None
    """Part of its core that the service used; well below 1, something else was the limit."""
    load_busy: float | None = None
    """The same of the load; near 1, it was the limit itself."""
    p99_ms: float | None = None
    """Of the callers, who asked again as soon as they were answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of the table, by its readings in the order of the rounds."""

    of: str
    unit: str
    readings: Sequence[Reading]
    lacks: str = ""
    """What is not done for it that we do."""
    at: float | None = None
    """Where it stands on the axis of a row that has one."""

    @property
    def value(self) -> float:
        """Return the median."""
        return median(each.value for each in self.readings)


class Sense(StrEnum):
    """Which side of a bound is the good one."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What must be shown, and what was."""

    what: str
    unit: str
    sense: Sense
    bound: float
    measured: float

    @property
    def is_met(self) -> bool:
        """Tell whether it was shown."""
        if self.sense is Sense.AT_LEAST:
            return self.measured >= self.bound
        return self.measured <= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of work."""

    name: str
    work: str
    figures: Sequence[Figure]
    demands: Sequence[Demand] = ()
    notes: Sequence[str] = field(default=())
    """Whoever is left out and why; what a reader must know."""
    axis: str = ""
    """What `Figure.at` counts; rows that have one are drawn."""
    has_failed: bool = False
    """It could not be measured; a note says why."""
    runs: Mapping[str, Outcome] = field(default_factory=dict)
    """Runs that are worth a picture."""


def at_most(what: str, unit: str, bound: float, measured: float) -> Demand:
    """Demand that something be no more than this."""
    return Demand(what=what, unit=unit, sense=Sense.AT_MOST, bound=bound, measured=measured)


def times(ours: Figure, theirs: Figure, bound: float) -> Demand:
    """Demand that one figure be at least so many times the other."""
    return Demand(
        what=f"{ours.of} / {theirs.of}",
        unit="times",
        sense=Sense.AT_LEAST,
        bound=bound,
        measured=ratio(ours, theirs),
    )


def ratio(ours: Figure, theirs: Figure) -> float:
    """Return the median of the ratios, round by round: both had the machine's same mood."""
    pairs = zip(ours.readings, theirs.readings, strict=True)
    return median(one.value / other.value for one, other in pairs)
