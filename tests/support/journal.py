"""Journals on a disk that fails on order, and what a test knows of them to compare with.

disk = FrailDisk(root)
disk.break_at(step, how)          and perhaps, when it is over: disk.cut_power(...)
worker = Worker(root, disk)
worker.run()                      a day in small: answers, abandoned ones, two segments
worker.check()                    whatever happened: nothing lost, doubled or invented
"""

import errno
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from random import Random
from shutil import rmtree
from typing import Any, TypeVar

from tashika_server.durable import Durability
from tashika_server.metering.disk import Bytes, LocalDisk
from tashika_server.metering.journal import MIN_SEGMENT_BYTES, Journal
from tashika_server.metering.reading import Cursor, Page, State, read_page
from tashika_server.metering.roster import read_roster, strays, stream_directory
from tashika_server.metering.usage import (
    Context,
    Delivery,
    Occasion,
    StandingCode,
    Usage,
    microseconds,
)

T = TypeVar("T")
AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
NODE = "node-1"
BEGINNING = Cursor()


def context(verifier: int = 1, issuer: str = "signature-g3") -> Context:
    return Context(
        verifier=f"V-{verifier:06}",
        holder="",
        agreement=f"A-{verifier:06}",
        version=1,
        family="signature",
        issuer=issuer,
        fingerprint=bytes(range(32)),
        method="ocsp",
        purpose="signature-verification",
    )


# --- The disk ---------------------------------------------------------------------------------


class Killed(BaseException):
    """What SIGKILL is to a process: nothing runs after it."""


class How(StrEnum):
    """What a step does instead of succeeding."""

    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    KILLED_HALFWAY = "killed halfway"
    """As KILLED_BEFORE, but a write is half done."""
    FAILS_UNDONE = "fails undone"
    FAILS_DONE = "fails done"
    """As an fsync that reports an error although everything is on the disk."""
    FULL_HALFWAY = "full halfway"
    """A write is half done, and then there is no space."""
    SHORT = "short"
    """A write is half done and says so: no failure at all."""


