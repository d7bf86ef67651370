"""How long callers would wait for bare signatures on one core: the least that it could show then.

    python -m benchmarks.answering.floor SECONDS PART

A core of a virtual machine is not of one speed. Here it signs without a pause, each signature's
moment is kept, and callers who come at random, at a part of its rate, are dealt with on paper:
the waiting is a simulation, the times of the signatures are real.
"""

import random
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import Sequence

from benchmarks.answering.authority import KeyType, new_key
from benchmarks.cores import on_core
from tashika.pki.algorithms import ECDSA_SHA256, signing

__all__ = ["p99_ms", "waits"]


def p99_ms(core: int, *, seconds: float, part: float) -> float:
    """Sign for so long on a core; return the p99 of those who come at this part of its rate."""
    command = [sys.executable, "-m", "benchmarks.answering.floor", str(seconds), str(part)]
    with on_core(core):
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def waits(moments: Sequence[float], part: float, dice: random.Random) -> list[float]:
    """Return how long each of those waits who come at random, at a part of the rate.

    Between a moment and the next one thing is done; who is dealt with at some time takes as long
    as what was done then. First come, first served, until the moments are over.
    """
    gap = (moments[-1] - moments[0]) / (len(moments) - 1) / part
    came = free = moments[0]
    waited = list[float]()
    while True:
        came += dice.expovariate(1 / gap)
        begins = max(came, free)
        if begins >= moments[-1]:
            return waited
        after = bisect_right(moments, begins)
        free = begins + moments[after] - moments[after - 1]
        waited.append(free - came)


def _moments(seconds: float) -> list[float]:
    sign, data = signing(new_key(KeyType.P256), ECDSA_SHA256), bytes(300)
    moments = [time.perf_counter()]
    while moments[-1] < moments[0] + seconds:
        sign(data)
        moments.append(time.perf_counter())
    return moments


def _main() -> None:
    seconds, part = map(float, sys.argv[1:])
    waited = sorted(waits(_moments(seconds), part, random.Random(1)))
    print(1000 * waited[len(waited) * 99 // 100])


if __name__ == "__main__":
    _main()
