"""The place on disk where one file is taken in; gone when that has ended, however it ended.

Not for anything that must last: what a killed process leaves is swept at the next start.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["Room", "sweep"]

PREFIX = "room-"


class Room:
    """A directory of one's own; not for two threads at once. Raises OSError where disks fail."""

    def __init__(self, path: Path, files: ExitStack) -> None:
        self.file = path / "fetched"
        """Where the fetched file goes."""
        self._path = path
        self._files = files

    @classmethod
    @contextmanager
    def within(cls, spool: Path) -> "Iterator[Room]":
        """Make one in a directory, which is made if need be, and remove it in the end."""
        spool.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=spool, prefix=PREFIX) as path, ExitStack() as files:
            yield cls(Path(path), files)

    def scratch(self) -> BinaryIO:
        """Open a nameless empty file; it is closed with the room."""
        return self._files.enter_context(tempfile.TemporaryFile(dir=self._path))


def sweep(spool: Path) -> None:
    """Remove the rooms that a killed process has left; no other may be at work there."""
    for left in spool.glob(f"{PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)
