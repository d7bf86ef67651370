"""The door of a process for others of the same machine: "do it now", answered when it is done.

A unix socket in the run directory, for the service's own user. One line of JSON is asked, such
as `{"do": "refresh"}`, and one is answered. Paths of sockets hold 108 octets, so both sides
reach it through the opened directory, however deep that lies.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from tashika.pki.errors import TashikaError
from tashika_server.log import get_log

__all__ = ["Answer", "Door", "DoorFailed"]

log = get_log()

MAX_LINE = 64 * 1024
"""An answer may name all that is wrong with a configuration."""
ASK_SECONDS = 5.0
"""How long a caller may take to say its line."""

Answer = dict[str, Any]


class DoorFailed(TashikaError):
    """The socket cannot be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One thing that a process does for whoever asks at its socket."""

    name: str
    """Of the socket's file."""
    verb: str
    patience: timedelta
    """How long a caller waits for the end of it."""

    @asynccontextmanager
    async def listening(
        self, run: Path, act: Callable[[], Awaitable[Answer]]
    ) -> AsyncIterator[None]:
        """Call `act` for whoever asks and tell them what it returns; hang up on them at the end."""
        conversations: set[asyncio.Task[Any]] = set()

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = cast("asyncio.Task[Any]", asyncio.current_task())
            conversations.add(task)
            task.add_done_callback(conversations.discard)
            with closing(writer), suppress(asyncio.CancelledError):
                answer: Answer = {"error": f"say {self._question}"}
                if await self._asked(reader):
                    try:
                        answer = await act()
                    except Exception:
                        log.exception("door_act_failed", door=self.name)
                        return
                writer.write(json.dumps(answer).encode() + b"\n")

        listener = _bound(run, self.name)
        server = await asyncio.start_unix_server(converse, sock=listener, limit=MAX_LINE)
        try:
            yield
        finally:
            with suppress(OSError):
                (run / self.name).unlink()
            server.close()
            for each in conversations:
                each.cancel()

    async def knock(self, run: Path, *, patience: timedelta | None = None) -> Answer | None:
        """Have it done now; None if nobody listens, or not to the end."""
        try:
            connection = _connected(run, self.name)
            reader, writer = await asyncio.open_unix_connection(sock=connection, limit=MAX_LINE)
        except OSError:
            return None
        with closing(writer):
            try:
                writer.write(self._question.encode() + b"\n")
                wait = (patience or self.patience).total_seconds()
                answer: Answer = json.loads(await asyncio.wait_for(reader.readline(), wait))
            except (OSError, ValueError):
                return None
        return answer

    @property
    def _question(self) -> str:
        return json.dumps({"do": self.verb})

    async def _asked(self, reader: asyncio.StreamReader) -> bool:
        try:
            line = await asyncio.wait_for(reader.readline(), ASK_SECONDS)
            return bool(json.loads(line) == {"do": self.verb})
        except (OSError, RecursionError, ValueError):
            return False


def _bound(run: Path, name: str) -> socket.socket:
    door = socket.socket(socket.AF_UNIX)
    try:
        os.fchmod(door.fileno(), 0o600)
        run.mkdir(parents=True, exist_ok=True)
        (run / name).unlink(missing_ok=True)  # left by a process that was killed
        with _short(run) as directory:
            door.bind(f"{directory}/{name}")
    except OSError as wrong:
        door.close()
        raise DoorFailed(f"{run}: {wrong.strerror}; set run to a folder to write in") from wrong
    return door


def _connected(run: Path, name: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        with _short(run) as directory:
            connection.connect(f"{directory}/{name}")
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
