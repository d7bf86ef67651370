"""Orders that come again because no reply was seen: each is done once and answered alike.

A client that wants this sends a key of its own making with an order (Idempotency-Key); a secret
that the first reply showed is in the second one too. In memory and bounded: after a restart of
the office a repeated order is a new one, and has to pass the registry's rules again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from tashika_server.console.problems import KeyReused

__all__ = ["Repeats"]

KEPT = timedelta(minutes=10)
"""How long a client may go on trying."""
MOST = 1000
"""Orders remembered at a time; beyond, the oldest is forgotten."""

T = TypeVar("T")
Key = tuple[str, str]
"""Of whom, and the key itself: one operator's key is nothing to another."""


@dataclass(frozen=True, slots=True)
class _Order(Generic[T]):
    digest: bytes
    until: datetime
    reply: "asyncio.Task[T]"


class Repeats(Generic[T]):
    """The orders of the last minutes. For one event loop."""

    def __init__(self) -> None:
        self._orders: OrderedDict[Key, _Order[T]] = OrderedDict()

    async def once(
        self, key: Key, digest: bytes, at: datetime, act: Callable[[], Coroutine[Any, Any, T]]
    ) -> T:
        """Do it, or return what came or will come of it; KeyReused for another order's key.

        `digest` tells orders apart. What fails was not done, and may be tried again.
        """
        self._forget(at)
        order = self._orders.get(key)
        if order is None:
            order = _Order(digest, at + KEPT, asyncio.create_task(act()))
            self._orders[key] = order
            order.reply.add_done_callback(lambda reply: self._drop_failed(key, reply))
        if order.digest != digest:
            raise KeyReused
        return await asyncio.shield(order.reply)

    def _drop_failed(self, key: Key, reply: "asyncio.Task[T]") -> None:
        if reply.cancelled() or reply.exception():
            self._orders.pop(key, None)

    def _forget(self, at: datetime) -> None:
        while self._orders:
            key, oldest = next(iter(self._orders.items()))
            if at < oldest.until and len(self._orders) < MOST:
                return
            del self._orders[key]
