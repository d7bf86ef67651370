"""Something that goes on beside the answering: a refresh, or the close of a month.

    python -m benchmarks.answering.disturbance AFTER refresh RUN
    python -m benchmarks.answering.disturbance AFTER close CONFIG YYYY-MM

A process of its own, which the load does not wait for: it sleeps AFTER seconds, has the thing
done as an operator would, and prints how many seconds that took.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tashika_server.cli import main as tashika_server
from tashika_server.refresh.control import notify

__all__ = ["Disturbance"]


class Disturbance:
    """One of them, to be begun `after` seconds; for the length of a `with`."""

    def __init__(self, *words: object, after: float) -> None:
        self._words = [str(after), *map(str, words)]
        self.seconds: float | None = None
        """How long it took, once the `with` is over."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.answering.disturbance", *self._words]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        return self

    def __exit__(self, *_: object) -> None:
        said, complaint = self._process.communicate(timeout=600)
        if self._process.returncode:
            raise RuntimeError(f"{self._words} failed: {complaint.decode()[-2000:]}")
        self.seconds = float(said.split()[-1])


def _main(after: str, what: str, *words: str) -> int:
    time.sleep(float(after))
    begun = time.monotonic()
    done = _refresh(words) if what == "refresh" else tashika_server(["month", "close", *words])
    print(f"\n{time.monotonic() - begun:.2f}")
    return done


def _refresh(words: Sequence[str]) -> int:
    answer = asyncio.run(notify(Path(words[0])))
    print(answer)
    return 0 if answer and answer.get("published") == 1 else 1


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
