"""Events as OpenTelemetry metrics; needs the extra ``tashika[opentelemetry]``.

::

    client = AsyncClient(url, observer=OpenTelemetryObserver())

``tashika.events`` counts certificates and ``tashika.duration`` times what took time, with the
attributes ``tashika.what``, ``tashika.cause`` and ``server.address`` (an origin).
"""

from typing import TYPE_CHECKING

from tashika.errors import WrongUse
from tashika.observing import Event

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

__all__ = ["OpenTelemetryObserver"]


class OpenTelemetryObserver:
    """Counts and times with a meter; the global provider's unless one is given."""

    def __init__(self, meter: "Meter | None" = None) -> None:
        try:
            from opentelemetry.metrics import get_meter  # noqa: PLC0415 - an extra
        except ImportError as missing:
            raise WrongUse(
                "needs opentelemetry-api: pip install 'tashika[opentelemetry]'"
            ) from missing
        meter = meter or get_meter("tashika")
        self._events = meter.create_counter(
            "tashika.events", unit="{certificate}", description="What the tashika SDK did."
        )
        self._seconds = meter.create_histogram(
            "tashika.duration", unit="s", description="How long it took."
        )

    def note(self, event: Event) -> None:
        """Count one event."""
        attributes = {"tashika.what": event.what.value}
        if event.source:
            attributes["server.address"] = event.source
        if event.seconds is not None:
            self._seconds.record(event.seconds, attributes)
        if event.cause:
            attributes = {**attributes, "tashika.cause": event.cause.value}
        self._events.add(event.certificates, attributes)
