"""Those who wait for an answer: each verifier in a queue of its own, served in turn.

One that asks a hundred times its share waits for itself; the others hardly notice. How many may
wait is bounded, and so is for how long it is worth while. Who shows no credential is a stranger,
however many addresses there are to come from, and makes room for those who do.
"""

from collections import deque
from ipaddress import IPv6Address
from itertools import islice
from typing import Generic, TypeVar

from tashika_server.agreements.presented import Address

__all__ = ["STRANGER", "Ageing", "Line", "stranger"]

STRANGER = "?"
"""What the key of a stranger begins with."""
ONE_SITE = 128 - 48
"""Bits of an IPv6 address within one site (RFC 6177: from /64 up to /48)."""

MOST = 4096
"""Who may wait in one worker: with 8 kB of question each, 32 MB."""
MOST_EACH = 1024
"""Of one verifier. Four that flood leave no room, and have to make it for others."""
LOOKED_AT = 32
"""Queues among which the longest is looked for, so that it costs little who is turned away."""

T = TypeVar("T")


def stranger(source: Address) -> str:
    """Return the key of somebody who shows no credential: the network of the source.

    Who has an address of IPv6 has as many as they like of its site. They wait as one, or a
    single machine would have a turn for each address that it makes up (T18).
    """
    if isinstance(source, IPv6Address):
        source = IPv6Address(int(source) >> ONE_SITE << ONE_SITE)
    return f"{STRANGER}{source}"


class Line(Generic[T]):
    """Queues by key, taken from in turn (fair queueing); within one, first come first served."""

    def __init__(self, *, most: int = MOST, most_each: int = MOST_EACH) -> None:
        self._most, self._most_each = most, most_each
        self._queues: dict[str, deque[T]] = {}
        """In the order in which they are served next; none is empty."""
        self._strangers: dict[str, deque[T]] = {}
        """The queues of strangers, the newest last; one that is empty is out of the line."""
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def keys(self) -> int:
        """How many different ones wait."""
        return len(self._queues)

    def join(self, key: str, one: T) -> bool:
        """Put one at the end of the queue of its key; False where there is no room."""
        queue = self._queues.get(key)
        if queue is None:
            if self._length >= self._most:
                return False
            queue = self._queues[key] = deque((one,))
            if key.startswith(STRANGER):
                self._enter_stranger(key, queue)
        elif len(queue) >= self._most_each or self._length >= self._most:
            return False
        else:
            queue.append(one)
        self._length += 1
        return True

    def make_room(self, key: str) -> T | None:
        """Take somebody out of a full line for the next of a key, who then has his place.

        It is the stranger who came last, unless the next one is a stranger himself; else the last
        of a queue that is longer by two or more. None where it is not the whole line that is
        full, or nobody like that is found.
        """
        if self._length < self._most:
            return None
        own = len(self._queues.get(key, ()))
        if not key.startswith(STRANGER) and own < self._most_each:
            stranger = self._last_stranger()
            if stranger is not None:
                return stranger
        longest = max(islice(self._queues.values(), LOOKED_AT), key=len)
        if len(longest) < own + 2:
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

    def _enter_stranger(self, key: str, queue: deque[T]) -> None:
        if len(self._strangers) >= 2 * self._most:
            self._strangers = {key: queue for key, queue in self._strangers.items() if queue}
        self._strangers.pop(key, None)
        self._strangers[key] = queue

    def _last_stranger(self) -> T | None:
        """Take out the last one of the newest queue of a stranger."""
        while self._strangers:
            key, queue = self._strangers.popitem()
            if queue:
                one = queue.pop()
                self._length -= 1
                if queue:
                    self._strangers[key] = queue
                else:
                    del self._queues[key]
                return one
        return None


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
