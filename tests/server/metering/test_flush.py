"""A flush that goes on beside the loop: what is noted meanwhile belongs to the next."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from support.clock import FakeClock
from support.journal import AT, FrailDisk, How, Worker
from tashika_server.metering.disk import Disk, LocalDisk
from tashika_server.metering.group import GroupCommit
from tashika_server.metering.journal import JournalStopped
from tashika_server.metering.record import SLOT_BYTES, read_slot, seed
from tashika_server.metering.segment import segment_path
from tashika_server.metering.syncing import ByKernel, InCall


class Held:
    """Syncs when it is told to, or waited for."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self._sync: Callable[[], None] | None = None
        self._then: Callable[[], None] = lambda: None

    def begin(self, disk: Disk, file: int, then: Callable[[], None]) -> "Held":
        assert self._sync is None, "one after the other"
        self.order.append("begun")
        self._sync, self._then = lambda: disk.sync(file), then
        return self

    def wait(self) -> None:
        sync, self._sync = self._sync, None
        if sync:
            self.order.append("synced")
            sync()

    def go(self) -> None:
        self._then()

    def look(self) -> None:
        self.order.append("looked")
        self._then()

    def close(self) -> None:
        self.order.append("closed")


def nothing() -> None:
    """Be told, and do nothing."""


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    worker = Worker(tmp_path, FrailDisk())
    worker.begin()
    worker.flush()
    return worker


def slots(worker: Worker) -> Iterator[tuple[int, int]]:
    """Yield place and group of every slot that is on the disk."""
    data = segment_path(worker.root / worker.name, 1).read_bytes()
    begun = seed(worker.own.stream, 1)
    for at in range(0, len(data), SLOT_BYTES):
        if slot := read_slot(data, at, begun):
            yield slot.place, slot.group


def test_nothing_is_written_while_a_flush_is_under_way(worker: Worker) -> None:
    held = Held()
    worker.note()
    worker.own.begin_flush(held, nothing)
    before = list(slots(worker))
    for _ in range(3):
        worker.note()
    assert list(slots(worker)) == before
    held.go()
    worker.own.finish_flush()
    assert list(slots(worker)) == before
    worker.own.flush()
    assert len(list(slots(worker))) == len(before) + 3


def test_what_was_noted_meanwhile_says_that_the_flush_before_it_was_durable(
    worker: Worker,
) -> None:
    """Else damage to what was released would look like the end of a crash."""
    held = Held()
    worker.note()
    worker.own.begin_flush(held, nothing)
    end = len(list(slots(worker)))
    worker.note()
    worker.own.flush()
    assert list(slots(worker))[-1] == (end, end)


def test_whatever_must_write_waits_for_the_sync(worker: Worker) -> None:
    held = Held()
    worker.note()
    worker.own.begin_flush(held, nothing)
    worker.note()
    before = worker.disk.syncs
    worker.own.beat(AT)
    assert held.order == ["begun", "synced"]
    assert worker.disk.syncs == before + 2


def test_the_end_waits_for_the_sync(worker: Worker) -> None:
    held = Held()
    worker.note()
    worker.own.begin_flush(held, nothing)
    worker.own.end()
    assert held.order == ["begun", "synced"]


def test_a_sync_that_fails_beside_the_loop_ends_the_stream(worker: Worker) -> None:
    held = Held()
    worker.note()
    worker.own.begin_flush(held, nothing)
    worker.disk.break_at(1, How.FAILS_UNDONE)
    with pytest.raises(JournalStopped, match="cannot be synced"):
        worker.own.finish_flush()
    with pytest.raises(JournalStopped):
        worker.note()


