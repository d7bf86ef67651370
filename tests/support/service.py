"""Runs `tashika-server serve` as the real processes it is, and kills what a test wants killed.

    with Service(lab_directory) as service:
        ask(service.url)
        service.kill("worker-1")

Every wait has a deadline, and nothing of the service outlives the `with`.
"""

import io
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from support.lab import FAST
from tashika_server.lab import found_world

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds for anything to happen on a machine that six test processes share."""


def wait_until(claim: Callable[[], T], what: str, *, seconds: float = PATIENCE) -> T:
    """Return the first true value of `claim`; fail with `what` once the time is up."""
    deadline, pause = time.monotonic() + seconds, 0.01
    while time.monotonic() < deadline:
        if value := claim():
            return value
        time.sleep(pause)
        pause = min(2 * pause, 0.05)  # to ask is work as well, and mostly a process starts
    raise AssertionError(f"not within {seconds} s: {what}")


def make_lab(directory: Path) -> Path:
    """Found a small world as of now, since real processes know no other time."""
    found_world(directory, FAST, at=datetime.now(UTC)).close()
    return directory


class Service:
    """One running service; its log is `log`, JSON lines."""

    def __init__(
        self,
        directory: Path,
        *,
        config: Path | None = None,
        command: Sequence[str] = ("-m", "tashika_server", "serve"),
    ) -> None:
        self.config = config or directory / "tashika.toml"
        self._command = command
        self.log = directory / f"serve-{time.monotonic_ns()}.log"
        self.url = ""

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self._command, str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        try:
            self.url = self._ready_line()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        pids = [*self.children().values(), self.process.pid]
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        wait_until(lambda: not any(map(is_alive, pids)), "the end of every process")

    def _ready_line(self) -> str:
        assert self.process.stdout
        deadline = time.monotonic() + PATIENCE
        line = b""
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([self.process.stdout], [], [], 0.1)
            if readable:
                piece = os.read(self.process.stdout.fileno(), 4096)
                assert piece, f"the service ended before it was ready:\n{self.log.read_text()}"
                line += piece
            assert time.monotonic() < deadline, f"not ready:\n{self.log.read_text()}"
        word, url = line.decode().split()
        assert word == "ready"
        return url

    def children(self) -> dict[str, int]:
        """Return the pid of each child process that lives, by its title; orphans too."""
        return {
            argument.removeprefix("--title="): pid
            for pid, arguments in _arguments()
            if str(self.config) in arguments and is_alive(pid)
            for argument in arguments
            if argument.startswith("--title=")
        }

    def kill(self, title: str) -> int:
        """Send one process SIGKILL, "supervisor" included; return its pid once it is gone."""
        pid = self.process.pid if title == "supervisor" else self.children()[title]
        os.kill(pid, signal.SIGKILL)
        if title == "supervisor":
            self.process.wait(PATIENCE)
        wait_until(lambda: not is_alive(pid), f"the end of {title}")
        return pid

    def wait_for_successor(self, title: str, of: int) -> int:
        """Return the pid of the process that has taken the place of pid `of`."""
        return (
            wait_until(
                lambda: (pid := self.children().get(title)) and pid != of and pid,
                f"a new {title}",
            )
            or 0
        )

    def stop(self) -> int:
        """Ask the service to end as a service manager would; return its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log's events of this name so far."""
        return [event for event in self._log_lines(name) if event.get("event") == name]

    def wait_for_event(self, name: str, *, more_than: int = 0) -> dict[str, Any]:
        """Return the newest event of this name once there are more than so many."""
        wait_until(lambda: len(self.events(name)) > more_than, f"the log event {name}")
        return self.events(name)[-1]

    def _log_lines(self, name: str) -> Iterator[dict[str, Any]]:
        for line in self.log.read_text().splitlines():
            if name in line:
                with suppress(ValueError):
                    yield json.loads(line)


def is_alive(pid: int) -> bool:
    """Tell whether the process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _arguments() -> Iterator[tuple[int, list[str]]]:
    """List the command line of every process there is; who waits asks twenty times a second."""
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - half the time
        with suppress(FileNotFoundError, ProcessLookupError), _cmdline(name) as file:
            yield int(name), file.read().decode().split("\0")


def _cmdline(name: str) -> io.FileIO:
    return io.FileIO(f"/proc/{name}/cmdline")