class FrailDisk(LocalDisk):
    """Real files; but what was not synced is at the mercy of `cut_power`."""

    def __init__(self) -> None:
        self.step = 0
        self.syncs = 0
        self.full = False
        """No file may grow; what has been allocated may be overwritten."""
        self._broken: tuple[int, How] | None = None
        self._paths: dict[int, Path] = {}
        self._synced: dict[Path, bytes] = {}
        self._named: set[Path] = set()
        """Names that survive."""
        self._made: set[Path] = set()
        self._open: set[int] = set()

    def break_at(self, step: int, how: How) -> None:
        """Break the nth call from now on."""
        self._broken = self.step + step, how

    def make_directory(self, path: Path) -> None:
        def make() -> None:
            if not path.exists():
                self._made.add(path)
            super(FrailDisk, self).make_directory(path)

        self._do(make)

    def create(self, path: Path) -> int:
        return self._do(lambda: self._opened(path, super(FrailDisk, self).create))

    def open(self, path: Path) -> int:
        return self._do(lambda: self._opened(path, super(FrailDisk, self).open))

    def write(self, file: int, data: Bytes, offset: int) -> int:
        if self.full and offset + len(data) > os.fstat(file).st_size:
            raise OSError(errno.ENOSPC, "no space left on device")

        def write(part: Bytes) -> int:
            return super(FrailDisk, self).write(file, part, offset)

        half = data[: len(data) // 2 + 1]
        return self._do(lambda: write(data), halfway=lambda: write(half))

    def truncate(self, file: int, size: int) -> None:
        self._do(lambda: super(FrailDisk, self).truncate(file, size))

    def sync(self, file: int) -> None:
        def sync() -> None:
            self.syncs += 1
            path = self._paths[file]
            self._synced[path] = path.read_bytes()

        self._do(sync)

    def sync_directory(self, path: Path) -> None:
        self._do(lambda: self._named.update(each for each in self._made if each.parent == path))

    def close(self, file: int) -> None:
        self._open.discard(file)
        super().close(file)

    def die(self) -> None:
        """Let go of all files and locks, as the system does for a process that has ended."""
        while self._open:
            os.close(self._open.pop())

    def cut_power(self, chance: Random, page: int) -> None:
        """Keep of what was not synced any pages and any names."""
        for path in sorted(self._made - self._named, key=lambda each: len(each.parts)):
            if path.exists() and chance.random() < 0.5:
                rmtree(path) if path.is_dir() else path.unlink()
        for path in sorted(set(self._paths.values())):
            if path.exists():
                before, after = self._synced.get(path, b""), path.read_bytes()
                path.write_bytes(_survivors(before, after, chance, page))

    def _opened(self, path: Path, really: Callable[[Path], int]) -> int:
        if not path.exists():
            self._made.add(path)
        file = really(path)
        self._paths[file] = path
        self._open.add(file)
        return file

    def _do(self, really: Callable[[], T], halfway: Callable[[], T] | None = None) -> T:
        self.step += 1
        if self._broken is None or self.step != self._broken[0]:
            return really()
        how = self._broken[1]
        if how in {How.KILLED_AFTER, How.FAILS_DONE}:
            really()
        elif how in {How.KILLED_HALFWAY, How.FULL_HALFWAY} and halfway:
            halfway()
        if how in {How.KILLED_BEFORE, How.KILLED_AFTER, How.KILLED_HALFWAY}:
            raise Killed
        if how in {How.FAILS_UNDONE, How.FAILS_DONE}:
            raise OSError(errno.EIO, "input/output error")
        if how is How.FULL_HALFWAY:
            raise OSError(errno.ENOSPC, "no space left on device")
        return (halfway or really)()


def _survivors(synced: bytes, now: bytes, chance: Random, page: int) -> bytes:
    """Choose page by page, and the length, between what was synced and what was written."""
    size = chance.choice((len(synced), len(now)))
    old, new = synced.ljust(size, b"\0"), now.ljust(size, b"\0")
    pages = (chance.choice((old, new))[at : at + page] for at in range(0, size, page))
    return b"".join(pages)[:size]


class Inline(Executor):
    """Does at once what is submitted, so that steps have an order."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except OSError as wrong:
            future.set_exception(wrong)
        return future


# --- A worker and what it knows ---------------------------------------------------------------


@dataclass
class Worker:
    """Notes, flushes and settles, and remembers everything it did."""

    root: Path
    disk: FrailDisk
    durability: Durability = Durability.DISK
    segment_bytes: int = MIN_SEGMENT_BYTES
    at: datetime = AT
    journal: Journal | None = None
    noted: dict[tuple[str, int], Usage] = field(default_factory=dict)
    """By stream and number; the delivery is what was settled, UNKNOWN for nothing."""
    released: set[tuple[str, int]] = field(default_factory=set)
    """What a flush was successful for, as if the answers had been given."""
    said: set[tuple[str, int]] = field(default_factory=set)
    """What is durably settled."""
    open: dict[int, bool] = field(default_factory=dict)
    """What is not settled of the present stream, in order, and whether it was released."""
    dealt: int = 0
    """The number before which all is settled, as the last record says it."""
    latest: int = 0
    """The time of the last record: none is earlier than the one before."""

    def begin(self) -> Journal:
        self.open.clear()
        self.dealt = self._kept = 0
        self.latest = microseconds(self.at)
        self.journal = Journal.begin(
            self.root,
            node=NODE,
            durability=self.durability,
            disk=self.disk,
            executor=Inline(),
            segment_bytes=self.segment_bytes,
            at=self.at,
        )
        return self.journal

    @property
    def own(self) -> Journal:
        assert self.journal
        return self.journal

    @property
    def name(self) -> str:
        return self.own.stream.hex()

    def note(self, verifier: int = 1) -> int:
        number = len(self.noted)
        what = context(verifier)
        standing = list(StandingCode)[number % 5]
        occasion = list(Occasion)[number % 4]
        pseudonym, at = number.to_bytes(16, "big"), microseconds(self.at)
        sequence = self.own.note(
            self.own.context(what), standing, occasion, number // 7, pseudonym, at
        )
        self.latest = max(at, self.latest)
        self.noted[self.name, sequence] = Usage(
            sequence,
            what,
            standing,
            occasion,
            Delivery.UNKNOWN,
            number // 7,
            pseudonym,
            self.latest,
        )
        self.open[sequence] = False
        self.dealt = next(iter(self.open))
        return sequence

    def settle(self, sequence: int, delivery: Delivery) -> None:
        key = self.name, sequence
        self.own.settle(sequence, 1, delivery)
        self.noted[key] = self.noted[key]._replace(delivery=delivery)
        del self.open[sequence]

    def flush(self) -> None:
        name, sequence = self.name, self.own.sequence
        self.own.flush()
        self._flushed(name, sequence)

    def beat(self) -> None:
        name, sequence = self.name, self.own.sequence
        self.dealt = next(iter(self.open), sequence)
        self.latest = max(microseconds(self.at), self.latest)
        self.own.beat(self.at)
        self._flushed(name, sequence)

    def pending(self) -> list[int]:
        """List what is released and not settled."""
        return [number for number, released in self.open.items() if released]

    def _flushed(self, stream: str, sequence: int) -> None:
        self.released |= {(stream, number) for number in range(self._kept, sequence)}
        self.said |= {(stream, number) for number in range(self.dealt)}
        self.open = dict.fromkeys(self.open, True)
        self._kept = sequence

    def run(self) -> None:
        """Live a day in small: 2 segments, answers in flight, some abandoned, an end."""
        self.begin()
        for turn in range(8):
            self.at += timedelta(seconds=1)
            waiting = self.pending()
            for number in waiting[: -2 if turn % 4 else None]:
                self.settle(number, Delivery.ABANDONED if number % 7 == 3 else Delivery.HANDED_OVER)
            for each in range(turn % 3 * 8 + 2):
                self.note(verifier=each % 2 + 1)
            self.beat() if turn % 5 == 4 else self.flush()
        self.own.end()

    def crash(self) -> None:
        self.disk.die()

    # --- The whole house ----------------------------------------------------------------------

    def check(self, *, most: int = 50_000) -> list[Usage]:
        """Read everything back and see that nothing is lost, doubled, invented or miscalled."""
        found: dict[tuple[str, int], Usage] = {}
        roster = read_roster(self.root)
        assert not roster.harm
        assert strays(self.root) == ()
        for each in roster.streams:
            usages, last = read_all(stream_directory(self.root, each.stream), most=most)
            assert last.state in {State.DEAD, State.ENDED}, last.damage
            assert [usage.sequence for usage in usages] == list(range(len(usages)))
            found |= {(each.stream.hex(), usage.sequence): usage for usage in usages}
        assert self.released <= found.keys()
        for key, usage in found.items():
            noted = self.noted[key]
            assert usage._replace(delivery=noted.delivery) == noted
            possible = {noted.delivery} if key in self.said else {noted.delivery, Delivery.UNKNOWN}
            assert usage.delivery in possible
        return list(found.values())


def read_all(
    directory: Path, cursor: Cursor = BEGINNING, *, most: int = 50_000
) -> tuple[list[Usage], Page]:
    """Read page by page while there is more; the usages, and the last page."""
    usages: list[Usage] = []
    while True:
        page = read_page(directory, cursor, most=most)
        usages += page.usages
        cursor = page.cursor
        if page.state is not State.MORE:
            return usages, page
