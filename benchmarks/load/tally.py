"""What came back: how much, how late, how it looked, and a sample to be verified afterwards."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from benchmarks.load.deck import Question
from benchmarks.load.framing import Head
from benchmarks.load.histogram import Histogram

__all__ = ["Evidence", "Slot", "Tally"]

OK = 200
ERROR_BYTES = 5
"""Length of an OCSPResponse without an answer (RFC 6960 4.2.1): 30 03 0A 01 and its status."""
OCSP_ERRORS = {
    1: "malformedRequest",
    2: "internalError",
    3: "tryLater",
    5: "sigRequired",
    6: "unauthorized",
}


class Evidence(NamedTuple):
    """A question, and what was said to it."""

    question: Question
    nonce: bytes
    body: bytes
    heard: datetime
    """When; by the end of a long run what was said at its beginning has run out."""


class Slot:
    """What came within one stretch of time."""

    __slots__ = ("answers", "begin", "latencies")

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.answers = 0
        """Of status 200, with an answer in them."""
        self.latencies = Histogram()
        """Of these, and of the refused and the unanswered."""


class Tally:
    """Counts replies, in slots of `width` nanoseconds from `begin`."""

    def __init__(
        self,
        *,
        begin: int,
        width: int,
        told: Callable[[Slot], None],
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._width, self._wall = width, wall
        self._told = told
        self._slot = Slot(begin)
        self._end = begin + width
        self.slots = [self._slot]
        self.replies: Counter[tuple[int, int]] = Counter()
        """By HTTP status and length of the body."""
        self.wrong: Counter[str] = Counter()
        """Everything that was no answer, in words."""
        self.evidence: list[Evidence] = []

    def note(
        self,
        head: Head,
        body: bytes,
        intended: int,
        sampled: tuple[Question, bytes] | None,
        now: int,
    ) -> None:
        """Count a reply that came just now."""
        if now >= self._end:
            self._go_on(now)
        slot, length = self._slot, head.length
        slot.latencies.add(now - intended)
        self.replies[head.status, length] += 1
        if head.status != OK:
            self.wrong[f"HTTP {head.status}"] += 1
        elif length <= ERROR_BYTES:
            self.wrong[f"OCSP {OCSP_ERRORS.get(body[-1] if body else -1, 'nothing')}"] += 1
        else:
            slot.answers += 1
            if sampled:
                self.evidence.append(Evidence(*sampled, body, self._wall()))

    def lose(self, what: str, intended: int, now: int) -> None:
        """Count a question that got no reply; it waited at least until now."""
        if now >= self._end:
            self._go_on(now)
        self.wrong[what] += 1
        self._slot.latencies.add(now - intended)

    def _go_on(self, now: int) -> None:
        """Begin the slot of this moment, and those before it in which nothing came."""
        while now >= self._end:
            self._told(self._slot)
            self._slot = Slot(self._end)
            self.slots.append(self._slot)
            self._end += self._width
