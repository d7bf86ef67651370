"""More records than memory holds, in ascending order: sorted in runs, which are then merged.

Records are octets of one size, and sort as octets do. Not for what a record means.
"""

import os
from bisect import bisect_right
from collections.abc import Iterator
from struct import Struct

__all__ = ["Runs", "write_all"]

RUN = 1 << 18
"""Records that are sorted together, in some 30 MB."""
READ_AHEAD = 1 << 10
"""Records of each run that the merge holds; 50 M make 200 runs."""


class Runs:
    """Takes records in any order and gives them back in order; works in a file that is its own."""

    def __init__(self, file: int, size: int, *, run: int = RUN) -> None:
        self._file = file
        self._record = Struct(f"{size}s")
        self._run = run
        self._held: list[bytes] = []
        self._runs: list[range] = []
        self._last = b""

    def add(self, records: list[bytes]) -> None:
        """Take more; raises OSError."""
        self._held += records
        if len(self._held) >= self._run:
            self.write()

    def write(self) -> None:
        """Write what is held; raises OSError."""
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
        write_all(self._file, b"".join(held))

    def merged(self) -> Iterator[list[bytes]]:
        """Yield all records in order, some thousands at a time."""
        self.write()
        blocks = [self._blocks(run) for run in self._runs]
        heads = [next(each) for each in blocks]
        while heads:
            # What is not behind the least of the last ones has no other before it on disk.
            bound = min(head[-1] for head in heads)
            some: list[bytes] = []
            for number, head in enumerate(heads):
                cut = bisect_right(head, bound)
                some += head[:cut]
                heads[number] = head[cut:] or next(blocks[number], [])
            blocks = [each for each, head in zip(blocks, heads, strict=True) if head]
            heads = [head for head in heads if head]
            some.sort()  # of sorted pieces: a merge
            yield some

    def _blocks(self, run: range) -> Iterator[list[bytes]]:
        size = self._record.size
        for at in range(run.start, run.stop, READ_AHEAD):
            count = min(READ_AHEAD, run.stop - at)
            block = os.pread(self._file, count * size, at * size)
            yield [record for (record,) in self._record.iter_unpack(block)]


def write_all(file: int, data: bytes) -> None:
    """Write to the last octet; raises OSError."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
