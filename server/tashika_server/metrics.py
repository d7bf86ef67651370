"""Counters whose label values are a closed set, written out where they are made.

A label that takes its value from a request (a serial, a path, a verifier's input) grows
without end, so a value outside the set is counted as `other` (T32). The numbers are kept in
each process, written to a file now and then (`metrics_file`), and shown by the office.
"""

from collections.abc import Iterable

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

__all__ = ["OTHER", "Level", "Tally"]

OTHER = "other"


class Tally:
    """Counts events by one label of a closed set of values."""

    def __init__(
        self,
        name: str,
        text: str,
        *,
        label: str,
        allowed: Iterable[str],
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        counter = Counter(name, text, [label], registry=registry)
        # Children are made here so that every series exists, at nought, from the start.
        self._children = {value: counter.labels(value) for value in {*allowed, OTHER}}

    def count(self, value: str, by: int = 1) -> None:
        """Add one, or `by`, under `value`, or under `other` where the set does not have it."""
        self._children.get(value, self._children[OTHER]).inc(by)


class Level:
    """Shows a value that rises and falls, for each label value of a configuration."""

    def __init__(
        self, name: str, text: str, *, label: str, registry: CollectorRegistry = REGISTRY
    ) -> None:
        self._gauge = Gauge(name, text, [label], registry=registry)

    def show(self, value: str, level: float) -> None:
        """Set the level under `value`, which comes from a configuration and from no caller."""
        self._gauge.labels(value).set(level)
