"""One worker's usage journal: what is durable when, and what a crash leaves.

    journal = Journal.begin(...)
    context = journal.context(Context(...))
    first = journal.note(context, ...)         in memory
    journal.flush()                            the commit point: now the answer may be released
                                               (or begin_flush and finish_flush: the second is)
    journal.settle(first, 1, HANDED_OVER)      in memory; said by one of the next records

The argument, for durability `disk`:

1. Before a stream's first record, its lock, its first segment with its header and its line on
   the roster are durable. Killed before that it leaves nothing that counts.
2. A record is durable when the fdatasync of its flush returns, and no answer is released before.
   Killed or cut off within a flush, any part of that flush may be on disk; reading takes the
   whole slots up to the first that is not (`segment`). None of their answers was released.
3. Nothing is written before everything written earlier is synced, except within one flush. So
   an unreadable slot before a later flush is damage, never a crash.
4. That an answer was handed over is said after the fact. Of those of which it was not yet said
   when the writer died, nobody can tell. These are what was in flight or settled since the last
   flush, and heartbeats bound the latter. They are read as Delivery.UNKNOWN.
5. The next segment's file is durable before the seal of a full one, and that seal before the
   next one's first slot. So neither can be missing.
6. A write or sync that fails ends the stream for good (rule 9). What it was to bring may be there
   or not, as in 2. The next stream is in other files and begins with 1.

With durability `os` nothing is synced: this holds for a killed process, not for a power cut.
"""

import errno
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes
from typing import Final
from zlib import crc32

from tashika.pki.errors import TashikaError
from tashika_server.durable import Durability
from tashika_server.metering.disk import Disk, write_all
from tashika_server.metering.record import (
    CHECKSUM,
    HEAD,
    MAX_PARTS,
    SLOT,
    SLOT_BYTES,
    Content,
    Ending,
    Header,
    Kind,
    Seal,
    abandoned_content,
    context_contents,
    header_content,
    mark_content,
    seal_content,
    seed,
)
from tashika_server.metering.roster import Founded, found_stream, stream_directory
from tashika_server.metering.segment import MIN_SEGMENT_BYTES, segment_path
from tashika_server.metering.spare import Spare
from tashika_server.metering.syncing import Sync, Syncing
from tashika_server.metering.usage import Context, Delivery, instant, microseconds

__all__ = ["MIN_SEGMENT_BYTES", "SEGMENT_BYTES", "Journal", "JournalStopped", "StopCause"]

SEGMENT_BYTES = 16 * 2**20
"""A quarter of a million answers."""
MAX_BACK = 2_000_000
"""Microseconds by which the clock may be put back; records wait that long at one time."""

_CLOSING = 2 * SLOT_BYTES
"""Kept free for the MARK and the SEAL that close a segment."""
_NEEDED = (MAX_PARTS + 1) * SLOT_BYTES
"""Room for the longest context and an answer."""

# For the hot path.
_usage: Final = SLOT.pack
_checksum: Final = CHECKSUM.pack
_USAGE: Final = int(Kind.USAGE)
_ABANDONED: Final = Delivery.ABANDONED


class StopCause(StrEnum):
    """Why a stream takes no more."""

    NO_SPACE = "no_space"
    DISK = "disk"
    CLOCK = "clock"
    ENDED = "ended"


class JournalStopped(TashikaError):
    """The stream takes no more, for good: nothing that counts may be answered from it."""

    def __init__(self, cause: StopCause, text: str) -> None:
        super().__init__(text)
        self.cause = cause


