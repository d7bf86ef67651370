"""Where files of strangers are read: a process apart, to which a file is handed (T28).

Not for what is said there (`hearing`), nor for what the process does (`confined`).
"""

import json
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Protocol, Self

__all__ = ["Cell", "CellLimits", "Confinement", "ConfinementFailed"]

MIB = 2**20
PROGRAM = ("-m", "tashika_server.refresh.confined")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLimits:
    """What reading one file may take (T30)."""

    memory: int = 512 * MIB
    """Octets of address space; a reader of 300,000 entries has 79 MB resident."""
    seconds: int = 600
    """Of processor time: 50 M entries at 3.6 us each, as on a busy core, are three minutes."""
    written: int = 4096 * MIB
    """Octets of each of the two files of entries; 50 M of 45 are 2.2 GB."""


class ConfinementFailed(Exception):
    """No process can be had that reads; the system is short of something. Says of what."""


class Cell(Protocol):
    """Takes files in and lets them be read, one talk to a file; for one thread at a time."""

    def enter(self, *files: int) -> socket.socket:
        """Hand three files over: one to be read, two to be written; raises ConfinementFailed.

        Returns the near end of the talk. The far end is closed when the reading has ended, in
        whatever way.
        """

    def raze(self) -> None:
        """End whatever is being read; the next file finds a new process."""


class Confinement:
    """A Cell in a process of its own, which is started when it is first needed."""

    def __init__(
        self, limits: CellLimits = CellLimits(), *, program: tuple[str, ...] = PROGRAM
    ) -> None:
        self._limits = limits
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._door: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.raze()

    def enter(self, *files: int) -> socket.socket:
        """Hand three files over; raises ConfinementFailed."""
        try:
            with suppress(BrokenPipeError):  # it has been killed meanwhile
                return self._hand_over(*files)
            self.raze()
            return self._hand_over(*files)
        except OSError as wrong:
            self.raze()
            raise ConfinementFailed(f"no process can be started: {wrong.strerror}") from wrong

    def raze(self) -> None:
        """End the process and all that it has begun."""
        if self._process and self._door:
            self._process.kill()
            self._process.wait()
            self._door.close()
        self._process = self._door = None

    def _hand_over(self, *files: int) -> socket.socket:
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far:
            try:
                socket.send_fds(self._open_door(), [b"?"], [far.fileno(), *files])
            except OSError:
                near.close()
                raise
        return near

    def _open_door(self) -> socket.socket:
        if self._door is None:
            self._door, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            told = (str(inside.fileno()), json.dumps(asdict(self._limits)))
            with inside:
                # -I and no environment: nothing of ours but the program itself goes in.
                self._process = subprocess.Popen(
                    [sys.executable, "-I", *self._program, *told],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env={},
                    pass_fds=(inside.fileno(),),
                    start_new_session=True,
                )
        return self._door
