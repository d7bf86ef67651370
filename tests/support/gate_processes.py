"""What worker processes do in tests of the gate; apart, so that a spawned process finds it."""

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from support.verifiers import AT
from tashika_server.agreements.limits import Allowance, Buckets
from tashika_server.agreements.notes import ensure_key

if TYPE_CHECKING:
    import multiprocessing


def take_for(
    seconds: float, path: Path, rate: float, burst: int, results: "multiprocessing.Queue[int]"
) -> None:
    """Take one by one as fast as it goes, as one of three workers."""
    allowed = Allowance(rate=rate, burst=burst, daily=None, most=1)
    buckets = Buckets(path, workers=3, monotonic=time.monotonic)
    bucket, taken, end = buckets.bucket("A-1", allowed), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        taken += bucket.take(1, AT) is None
    results.put(taken)


def key_of(path: Path) -> bytes:
    """Make the key of the refusals' ids, unless another process does."""
    ensure_key(path)
    return path.read_bytes()


def die_with_the_lock(path: Path, row: int) -> None:
    Buckets(path, workers=2, monotonic=time.monotonic).lock(row)
    os.kill(os.getpid(), signal.SIGKILL)
