"""Single flight: who wants what is already being asked waits for that answer (C14)."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


@dataclass(slots=True)
class _Flight(Generic[_T]):
    task: asyncio.Task[_T]
    waiting: int = 0


class Flights(Generic[_T]):
    """One task for each name, however many wait for it. For one event loop."""

    def __init__(self) -> None:
        self._under_way: dict[bytes, _Flight[_T]] = {}

    async def join(self, name: bytes, start: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Return what the task under this name returns; start it unless it is under way.

        A waiter that is cancelled leaves the others alone; the last one
        cancels the task, and returns when that has ended.
        """
        flight = self._under_way.get(name)
        if flight is None:
            flight = self._under_way[name] = _Flight(asyncio.create_task(start()))
            flight.task.add_done_callback(lambda _: self._land(name, flight))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._land(name, flight)
                flight.task.cancel()
                await asyncio.wait([flight.task])

    def is_under_way(self, name: bytes) -> bool:
        """Tell whether somebody waits for this."""
        return name in self._under_way

    def _land(self, name: bytes, flight: "_Flight[_T]") -> None:
        if self._under_way.get(name) is flight:
            del self._under_way[name]
