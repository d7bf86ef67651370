"""The confined process: the program that reads files of strangers, with almost no rights.

Run as `python -I -m tashika_server.refresh.confined DESCRIPTOR LIMITS`. It waits for files at
the socket with that number and forks for each, so no file meets what another has left. Not for
use from within the service: that is `cell`.
"""

import ctypes
import gc
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from tashika_server.refresh.reading import OutOfTime, read

__all__ = ["Job", "confine", "keep_reading"]

Job = Callable[[socket.socket, int, int, int], None]
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_FILES_OF_ONE = 4
"""Its end of the talk, the file, and two for the records."""
_GRACE_SECONDS = 2
"""Between the signal that time is over and the end."""


def keep_reading(door: socket.socket, limits: dict[str, int], job: Job = read) -> None:
    """Fork for whatever comes in at the door, until it is closed."""
    signal.signal(signal.SIGCHLD, _reap)
    _renounce(_PR_SET_NO_NEW_PRIVS, 1)
    gc.freeze()
    while (came := socket.recv_fds(door, 1, _FILES_OF_ONE))[0]:
        if os.fork() == 0:
            door.close()
            _do(job, came[1], limits)
        for descriptor in came[1]:
            os.close(descriptor)


def _reap(_signal: int, _frame: FrameType | None) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _do(job: Job, descriptors: list[int], limits: dict[str, int]) -> None:
    status = 1
    try:
        confine(limits)
        talk, *files = descriptors
        job(socket.socket(fileno=talk), *files)
        status = 0
    finally:
        os._exit(status)  # whatever was raised: nobody is there to read of it


def confine(limits: dict[str, int]) -> None:
    """Give up, for good, what reading a file does not need.

    No further file or socket can be opened, so there is neither disk nor network beyond the
    descriptors at hand; memory, processor time and the size of what is written are bounded.
    """
    parent = os.getppid()
    _renounce(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _renounce(_PR_SET_DUMPABLE, 0)
    if os.getppid() != parent:
        os._exit(1)
    gc.disable()  # nothing here refers to itself
    signal.signal(signal.SIGXCPU, _out_of_time)
    seconds = limits["seconds"]
    for what, soft, hard in (
        (resource.RLIMIT_CPU, seconds, seconds + _GRACE_SECONDS),
        (resource.RLIMIT_AS, limits["memory"], limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["written"], limits["written"]),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NPROC, 0, 0),
        (resource.RLIMIT_NOFILE, 0, 0),
    ):
        resource.setrlimit(what, (soft, hard))


def _out_of_time(_signal: int, _frame: FrameType | None) -> None:
    raise OutOfTime


def _renounce(what: int, value: int) -> None:
    if _LIBC.prctl(what, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


_LIBC = ctypes.CDLL(None, use_errno=True)

if __name__ == "__main__":
    keep_reading(socket.socket(fileno=int(sys.argv[1])), json.loads(sys.argv[2]))