async def test_who_comes_during_a_flush_shares_the_next(tmp_path: Path) -> None:
    worker, held = Worker(tmp_path, FrailDisk()), Held()
    group = GroupCommit(worker.begin, clock=FakeClock(AT), make_syncing=lambda: held)
    assert await group.begin()
    told: asyncio.Queue[tuple[str, JournalStopped | None]] = asyncio.Queue()

    def ask(name: str) -> None:
        worker.note()
        group.on_commit(group.journal, lambda stopped: told.put_nowait((name, stopped)))

    ask("first")
    await asyncio.sleep(0)  # the flush begins
    ask("second")
    ask("third")
    await asyncio.sleep(0)
    assert told.empty()
    before = worker.disk.syncs
    held.go()
    assert await told.get() == ("first", None)
    assert told.empty()
    held.go()
    assert [await told.get(), await told.get()] == [("second", None), ("third", None)]
    assert worker.disk.syncs == before + 2
    group.end()
    assert held.order[-1] == "closed"


async def test_who_looks_while_nothing_is_under_way_looks_at_nothing(tmp_path: Path) -> None:
    worker, held = Worker(tmp_path, FrailDisk()), Held()
    group = GroupCommit(worker.begin, clock=FakeClock(AT), make_syncing=lambda: held)
    assert await group.begin()
    group.look()
    assert held.order == []
    worker.note()
    told = list[JournalStopped | None]()
    group.on_commit(group.journal, told.append)
    await asyncio.sleep(0)  # the flush begins
    group.look()
    assert (held.order, told) == (["begun", "looked", "synced"], [None])


async def test_who_waits_is_told_though_a_heartbeat_came_first(tmp_path: Path) -> None:
    worker, held = Worker(tmp_path, FrailDisk()), Held()
    group = GroupCommit(worker.begin, clock=FakeClock(AT), make_syncing=lambda: held)
    assert await group.begin()
    worker.note()
    committed = group.commit(group.journal)
    await asyncio.sleep(0)  # the flush begins
    group.journal.beat(AT)
    assert not committed.done()
    held.go()
    assert committed.done()
    group.end()


def test_a_sync_within_the_call_leaves_nothing_to_wait_for(worker: Worker) -> None:
    worker.note()
    before = worker.disk.syncs
    assert not worker.own.begin_flush(InCall(), nothing)
    assert worker.disk.syncs == before + 1


def by_kernel() -> ByKernel:
    try:
        return ByKernel()
    except OSError as wrong:
        pytest.skip(f"io_setup: {wrong.strerror}; run where the kernel lets containers call it")


@pytest.fixture
def kernel() -> Iterator[ByKernel]:
    made = by_kernel()
    yield made
    made.close()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield file
    os.close(file)


async def test_the_loop_is_told_of_each_sync(kernel: ByKernel, file: int) -> None:
    told: asyncio.Queue[int] = asyncio.Queue()
    for number in range(3):
        os.pwrite(file, b"durable", 8 * number)
        sync = kernel.begin(LocalDisk(), file, lambda number=number: told.put_nowait(number))
        assert await told.get() == number
        sync.wait()
    assert told.empty()


async def test_who_looks_is_told_before_the_loop_and_only_once(kernel: ByKernel, file: int) -> None:
    told: list[str] = []
    kernel.look()
    kernel.begin(LocalDisk(), file, lambda: told.append("once")).wait()
    patience = time.monotonic() + 10
    while not told and time.monotonic() < patience:  # for the kernel, not for the loop
        kernel.look()
    kernel.look()
    await asyncio.sleep(0)
    assert told == ["once"]


async def test_who_cannot_wait_for_the_loop_waits_alone(kernel: ByKernel, file: int) -> None:
    told = asyncio.Event()
    kernel.begin(LocalDisk(), file, told.set).wait()
    assert not told.is_set()
    await told.wait()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_on_the_loop_of_workers_it_leaves_no_descriptor_open(file: int) -> None:
    async def sync() -> tuple[int, int]:
        before = descriptors()
        kernel = by_kernel()
        kernel.begin(LocalDisk(), file, nothing).wait()
        kernel.close()
        return before, descriptors()

    before, after = uvloop.run(sync())
    assert after == before


async def test_a_sync_that_fails_says_why(kernel: ByKernel) -> None:
    reader, writer = os.pipe()  # which cannot be synced
    with pytest.raises(OSError, match="Invalid argument"):
        kernel.begin(LocalDisk(), writer, nothing).wait()
    os.close(reader)
    os.close(writer)
