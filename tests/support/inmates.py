"""Confined processes that do what a file tells them: die, hang, lie, or try to get out.

Run by `Confinement` in place of the real program; what a file begins with is what is done.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from errno import errorcode
from pathlib import Path

from tashika_server.refresh import reading
from tashika_server.refresh.confined import keep_reading
from tashika_server.refresh.messages import refusal

PROGRAM = (__file__,)
Files = tuple[int, int, int]


def die(_talk: socket.socket, _files: Files) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hang(_talk: socket.socket, _files: Files) -> None:
    signal.pause()


def spin(talk: socket.socket, files: Files) -> None:
    real = reading._head
    reading._head = lambda file: spinning(real, file)
    reading.read(talk, *files)


def spinning(_real: object, _file: int) -> None:
    while True:
        pass


def swell(talk: socket.socket, files: Files) -> None:
    reading._head = lambda _file: bytearray(1 << 40)
    reading.read(talk, *files)


def say(talk: socket.socket, files: Files) -> None:
    """Say what the file says behind its first line."""
    talk.send(os.pread(files[0], 1 << 17, 0).partition(b"\n")[2])


def break_out(talk: socket.socket, _files: Files) -> None:
    """Try what a process may do that has been taken over, and tell how it went."""
    talk.send(refusal("form", " ".join(map(attempt, ATTEMPTS))))


def attempt(what: Callable[[], object]) -> str:
    try:
        what()
    except OSError as wrong:
        return errorcode[wrong.errno or 0]
    return "done"


ATTEMPTS = (
    lambda: Path("/etc/passwd").read_bytes(),
    lambda: Path("/tmp/taken-over").touch(),  # noqa: S108
    lambda: socket.socket(socket.AF_INET),
    lambda: socket.socket(socket.AF_UNIX),
    os.pipe,
)


def misbehave(talk: socket.socket, *files: int) -> None:
    """Do what the first word of the file says."""
    what = os.pread(files[0], 10, 0).split()[0].decode()
    globals()[what](talk, files)


if __name__ == "__main__":
    keep_reading(socket.socket(fileno=int(sys.argv[1])), json.loads(sys.argv[2]), misbehave)
