"""The refresher's door for processes of the same machine: "refresh now", answered when done.

A unix socket `refresher.sock` in the run directory, for the service's own user. One line of
JSON is asked, `{"do": "refresh"}`, and one is answered. Paths of sockets hold 108 octets, so
both sides reach it through the opened directory, however deep that lies.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from tashika.pki.errors import TashikaError

__all__ = ["DoorFailed", "listening", "notify"]

NAME = "refresher.sock"
MAX_LINE = 4096
ASK_SECONDS = 5.0
"""How long a caller may take to say its line."""
PATIENCE = timedelta(minutes=2)
"""How long a caller waits for the end of the refresh."""

Answer = dict[str, Any]


class DoorFailed(TashikaError):
    """The socket cannot be made."""


@asynccontextmanager
async def listening(run: Path, refresh: Callable[[], Awaitable[Answer]]) -> AsyncIterator[None]:
    """Call `refresh` for whoever asks and tell them what it returns; hang up on them at the end."""
    conversations: set[asyncio.Task[Any]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        conversations.add(task)
        with closing(writer), suppress(asyncio.CancelledError):
            answer = await refresh() if await _asked(reader) else {"error": 'say {"do": "refresh"}'}
            writer.write(json.dumps(answer).encode() + b"\n")
        conversations.discard(task)

    server = await asyncio.start_unix_server(converse, sock=_bound(run), limit=MAX_LINE)
    try:
        yield
    finally:
        with suppress(OSError):
            (run / NAME).unlink()
        server.close()
        for each in conversations:
            each.cancel()


async def notify(run: Path, *, patience: timedelta = PATIENCE) -> Answer | None:
    """Have everything refreshed now; None if nobody listens, or not to the end."""
    try:
        reader, writer = await asyncio.open_unix_connection(sock=_connected(run), limit=MAX_LINE)
    except OSError:
        return None
    with closing(writer):
        try:
            writer.write(b'{"do": "refresh"}\n')
            line = await asyncio.wait_for(reader.readline(), patience.total_seconds())
            answer: Answer = json.loads(line)
        except (OSError, TimeoutError, ValueError):
            return None
    return answer


async def _asked(reader: asyncio.StreamReader) -> bool:
    try:
        line = await asyncio.wait_for(reader.readline(), ASK_SECONDS)
        return bool(json.loads(line) == {"do": "refresh"})
    except (TimeoutError, ValueError):
        return False


def _bound(run: Path) -> socket.socket:
    door = socket.socket(socket.AF_UNIX)
    try:
        os.fchmod(door.fileno(), 0o600)
        run.mkdir(parents=True, exist_ok=True)
        (run / NAME).unlink(missing_ok=True)  # left by a refresher that was killed
        with _short(run) as directory:
            door.bind(f"{directory}/{NAME}")
    except OSError as wrong:
        door.close()
        raise DoorFailed(f"{run}: {wrong.strerror}; set run to a folder to write in") from wrong
    return door


def _connected(run: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        with _short(run) as directory:
            connection.connect(f"{directory}/{NAME}")
    except OSError:
        connection.close()
        raise
    return connection


@contextmanager
def _short(directory: Path) -> Iterator[str]:
    """Give a directory a path of a few octets."""
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
