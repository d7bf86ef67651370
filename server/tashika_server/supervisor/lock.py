"""The lock of a run directory: the service and all its children hold it."""

import fcntl
import os
import time
from pathlib import Path

from tashika_server.supervisor.errors import StartRefused

__all__ = ["take_lock"]

LOCK_SECONDS = 5.0
"""Orphans of a killed supervisor are gone within two seconds; then the lock is free."""


def take_lock(run: Path) -> int:
    """Take the lock and return its descriptor, for children to inherit; raises StartRefused.

    The kernel lets go of it when the last of them is gone, so two services never share an
    index or a socket file, not even for the second that orphans take to end.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(run / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as wrong:
        raise StartRefused(f"{run}: {wrong.strerror}; set run to a folder to write in") from wrong
    give_up = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                os.close(descriptor)
                raise StartRefused(f"another serve runs on {run}; stop that one first") from None
            time.sleep(0.05)
        else:
            return descriptor
