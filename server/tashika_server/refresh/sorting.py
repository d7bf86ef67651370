"""Bringing the records of one CRL in order, whatever order they come in."""

from tashika_server.refresh.records import RECORD
from tashika_server.sorting import RUN, Runs, write_all

__all__ = ["Sorter", "Twice"]

SERIAL = 32


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
        self._runs = Runs(file, RECORD.size, run=run)
        self._ordered = True

    def add(self, records: list[bytes], *, ascend: bool) -> None:
        """Take more; `ascend` claims that the serials of all so far did."""
        self._ordered = ascend
        self._runs.add(records)

    def finish(self) -> int:
        """Write what is left and return the file in which all are now; raises Twice."""
        if self._ordered:
            self._runs.write()
            return self._file
        last = b""
        for some in self._runs.merged():
            serials = [last, *(record[:SERIAL] for record in some)]
            if len(set(serials)) < len(serials):
                raise Twice
            last = serials[-1]
            write_all(self._spare, b"".join(some))
        return self._spare
