"""Those who wait for an answer: each verifier in a queue of its own, served in turn.

One that asks a hundred times its share waits for itself; the others hardly notice. How many may
wait is bounded, and so is for how long it is worth while.
"""

from collections import deque
from collections.abc import Hashable
from itertools import islice
from typing import Generic, TypeVar

__all__ = ["Ageing", "Line"]

MOST = 4096
"""Who may wait in one worker: with 8 kB of question each, 32 MB."""
MOST_EACH = 1024
"""Of one verifier. Four that flood leave no room, and have to make it for others."""
LOOKED_AT = 32
"""Queues among which the longest is looked for, so that it costs little who is turned away."""

T = TypeVar("T")


class Line(Generic[T]):
    """Queues by key, taken from in turn (fair queueing); within one, first come first served."""

    def __init__(self, *, most: int = MOST, most_each: int = MOST_EACH) -> None:
        self._most, self._most_each = most, most_each
        self._queues: dict[Hashable, deque[T]] = {}
        """In the order in which they are served next; none is empty."""
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def join(self, key: Hashable, one: T) -> bool:
        """Put one at the end of the queue of its key; False where there is no room."""
        queue = self._queues.get(key)
        if queue is None:
            if self._length >= self._most:
                return False
            self._queues[key] = deque((one,))
        elif len(queue) >= self._most_each or self._length >= self._most:
            return False
        else:
            queue.append(one)
        self._length += 1
        return True

    def make_room(self, key: Hashable) -> T | None:
        """Take out the last one of a queue that is longer by two or more, for the next of a key.

        None where it is not the whole line that is full, or no such queue is found.
        """
        if self._length < self._most:
            return None
        longest = max(islice(self._queues.values(), LOOKED_AT), key=len)
        if len(longest) < len(self._queues.get(key, ())) + 2:
            return None
        self._length -= 1
        return longest.pop()

    def take(self, most: int) -> list[T]:
        """Take so many out, one of each key after the other."""
        taken: list[T] = []
        while self._queues and len(taken) < most:
            key = next(iter(self._queues))
            queue = self._queues.pop(key)
            # Who is alone in the line need not let anybody go first.
            share = 1 if self._queues else most - len(taken)
            while queue and share:
                taken.append(queue.popleft())
                share -= 1
            if queue:
                self._queues[key] = queue
        self._length -= len(taken)
        return taken


class Ageing:
    """How long somebody may have waited and still be served: controlled delay (RFC 8289).

    A line that was short at some moment of the last `interval` is a burst, which is worked off.
    One that was not is standing: more comes than can be served, and to let everybody wait as
    long would serve nobody in time. Then who has waited longer than `target` is turned away.
    """

    def __init__(self, *, target: float = 1.0, interval: float = 5.0) -> None:
        """Both in seconds; nobody waits longer than `interval` at all."""
        self._target, self._interval = target, interval
        self._short_at: float | None = None
        """When the line was last short."""

    def note(self, now: float, longest_wait: float) -> None:
        """Note for how many seconds anybody has waited by now."""
        if longest_wait <= self._target or self._short_at is None:
            self._short_at = now

    def limit(self, now: float) -> float:
        """Return the longest wait, in seconds, with which one is still served."""
        standing = self._short_at is not None and now - self._short_at > self._interval
        return self._target if standing else self._interval
