"""How many a turn takes: as many as surely fit into its time, by what they have cost lately.

Which answers have to be signed shows when they are drafted, and with a slow key a signature costs
many times the rest. So a turn takes as many as it could sign; if some of them turn out to need no
signature, it has time for more, and takes those.
"""

__all__ = ["MOST", "SECONDS", "SECONDS_ALONE", "SECONDS_EACH", "Pace"]

MOST = 128
"""Answers of a turn at most; what a turn costs itself, 0.7 ms with its sync, is then little."""
SECONDS_EACH = 0.001
"""What a turn may take for each verifier that waits, where several ask: who has just missed one
waits as long. So one that floods has short turns, and does not hold the others up."""
SECONDS = 0.008
"""What it may take for all of them."""
SECONDS_ALONE = 0.1
"""What it may take where one alone has asked for a while: only keys that are slow need it."""
FIRST = 0.001
"""What a signature is taken to cost until one was made: as much as by RSA-2048."""
OLD = 7 / 8
"""What the past counts for in a cost; the last turn counts for the rest."""


class Pace:
    """The turns of one worker; costs are in seconds, and the same for all its keys."""

    def __init__(self) -> None:
        self._signature, self._rest = FIRST, SECONDS / MOST
        self.dearest = self._signature + self._rest
        """What an answer costs that has to be signed."""
        self._left = 0.0
        self._answers = self._to_sign = 0

    def begin(self, seconds: float) -> None:
        """Begin a turn, which may take so long, and longer by a signature that alone takes more."""
        self._left = seconds if self.dearest <= seconds else seconds + self.dearest
        self._answers = self._to_sign = 0

    def room(self) -> int:
        """Return how many more it may take, even if all of them have to be signed."""
        return min(MOST - self._answers, int(self._left / self.dearest))

    def spend(self, answers: int, *, to_sign: int) -> None:
        """Count what it has taken."""
        self._answers += answers
        self._to_sign += to_sign
        self._left -= answers * self._rest + to_sign * self._signature

    def learn(self, *, signing: float, rest: float) -> None:
        """Take note of what the signatures of the turn have cost, and all else in it."""
        if self._answers:
            self._rest = OLD * self._rest + (1 - OLD) * rest / self._answers
        if self._to_sign:
            self._signature = OLD * self._signature + (1 - OLD) * signing / self._to_sign
        self.dearest = self._signature + self._rest
