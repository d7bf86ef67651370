"""The office's door for processes of the same machine: "compile now", answered when done."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

from tashika_server.door import Answer, Door

__all__ = ["Answer", "listening", "notify"]

DOOR = Door(name="office.sock", verb="compile", patience=timedelta(seconds=10))


def listening(
    run: Path, compile_now: Callable[[], Awaitable[Answer]]
) -> AbstractAsyncContextManager[None]:
    """Call `compile_now` for whoever asks and tell them what it returns."""
    return DOOR.listening(run, compile_now)


async def notify(run: Path) -> Answer | None:
    """Let the workers learn of a change now; None if no office runs here, or not to the end."""
    return await DOOR.knock(run)
