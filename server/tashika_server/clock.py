"""The one place that asks the machine for the time of day.

Only the rims of the service (processes, commands) own a Clock; everything inside is told the
time as `at: datetime`, aware and in UTC. Durations are measured with `time.monotonic`.
"""

from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Tells the time. Safe from any thread; may step backwards when the machine is corrected."""

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC."""
        return datetime.now(UTC)
