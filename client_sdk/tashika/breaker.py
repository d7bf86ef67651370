"""The circuit breaker of one source: a responder that keeps failing is left alone (C12)."""

from collections.abc import Callable

from tashika.causes import Cause
from tashika.errors import SourceFailed
from tashika.policy import BreakerLimits


class Breaker:
    """Closed until so many failures in a row, then open, then one probe a rest period.

    ``monotonic`` returns seconds that never go back. For one event loop only.
    """

    def __init__(self, limits: BreakerLimits, monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._failures = 0
        self._probe_at = 0.0

    def admit(self) -> None:
        """Let a question through, or raise SourceFailed at once."""
        if self._failures < self._limits.failures:
            return
        now = self._monotonic()
        if now < self._probe_at:
            raise SourceFailed(Cause.RESTING)
        # This question is the probe. The next one waits for its outcome, or
        # for another rest period should the probe never report.
        self._rest_from(now)

    def succeeded(self) -> None:
        """Take note of an answer, whatever it said."""
        self._failures = 0

    def failed(self) -> bool:
        """Take note that no answer came; returns True where that opens the breaker."""
        self._failures += 1
        self._rest_from(self._monotonic())
        return self._failures == self._limits.failures

    def _rest_from(self, now: float) -> None:
        self._probe_at = now + self._limits.rest.total_seconds()
