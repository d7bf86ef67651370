"""The refresher's door for processes of the same machine: "refresh now", answered when done."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

from tashika_server.door import Answer, Door, DoorFailed

__all__ = ["Answer", "DoorFailed", "listening", "notify"]

DOOR = Door(name="refresher.sock", verb="refresh", patience=timedelta(minutes=2))


def listening(
    run: Path, refresh: Callable[[], Awaitable[Answer]]
) -> AbstractAsyncContextManager[None]:
    """Call `refresh` for whoever asks and tell them what it returns; hang up on them at the end."""
    return DOOR.listening(run, refresh)


async def notify(run: Path, *, patience: timedelta | None = None) -> Answer | None:
    """Have everything refreshed now; None if nobody listens, or not to the end."""
    return await DOOR.knock(run, patience=patience)
