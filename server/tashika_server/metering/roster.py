"""Which streams there are on a node, and which of them still have a writer.

    journal/roster          a line for each stream, durable before the stream's first record and
                            after the header of its first segment
    journal/STREAM/lock     held by the stream's writer (flock) for as long as it lives

So a stream that has vanished shows, and one whose writer has died can be read to its end without
waiting. A line is a CRC-32 in hexadecimal and JSON with a dense number. Lines are only appended,
by one process at a time; a last line that was cut off has no stream yet and is overwritten.
"""

import fcntl
import json
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from typing import NamedTuple

from tashika_server.metering.disk import Disk, write_all
from tashika_server.metering.record import SLOT_BYTES, Header
from tashika_server.metering.segment import (
    GIVEN_UP_BYTES,
    HEADED,
    first_slot,
    is_begun,
    segment_path,
)
from tashika_server.metering.spare import prepare
from tashika_server.metering.usage import instant

__all__ = [
    "Listed",
    "Roster",
    "found_stream",
    "is_held",
    "read_roster",
    "strays",
    "stream_directory",
]

_LINE = re.compile(rb"([0-9a-f]{8}) (\{[^\n]*\})\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One stream, as it was entered when it began."""

    number: int
    stream: bytes
    node: str
    pid: int
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The streams in the order in which they began."""

    streams: tuple[Listed, ...]
    harm: str
    """What is wrong with the lines, for a person; empty where they are whole."""
    end: int
    """Where the next line belongs."""


def stream_directory(journal: Path, stream: bytes) -> Path:
    """Name the directory of a stream."""
    return journal / stream.hex()


def read_roster(journal: Path) -> Roster:
    """Read the lines there are; none if there is no roster yet. Raises OSError.

    What a line lost does not keep the others from being read.
    """
    try:
        return _parse((journal / "roster").read_bytes())
    except FileNotFoundError:
        return _parse(b"")


def strays(journal: Path) -> tuple[Path, ...]:
    """Find the directories of streams that have begun and are not on the roster.

    None is ever left like this, whatever is killed when: the roster has lost a line. A header
    alone is no beginning, for it comes before the line. Raises OSError.
    """
    begun = [each for each in journal.glob("[0-9a-f]" * 32) if is_begun(each, 1, HEADED)]
    listed = {each.stream.hex() for each in read_roster(journal).streams}
    return tuple(each for each in begun if each.name not in listed)


class Founded(NamedTuple):
    """What the writer of a new stream has open."""

    lock: int
    segment: int


def found_stream(disk: Disk, journal: Path, header: Header, *, node: str) -> Founded:
    """Begin the stream of a header with its first segment, and hold its lock. Raises OSError.

    On return all of it survives a power cut. The lock and the segment's header come before the
    line on the roster: nobody takes a stream that is only beginning for a dead one, nor one that
    was emptied for one that is only beginning.
    """
    directory = stream_directory(journal, header.stream)
    lock = None
    try:
        disk.make_directory(journal)
        disk.make_directory(directory)
        lock = _hold(disk, directory)
        segment = prepare(disk, segment_path(directory, 1), header.slots * SLOT_BYTES)
        write_all(disk, segment, first_slot(header), 0)
        disk.sync(segment)
        disk.sync_directory(journal)
        disk.sync_directory(journal.parent)
    except OSError:
        _give_back(disk, lock)
        rmtree(directory, ignore_errors=True)
        raise
    try:
        _enlist(disk, journal, header, node)
    except OSError:
        # The line may be there or not: the stream stays, with nothing in it and no room taken.
        # Not even so is the file empty: one that is has lost what was in it.
        with suppress(OSError):
            disk.truncate(segment, 0)
            disk.truncate(segment, GIVEN_UP_BYTES)
            disk.sync(segment)
        _give_back(disk, lock, segment)
        raise
    return Founded(lock, segment)


def _enlist(disk: Disk, journal: Path, header: Header, node: str) -> None:
    with _alone(disk, journal / "roster") as file:
        roster = read_roster(journal)
        entry = Listed(
            number=roster.streams[-1].number + 1 if roster.streams else 1,
            stream=header.stream,
            node=node,
            pid=os.getpid(),
            started_at=instant(header.made_at),
        )
        disk.truncate(file, roster.end)
        write_all(disk, file, _line(entry), roster.end)
        disk.sync(file)
    disk.sync_directory(journal)


def _give_back(disk: Disk, *files: int | None) -> None:
    for file in files:
        if file is not None:
            with suppress(OSError):
                disk.close(file)


# --- Locks ----------------------------------------------------------------------------------


def _hold(disk: Disk, directory: Path) -> int:
    """Take the lock of a stream of one's own; it lasts until the descriptor is closed.

    A process that is forked later holds it too.
    """
    file = disk.open(directory / "lock")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def is_held(directory: Path) -> bool:
    """Tell whether a stream's writer lives; OSError if there is no lock to look at."""
    file = os.open(directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


@contextmanager
def _alone(disk: Disk, path: Path) -> Iterator[int]:
    file = disk.open(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        disk.close(file)


# --- Lines ----------------------------------------------------------------------------------


def _line(entry: Listed) -> bytes:
    said = {
        "number": entry.number,
        "stream": entry.stream.hex(),
        "node": entry.node,
        "pid": entry.pid,
        "started_at": entry.started_at.isoformat(),
    }
    text = json.dumps(said).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _parse(data: bytes) -> Roster:
    streams: list[Listed] = []
    harm, end, at = "", 0, 0
    for line in data.splitlines(keepends=True):
        at += len(line)
        entry = _read_line(line)
        if entry is None:
            continue
        due = streams[-1].number + 1 if streams else 1
        if entry.number != due or at - len(line) != end:
            harm = f"line {due} of the roster is damaged or missing"
        streams.append(entry)
        end = at
    return Roster(streams=tuple(streams), harm=harm, end=end)


def _read_line(line: bytes) -> Listed | None:
    """Read a line; None unless it is whole."""
    found = _LINE.fullmatch(line)
    if found is None or int(found[1], 16) != zlib.crc32(found[2]):
        return None
    try:
        said = json.loads(found[2])
        return Listed(
            number=int(said["number"]),
            stream=bytes.fromhex(said["stream"]),
            node=str(said["node"]),
            pid=int(said["pid"]),
            started_at=datetime.fromisoformat(said["started_at"]),
        )
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
