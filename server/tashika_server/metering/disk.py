"""The few things that a journal asks of a file system, so that tests can have one that fails.

Not for small files that are replaced whole: those are `tashika_server.durable`'s.
"""

import errno
import os
from pathlib import Path
from typing import Protocol

from tashika_server.durable import sync_directory

__all__ = ["Bytes", "Disk", "LocalDisk", "write_all"]

Bytes = bytes | bytearray | memoryview


class Disk(Protocol):
    """Files by descriptor, each written by one thread at a time.

    Every call may raise OSError, and then nobody knows what of it is on the disk. A file's
    bytes and length are durable when `sync` returns, a file's name when `sync_directory` of
    its directory does, and neither before that.
    """

    def make_directory(self, path: Path) -> None:
        """Make a directory unless it is there; what it is to be in is."""
        ...

    def create(self, path: Path) -> int:
        """Open a new, empty file; FileExistsError if there is one."""
        ...

    def open(self, path: Path) -> int:
        """Open a file for reading and writing, which is made if there is none."""
        ...

    def write(self, file: int, data: Bytes, offset: int) -> int:
        """Write from an offset on, perhaps not all; returns how many bytes."""
        ...

    def truncate(self, file: int, size: int) -> None:
        """Cut a file off, or lengthen it by zeros."""
        ...

    def sync(self, file: int) -> None:
        """Make a file's bytes survive a power cut."""
        ...

    def sync_directory(self, path: Path) -> None:
        """Make the names in a directory survive a power cut."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file."""
        ...

    def close(self, file: int) -> None:
        """Let go of a file."""
        ...


class LocalDisk:
    """The file system of this machine; flock must work on it, as on NFS it may not."""

    def make_directory(self, path: Path) -> None:
        """Make a directory for the service's own user."""
        path.mkdir(mode=0o700, exist_ok=True)

    def create(self, path: Path) -> int:
        """Open a new file for the service's own user."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def open(self, path: Path) -> int:
        """Open a file for the service's own user."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, file: int, data: Bytes, offset: int) -> int:
        """Write what the kernel takes at once."""
        return os.pwrite(file, data, offset)

    def truncate(self, file: int, size: int) -> None:
        """Set the length."""
        os.ftruncate(file, size)

    def sync(self, file: int) -> None:
        """Wait for the disk; the times of a file that is merely overwritten may lag behind."""
        os.fdatasync(file)

    def sync_directory(self, path: Path) -> None:
        """Wait for the disk."""
        sync_directory(path)

    def remove(self, path: Path) -> None:
        """Unlink."""
        path.unlink()

    def close(self, file: int) -> None:
        """Close."""
        os.close(file)


def write_all(disk: Disk, file: int, data: Bytes, offset: int) -> None:
    """Write everything, in as many writes as it takes; OSError if the disk takes no more."""
    rest = memoryview(data)
    while rest:
        taken = disk.write(file, rest, offset)
        if not taken:
            raise OSError(errno.EIO, "the disk takes nothing and gives no reason")
        rest, offset = rest[taken:], offset + taken
