"""Files that are either the old one or the new one, never half of each, whatever is killed when.

For files that are replaced whole. Not for files that grow, nor for the index, which
LMDB keeps whole.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from secrets import token_hex

__all__ = ["Durability", "sync_directory", "write_atomically", "write_new", "write_once"]


class Durability(StrEnum):
    """What an answer waits for."""

    DISK = "disk"
    """The disk says that the record is on it. A power cut loses no answer that was given."""
    OS = "os"
    """The operating system has the record. A killed worker loses nothing, a power cut may."""


def write_atomically(path: Path, data: bytes | Iterable[bytes], *, mode: int = 0o644) -> None:
    """Replace the file at `path` by `data` in one step; on return it survives a power cut.

    What is too long for memory comes in parts. `mode` is what the file gets, whatever the
    umask. Raises OSError (no space, read-only) and leaves the old file then; a killed writer
    leaves a `.new` file behind, which nothing reads.
    """
    fresh = path.with_name(f".{path.name}.{token_hex(4)}.new")
    try:
        _write(fresh, data, mode)
        fresh.replace(path)
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise
    sync_directory(path.parent)


def write_once(path: Path, data: bytes, *, mode: int) -> None:
    """Put a file at `path` unless there is one; on return what is there survives a power cut.

    Several processes may do so at once and end up with one file. Raises OSError.
    """
    with suppress(FileExistsError):
        write_new(path, data, mode=mode)
    sync_directory(path.parent)


def write_new(path: Path, data: bytes, *, mode: int) -> None:
    """Put a file where there is none, whole; raises FileExistsError and any other OSError."""
    fresh = path.with_name(f".{path.name}.{token_hex(4)}.new")
    try:
        _write(fresh, data, mode)
        path.hardlink_to(fresh)
    finally:
        fresh.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes | Iterable[bytes], mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.writelines([data] if isinstance(data, bytes) else data)
        file.flush()
        os.fsync(file.fileno())
