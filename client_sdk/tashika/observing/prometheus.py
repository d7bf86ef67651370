"""Events as Prometheus metrics; needs the extra ``tashika[prometheus]``.

::

    client = AsyncClient(url, observer=PrometheusObserver())

``tashika_events_total{what,source,cause}`` counts certificates, and
``tashika_seconds{what,source}`` times them. Origins come from the configuration and causes from
an enumeration, so the number of series is bounded.
"""

from typing import TYPE_CHECKING

from tashika.errors import WrongUse
from tashika.observing import Event

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["PrometheusObserver"]

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class PrometheusObserver:
    """Counts and times in a registry, the default one unless given; one for all clients.

    Raises WrongUse for a second one in a registry, and without the extra.
    """

    def __init__(self, registry: "CollectorRegistry | None" = None) -> None:
        try:
            from prometheus_client import REGISTRY, Counter, Histogram  # noqa: PLC0415 - an extra
        except ImportError as missing:
            raise WrongUse(
                "needs prometheus-client: pip install 'tashika[prometheus]'"
            ) from missing
        registry = registry or REGISTRY
        try:
            self._events = Counter(
                "tashika_events",
                "What the tashika SDK did, by certificates.",
                ["what", "source", "cause"],
                registry=registry,
            )
        except ValueError as twice:
            raise WrongUse(
                "this registry has such an observer already: give the same one to every client"
            ) from twice
        self._seconds = Histogram(
            "tashika_seconds",
            "How long it took.",
            ["what", "source"],
            buckets=_BUCKETS,
            registry=registry,
        )

    def note(self, event: Event) -> None:
        """Count one event."""
        source, cause = event.source or "", event.cause.value if event.cause else ""
        self._events.labels(event.what.value, source, cause).inc(event.certificates)
        if event.seconds is not None:
            self._seconds.labels(event.what.value, source).observe(event.seconds)