class Journal:
    """One stream, from its first record until its seal or the first thing that fails.

    Not for two threads. Once it has stopped, `note`, `flush` and `beat` raise JournalStopped.
    """

    stream: bytes
    """16 octets at random."""
    sequence: int
    """The number that the next answer will have; the first has 0."""
    at: int
    """The time of the last record, in microseconds since 1970 UTC."""
    stopped: JournalStopped | None

    # Octets that wait to be written, up to where they may reach, and the segment's before them.
    _used: int
    _room: int
    _base: int
    # Where those begin that are not synced yet, and what the segment's checksums begin with.
    _group: int
    _seed: int

    @classmethod
    def begin(
        cls,
        directory: Path,
        *,
        node: str,
        durability: Durability,
        disk: Disk,
        executor: Executor,
        segment_bytes: int,
        at: datetime,
    ) -> "Journal":
        """Begin a stream in a node's directory of journals; raises JournalStopped if it cannot.

        `executor` makes segments ahead of their need; one thread is right.
        """
        if segment_bytes < MIN_SEGMENT_BYTES or segment_bytes % SLOT_BYTES:
            raise ValueError(f"a segment has slots of 64 octets, and {MIN_SEGMENT_BYTES} or more")
        stream = token_bytes(16)
        header = Header(durability, segment_bytes // SLOT_BYTES, 1, stream, microseconds(at))
        try:
            founded = found_stream(disk, directory, header, node=node)
        except OSError as wrong:
            raise _failed(wrong, f"no journal can be begun in {directory}") from wrong
        own = stream_directory(directory, stream)
        return cls(stream, own, founded, durability, disk, executor, segment_bytes, at)

    def __init__(  # noqa: PLR0917 - `begin` alone calls it
        self,
        stream: bytes,
        directory: Path,
        founded: Founded,
        durability: Durability,
        disk: Disk,
        executor: Executor,
        segment_bytes: int,
        at: datetime,
    ) -> None:
        self.stream, self.sequence, self.at = stream, 0, microseconds(at)
        self.stopped = None
        self._directory, self._durability, self._size = directory, durability, segment_bytes
        self._disk, self._executor, self._lock = disk, executor, founded.lock
        self._contexts: dict[Context, int] = {}
        self._contents: list[list[Content]] = []
        self._dealt = 0
        self._settled: set[int] = set()
        self._under_way: Sync | None = None
        self._slots: list[bytes] = []
        self._enter(1, founded.segment)

    def context(self, context: Context) -> int:
        """Return the number by which this stream's records name a context.

        ValueError if its texts are too long for a journal.
        """
        if (number := self._contexts.get(context)) is None:
            number = len(self._contents)
            self._contents.append(context_contents(number, context))
            self._contexts[context] = number
        return number

    def note(  # noqa: PLR0917 - keywords cost time with each answer
        self,
        context: int,
        standing: int,
        occasion: int,
        generation: int,
        pseudonym: bytes,
        at: int,
    ) -> int:
        """Note an answer about one certificate, in memory, and return its number.

        Its time is `at` or that of the record before, whichever is later: `self.at` then.
        """
        if self._used >= self._room or at < self.at or context not in self._declared:
            at = self._prepare(context, at)
        sequence, used = self.sequence, self._used
        place, lag = (self._base + used) // SLOT_BYTES, sequence - self._dealt
        # fmt: off
        body = _usage(_USAGE, standing, occasion, place, self._group, lag, sequence,
                      generation, at, context, pseudonym)
        # fmt: on
        self._slots.append(body + _checksum(crc32(body, self._seed)))
        self._used = used + SLOT_BYTES
        self.sequence, self.at = sequence + 1, at
        return sequence

    def flush(self) -> None:
        """Make durable what was noted and settled before."""
        self.finish_flush()
        if self._used:
            self._write()
            self._sync()

    def begin_flush(self, syncing: Syncing, then: Callable[[], None]) -> bool:
        """Begin what flush() does, and say whether finish_flush() has anything to wait for.

        When `then` is called, it has to wait no more. What is noted meanwhile is for the next
        flush: whatever would write waits until this one is over (3).
        """
        self._check()
        self._write()
        # Nothing that is noted from here on will be written before this is synced.
        self._group = self._base // SLOT_BYTES
        if self._durability is Durability.DISK:
            try:
                self._under_way = syncing.begin(self._disk, self._file, then)
            except OSError as wrong:
                raise self._fail(wrong, "the journal cannot be synced") from wrong
        return self._under_way is not None

    def finish_flush(self) -> None:
        """Wait for the flush that was begun; nothing to do if there is none."""
        self._check()
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            try:
                under_way.wait()
            except OSError as wrong:
                raise self._fail(wrong, "the journal cannot be synced") from wrong

    def settle(self, first: int, count: int, delivery: Delivery) -> None:
        """Say in memory what became of answers, each once; a stopped stream says no more."""
        if self.stopped is not None:
            return
        if delivery is _ABANDONED:
            with suppress(JournalStopped):  # whoever notes or flushes next is told
                self._make_room(SLOT_BYTES)
                self._append(abandoned_content(first, count, self.at))
        if first == self._dealt:
            self._dealt += count
        else:
            self._settled.update(range(first, first + count))
        while self._settled and self._dealt in self._settled:
            self._settled.remove(self._dealt)
            self._dealt += 1

    def beat(self, at: datetime) -> None:
        """Make durable what is settled, and that nothing from before the present will follow.

        This is where a clock that runs back is found out.
        """
        self._check()
        now = microseconds(at)
        if self.at - now > MAX_BACK:
            self._seal(Ending.LAST)
            text = f"the clock ran back from {instant(self.at)} to {at}; see to its source"
            raise self._stop(StopCause.CLOCK, text)
        self.at = max(now, self.at)
        self._make_room(SLOT_BYTES)
        self._append(mark_content(self.at))
        self.flush()

    def end(self) -> None:
        """Seal the stream; what is not settled yet will never be. Again does nothing."""
        if self.stopped is None:
            with suppress(JournalStopped):
                self._seal(Ending.LAST)
                self._stop(StopCause.ENDED, "the journal was ended")

    # --- Room -------------------------------------------------------------------------------

    def _prepare(self, context: int, at: int) -> int:
        """Have in the segment all that a record needs; returns the record's time."""
        self._check()
        self._make_room(SLOT_BYTES if context in self._declared else _NEEDED)
        if context not in self._declared:
            for part in self._contents[context]:
                self._append(part)
            self._declared.add(context)
        return max(at, self.at)

    def _make_room(self, needed: int) -> None:
        """Have room for so many octets, in the next segment if need be."""
        if self._size - self._base - self._used < needed + _CLOSING:
            self._roll()
        self._set_room()

    def _set_room(self) -> None:
        self._room = self._size - self._base - _CLOSING

    def _roll(self) -> None:
        """Go on in the next segment, which is there before this one is sealed."""
        try:
            file = self._spare.take()
        except OSError as wrong:
            self._seal(Ending.LAST)
            raise self._fail(wrong, "there is no next segment") from wrong
        self._seal(Ending.FULL)
        with suppress(OSError):  # all of it is synced
            self._disk.close(self._file)
        self._enter(self._number + 1, file)

    def _enter(self, number: int, file: int) -> None:
        """Begin a segment, in memory."""
        self._number, self._file, self._first = number, file, self.sequence
        self._base = self._used = self._group = 0
        self._seed, self._digest = seed(self.stream, number), sha256()
        self._declared: set[int] = set()
        slots = self._size // SLOT_BYTES
        self._append(header_content(Header(self._durability, slots, number, self.stream, self.at)))
        self._set_room()
        following = segment_path(self._directory, number + 1)
        self._spare = Spare(self._disk, following, self._size, self._executor)

    # --- Slots and the disk -----------------------------------------------------------------

    def _append(self, content: Content) -> None:
        """Add a slot to what is to be written; there is room."""
        place, lag = (self._base + self._used) // SLOT_BYTES, self.sequence - self._dealt
        head = (content.kind, *content.small, place, self._group, lag, self.sequence)
        body = HEAD.pack(*head, content.rest)
        self._slots.append(body + _checksum(crc32(body, self._seed)))
        self._used += SLOT_BYTES

    def _write(self) -> None:
        """Hand to the operating system what is to be written, once all before it is synced."""
        self.finish_flush()
        data = b"".join(self._slots)
        self._digest.update(data)
        try:
            write_all(self._disk, self._file, data, self._base)
        except OSError as wrong:
            raise self._fail(wrong, "the journal cannot be written") from wrong
        self._base += self._used
        self._used = 0
        self._slots.clear()
        self._set_room()

    def _sync(self) -> None:
        if self._durability is Durability.DISK:
            try:
                self._disk.sync(self._file)
            except OSError as wrong:
                raise self._fail(wrong, "the journal cannot be synced") from wrong
        # The commit point. Everything noted before is on the disk, and its answers may go out.
        self._group = self._base // SLOT_BYTES

    def _seal(self, why: Ending) -> None:
        """Close the segment for good, with all that is to be written."""
        self._append(mark_content(self.at))
        self._write()
        seal = Seal(why, self._digest.digest(), self.sequence - self._first)
        self._append(seal_content(seal))
        self._write()
        self._sync()

    # --- The end ----------------------------------------------------------------------------

    def _check(self) -> None:
        if self.stopped is not None:
            raise JournalStopped(self.stopped.cause, str(self.stopped))

    def _fail(self, wrong: OSError, what: str) -> JournalStopped:
        stopped = _failed(wrong, what)
        return self._stop(stopped.cause, str(stopped))

    def _stop(self, cause: StopCause, text: str) -> JournalStopped:
        """Let go of everything, the lock last: without it the stream counts as dead."""
        self.stopped = JournalStopped(cause, text)
        self._room = 0
        if self._under_way is not None:  # it still uses the file, and cannot fail more
            with suppress(OSError):
                self._under_way.wait()
        self._spare.discard()
        for file in (self._file, self._lock):
            with suppress(OSError):
                self._disk.close(file)
        return self.stopped


def _failed(wrong: OSError, what: str) -> JournalStopped:
    if wrong.errno in {errno.ENOSPC, errno.EDQUOT}:
        return JournalStopped(StopCause.NO_SPACE, f"{what}: no space; make room on its disk")
    return JournalStopped(StopCause.DISK, f"{what}: {wrong.strerror}; look at its disk")
