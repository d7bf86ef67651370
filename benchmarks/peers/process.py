"""Processes of peers: found, started on a core, waited for and ended."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.cores import on_core

__all__ = [
    "NotInstalled",
    "PeerFailed",
    "at_work",
    "find",
    "free_port",
    "listens",
    "resting",
    "running",
]

PATIENCE = 60.0
"""Seconds until a peer listens, and until it has ended."""


_peers: set[int] = set()
"""Those that run."""


class NotInstalled(Exception):
    """A peer is not here; says how to get it."""


class PeerFailed(Exception):
    """A peer is here and does not do what it should."""


def find(command: str, remedy: str) -> str:
    """Return the path of a command; NotInstalled."""
    path = shutil.which(command, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if path is None:
        raise NotInstalled(f"{command} is not installed; {remedy}")
    return path


def free_port() -> int:
    """Return a port that nobody listens on, for peers that cannot choose one themselves."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def listens(port: int) -> None:
    """Return if somebody does; OSError."""
    socket.create_connection(("127.0.0.1", port), 1.0).close()


@contextmanager
def running(
    command: Sequence[object], *, core: int, log: Path, ready: Callable[[], None]
) -> Iterator[int]:
    """Run a peer for the length of a `with`; gives its process id.

    It is ready once `ready` raises no OSError any more; PeerFailed.
    """
    with log.open("wb") as stream, on_core(core):
        process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
        )
    try:
        _wait(process, ready, log)
        _peers.add(process.pid)
        yield process.pid
    finally:
        _peers.discard(process.pid)
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def resting() -> Iterator[None]:
    """Hold all peers still meanwhile, but for the length of `at_work`.

    One that spins while nobody asks it would take the core of whoever is measured.
    """
    _tell(_peers, signal.SIGSTOP)
    try:
        yield
    finally:
        _tell(_peers, signal.SIGCONT)


@contextmanager
def at_work(processes: Iterable[int]) -> Iterator[None]:
    """Let those peers do their work meanwhile; for use within `resting`."""
    peers = _peers.intersection(processes)
    _tell(peers, signal.SIGCONT)
    try:
        yield
    finally:
        _tell(peers, signal.SIGSTOP)


def _tell(processes: Iterable[int], what: signal.Signals) -> None:
    for each in processes:
        with suppress(ProcessLookupError):
            os.kill(each, what)


def _wait(process: "subprocess.Popen[bytes]", ready: Callable[[], None], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            ready()
            return
        time.sleep(0.05)
    said = log.read_text()[-2000:] if log.is_file() else ""
    raise PeerFailed(f"{process.args!r} is not ready:\n{said}")
