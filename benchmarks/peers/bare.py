"""Bare signatures from Python, by the library that the service signs with, in one thread.

python -m benchmarks.peers.bare p256|rsa2048 SECONDS
"""

import subprocess
import sys
import time

from benchmarks.answering.authority import KeyType, new_key
from benchmarks.cores import on_core
from tashika.pki.algorithms import ECDSA_SHA256, RSA_SHA256, sign

__all__ = ["LACKS", "signatures_a_second"]

LACKS = "signs 300 octets, and does nothing else"
BATCH = 50


def signatures_a_second(kind: KeyType, seconds: int, *, core: int) -> float:
    """Return what one process signs on this core."""
    with on_core(core):
        command = [sys.executable, "-m", "benchmarks.peers.bare", kind, str(seconds)]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _sign(kind: KeyType, seconds: float) -> float:
    key, data, done = new_key(kind), bytes(300), 0
    algorithm = RSA_SHA256 if kind is KeyType.RSA2048 else ECDSA_SHA256
    begun = now = time.perf_counter()
    while now < begun + seconds:
        for _ in range(BATCH):
            sign(key, algorithm, data)
        done += BATCH
        now = time.perf_counter()
    return done / (now - begun)


if __name__ == "__main__":
    print(_sign(KeyType(sys.argv[1]), float(sys.argv[2])))
