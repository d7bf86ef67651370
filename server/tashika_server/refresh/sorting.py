"""Sorting more records than memory holds: in runs, which are then merged."""

import heapq
import os
from collections.abc import Iterable, Iterator
from itertools import islice

from tashika_server.refresh.records import RECORD

__all__ = ["Sorter", "Twice"]

RUN = 1 << 18
"""Records that are sorted together, in some 30 MB."""
READ_AHEAD = 1 << 10
"""Records of each run that the merge holds; 50 M make 200 runs."""


class Twice(Exception):
    """Two records have the same serial."""


class Sorter:
    """Takes records in any order and writes them in ascending order of serials.

    Works in two files without names. A list that comes in order, as nearly all do, is written
    once; only another is merged into the second file.
    """

    def __init__(self, file: int, spare: int, *, run: int = RUN) -> None:
        self._file = file
        self._spare = spare
        self._run = run
        self._held: list[bytes] = []
        self._runs: list[range] = []
        self._last = b""
        self._ordered = True

    def add(self, records: list[bytes], *, ascend: bool) -> None:
        """Take more; `ascend` claims that the serials of all so far did."""
        self._ordered = ascend
        self._held += records
        if len(self._held) >= self._run:
            self._write_run()

    def finish(self) -> int:
        """Write what is left and return the file in which all are now; raises Twice."""
        self._write_run()
        if self._ordered:
            return self._file
        merged = _unique(heapq.merge(*(self._read_run(run) for run in self._runs)))
        while block := b"".join(islice(merged, READ_AHEAD)):
            _write(self._spare, block)
        return self._spare

    def _write_run(self) -> None:
        held, self._held = self._held, []
        if not held:
            return
        held.sort()
        first = self._runs[-1].stop if self._runs else 0
        run = range(first, first + len(held))
        if self._runs and self._last < held[0]:
            self._runs[-1] = range(self._runs[-1].start, run.stop)
        else:
            self._runs.append(run)
        self._last = held[-1]
        _write(self._file, b"".join(held))

    def _read_run(self, run: range) -> Iterator[bytes]:
        size = RECORD.size
        for at in range(run.start, run.stop, READ_AHEAD):
            count = min(READ_AHEAD, run.stop - at)
            block = os.pread(self._file, count * size, at * size)
            yield from (block[start : start + size] for start in range(0, len(block), size))


def _unique(records: Iterable[bytes]) -> Iterator[bytes]:
    last = b""
    for record in records:
        serial = record[:32]
        if serial == last:
            raise Twice
        last = serial
        yield record


def _write(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
