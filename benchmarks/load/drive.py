"""One run, from the first question to the last answer. The page to read first.

Whenever a line is free and a question is due, it is asked; whatever comes back is counted. The
loop knows no sockets and no clock but those it is given.
"""

from collections import deque
from collections.abc import Callable

from benchmarks.load.deck import Deck
from benchmarks.load.lines import Line, Lines, Pending
from benchmarks.load.pace import Pace
from benchmarks.load.tally import Tally

__all__ = ["Drive"]

LOST, UNANSWERED, UNSENT = "connection lost", "not answered in time", "not even sent in time"
LONGEST_WAIT = 50_000_000
"""Nanoseconds, after which the clock is looked at even if nothing happens."""


class Drive:
    """A run's parts, and where it stands."""

    def __init__(
        self,
        *,
        lines: Lines,
        deck: Deck,
        pace: Pace,
        tally: Tally,
        clock: Callable[[], int],
        sample: int,
    ) -> None:
        self._lines, self._deck, self._pace, self._tally = lines, deck, pace, tally
        self._clock = clock
        self._sample = self._until_sample = sample
        self._free: deque[Line] = deque(lines.slots)
        self._busy = 0

    def run(self, *, until: int, grace: int) -> None:
        """Ask until a moment; then wait for what is owed, for `grace` at most.

        One in `sample` answers is kept. What was due before `until` and is not answered by the
        end of the grace is counted as wrong, with the time that it has waited by then.
        """
        while (now := self._clock()) < until:
            self._ask(now, until)
            self._hear(min(max(self._pace.due, now + 1) - now, LONGEST_WAIT), until)
        self._settle(until + grace, until)
        self._give_up(until)

    def _ask(self, now: int, until: int) -> None:
        free, pace, draw = self._free, self._pace, self._deck.draw
        while free and (due := pace.due) <= now and due < until:
            line, (question, nonce) = free.popleft(), draw()
            sampled = None
            self._until_sample -= 1
            if not self._until_sample:
                self._until_sample, sampled = self._sample, (question, nonce)
            now = self._clock()
            line.waiting.append(Pending(pace.take(now), sampled))
            self._busy += 1
            self._lines.ask(line, question, nonce)

    def _hear(self, wait: int, until: int) -> None:
        if not self._free:
            wait = LONGEST_WAIT
        for line, head, body in self._lines.hear(wait / 1e9):
            now = self._clock()
            if head:
                intended, sampled = line.waiting.popleft()
                self._tally.note(head, body, intended, sampled, now)
                self._busy -= 1
                self._free.append(line)
            if head is None or head.closes:
                self._drop(line, now)
            if now < until:
                self._ask(now, until)

    def _drop(self, line: Line, now: int) -> None:
        """Take back what a connection owed that has ended."""
        while line.waiting:
            self._tally.lose(LOST, line.waiting.popleft().intended, now)
            self._busy -= 1
            self._free.append(line)

    def _settle(self, end: int, until: int) -> None:
        """Send what was due and had no line, and hear what is under way."""
        while (now := self._clock()) < end and (self._busy or self._owes(until)):
            if self._owes(until):
                self._ask(now, until)
            self._hear(end - now, until)

    def _owes(self, until: int) -> bool:
        """Tell whether a question was due that has not been asked."""
        return 0 < self._pace.due < until

    def _give_up(self, until: int) -> None:
        now = self._clock()
        for line in set(self._lines.slots):
            for pending in line.waiting:
                self._tally.lose(UNANSWERED, pending.intended, now)
        while self._owes(until):
            self._tally.lose(UNSENT, self._pace.take(now), now)
