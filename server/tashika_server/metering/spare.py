"""The next segment of a journal, made ahead of its need: a file of zeros, whole and durable.

No answer waits for a file to grow then, and a disk that has become full stops the journal at the
end of a segment rather than within. Not for what is written into a segment.
"""

from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path

from tashika_server.log import get_log
from tashika_server.metering.disk import Disk, write_all

__all__ = ["Spare", "prepare"]

log = get_log()

_PIECE = bytes(2**20)
"""Synced one by one: a sync of answers has to wait for one of them at most."""


class Spare:
    """A segment in the making, or made."""

    def __init__(self, disk: Disk, path: Path, size: int, executor: Executor) -> None:
        """Begin, in the executor."""
        self._disk, self._path, self._taken = disk, path, False
        self._making = executor.submit(prepare, disk, path, size)
        self._making.add_done_callback(_tell)

    def take(self) -> int:
        """Return the open file, when it is done; raises OSError."""
        file = self._making.result()
        self._taken = True
        return file

    def discard(self) -> None:
        """Close the file, when it is done; remove it, unless a seal may speak of it already."""
        if not self._making.cancel():
            self._making.add_done_callback(self._let_go)

    def _let_go(self, made: Future[int]) -> None:
        if made.exception() is None:
            with suppress(OSError):
                self._disk.close(made.result())
                if not self._taken:
                    self._disk.remove(self._path)


def _tell(made: Future[int]) -> None:
    """Warn while the segment before is still being filled."""
    if not made.cancelled() and (wrong := made.exception()):
        log.error("journal_runs_out", reason=str(wrong))


def prepare(disk: Disk, path: Path, size: int) -> int:
    """Make a durable file of so many zeros and return it, open; raises OSError, leaving none."""
    file = disk.create(path)
    try:
        for offset in range(0, size, len(_PIECE)):
            write_all(disk, file, _PIECE[: size - offset], offset)
            disk.sync(file)
        disk.sync_directory(path.parent)
    except OSError:
        with suppress(OSError):
            disk.close(file)
            disk.remove(path)
        raise
    return file
