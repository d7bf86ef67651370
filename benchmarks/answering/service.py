"""The service under measurement: its real processes, with the workers on a core of their own."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from benchmarks.answering.world import World
from benchmarks.cores import pin

__all__ = ["NotStarted", "Service", "Unmetered"]

PATIENCE = 120.0
"""Seconds until the service is ready. It is killed if it takes longer than this to end."""


class NotStarted(Exception):
    """A process did not become ready; says what it logged."""


class Service:
    """`tashika-server serve` on a world, for the length of a `with`.

    It starts where its caller runs; each worker is then moved, the n-th to the n-th of `cores`.
    """

    def __init__(self, world: World, *, cores: Sequence[int]) -> None:
        self._world, self._cores = world, cores
        self._log = world.directory / "serve.log"
        self.url = self.tls_url = ""
        self.workers: list[int] = []
        """Process ids."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tashika_server", "serve"]
        self._process = _start([*command, str(self._world.configuration)], self._log)
        try:
            self.url = _ready(self._process, self._log)
            self.tls_url = str(self._event("tls_listening")["url"])
            titles = [f"worker-{1 + n}" for n in range(self._world.order.workers)]
            self.workers = [self._pid(title) for title in titles]
            for number, worker in enumerate(self.workers):
                pin(worker, self._cores[number % len(self._cores)])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _end(self._process)

    @property
    def log(self) -> str:
        """Return the last lines of what it has logged."""
        return "\n".join(self._log.read_text().splitlines()[-20:])

    def _pid(self, title: str) -> int:
        return int(str(self._event("child_started", role=title)["pid"]))

    def _event(self, name: str, **fields: str) -> dict[str, object]:
        """Return the newest event of this name with these fields."""
        found: dict[str, object] | None = None
        for line in self._log.read_text().splitlines():
            with suppress(ValueError):
                event = json.loads(line)
                if event.get("event") == name and fields.items() <= event.items():
                    found = event
        if found is None:
            raise NotStarted(f"no event {name}:\n{self.log}")
        return found


class Unmetered:
    """Beside a service, a worker with the same desk and no meter, for the length of a `with`."""

    def __init__(self, world: World, *, core: int) -> None:
        self._world, self._core = world, core
        self._log = world.directory / "unmetered.log"
        self.url = ""
        self.pid = 0

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.answering.unmetered"]
        self._process = _start([*command, str(self._world.configuration)], self._log)
        try:
            self.url = _ready(self._process, self._log)
            self.pid = self._process.pid
            pin(self.pid, self._core)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _end(self._process)


def _start(command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as stream:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stream
        )


def _ready(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Wait for the line that tells the URL."""
    pipe, line = process.stdout, b""
    deadline = time.monotonic() + PATIENCE
    while pipe and not line.endswith(b"\n"):
        readable, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        piece = os.read(pipe.fileno(), 4096) if readable else b""
        if not piece:
            raise NotStarted(f"not ready:\n{log.read_text()[-4000:]}")
        line += piece
    return line.decode().split()[1]


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
