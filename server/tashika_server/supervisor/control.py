"""The supervisor's door for processes of the same machine: "reload now", answered when done."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

from tashika_server.door import Answer, Door
from tashika_server.supervisor.errors import NotServed, ReloadFailed, ReloadRefused

__all__ = ["ask_for_reload", "listening"]

DOOR = Door(name="supervisor.sock", verb="reload", patience=timedelta(minutes=5))


def listening(
    run: Path, reload: Callable[[], Awaitable[Answer]]
) -> AbstractAsyncContextManager[None]:
    """Call `reload` for whoever asks and tell them what it returns."""
    return DOOR.listening(run, reload)


async def ask_for_reload(run: Path) -> Answer:
    """Have the service of a run directory take its configuration up anew.

    Returns the `file` it has read, and which processes are `late` to be at work. Raises
    ReloadRefused, ReloadFailed and NotServed.
    """
    answer = await DOOR.knock(run)
    if answer is None:
        raise NotServed(f"no service has answered in {run}; start it, or look at its log")
    if refused := answer.get("refused"):
        raise ReloadRefused(refused)
    if failed := answer.get("failed"):
        raise ReloadFailed(f"{failed}; the service goes on with the configuration it had")
    return answer
