"""Answers that share a flush, and a journal that comes back when it can."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from support.clock import FakeClock
from support.journal import AT, BEGINNING, FrailDisk, How, Worker
from tashika_server.metering.group import GroupCommit
from tashika_server.metering.journal import Journal, JournalStopped, StopCause
from tashika_server.metering.reading import State, read_page
from tashika_server.metering.roster import stream_directory
from tashika_server.metering.usage import Delivery, microseconds

SOON = timedelta(milliseconds=5)
LATER = timedelta(hours=1)


class Node:
    """A worker's journal behind a group, on a disk that fails on order."""

    def __init__(self, root: Path, *, beat_every: timedelta = LATER) -> None:
        self.worker = Worker(root, FrailDisk())
        self.clock = FakeClock(AT)
        self.group = GroupCommit(
            self.begin, clock=self.clock, beat_every=beat_every, again_after=SOON
        )

    def begin(self) -> Journal:
        self.worker.at = self.clock.at
        return self.worker.begin()

    def note(self) -> Journal:
        journal = self.group.journal
        assert journal is self.worker.own
        self.worker.note()
        return journal


@pytest.fixture
async def node(tmp_path: Path) -> Node:
    node = Node(tmp_path)
    assert await node.group.begin()
    return node


async def until(what: Callable[[], bool]) -> None:
    """Wait for what files and other threads do, which have no event."""
    async with asyncio.timeout(10):
        while not what():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_all_who_wait_in_one_turn_share_one_sync(node: Node) -> None:
    before = node.worker.disk.syncs

    async def answer() -> None:
        await node.group.commit(node.note())

    await asyncio.gather(*(answer() for _ in range(50)))
    assert node.worker.disk.syncs == before + 1
    await node.group.commit(node.note())
    assert node.worker.disk.syncs == before + 2


async def test_nobody_is_told_before_it_is_durable_nor_before_asking_returns(node: Node) -> None:
    told: list[int] = []
    before = node.worker.disk.syncs
    node.group.on_commit(node.note(), lambda _: told.append(node.worker.disk.syncs))
    assert told == []
    await node.group.commit(node.note())
    assert told == [before + 1]


async def test_when_the_disk_fails_all_who_wait_are_told_and_none_is_released(node: Node) -> None:
    told: list[JournalStopped | None] = []
    node.group.on_commit(node.note(), told.append)
    waiting = node.group.commit(node.note())
    node.worker.disk.break_at(2, How.FAILS_UNDONE)
    with pytest.raises(JournalStopped, match="cannot be synced"):
        await waiting
    assert [each.cause for each in told if each] == [StopCause.DISK]
    with pytest.raises(JournalStopped, match="cannot be synced"):
        node.note()


async def test_one_who_stumbles_or_has_gone_does_not_keep_the_others(node: Node) -> None:
    def stumble(_: object) -> None:
        raise ZeroDivisionError

    journal = node.note()
    with structlog.testing.capture_logs() as logs:
        node.group.on_commit(journal, stumble)
        gone = node.group.commit(journal)
        gone.cancel()
        await node.group.commit(journal)
    assert [each["event"] for each in logs] == ["commit_not_taken"]
    assert gone.cancelled()


async def test_the_flush_of_a_new_stream_proves_nothing_for_the_old(node: Node) -> None:
    old = node.note()
    node.worker.disk.break_at(1, How.FAILS_UNDONE)
    with pytest.raises(JournalStopped):
        await node.group.commit(old)
    assert await node.group.begin()
    node.note()
    with pytest.raises(JournalStopped, match="cannot be written"):
        await node.group.commit(old)
    await node.group.commit(node.note())


async def test_before_there_is_a_journal_nothing_is_noted(tmp_path: Path) -> None:
    with pytest.raises(JournalStopped, match="no journal has been begun yet"):
        Node(tmp_path).note()


# --- A journal that comes back ----------------------------------------------------------------


def has_journal(node: Node) -> bool:
    try:
        return node.group.journal.stopped is None
    except JournalStopped:
        return False


async def answer(node: Node, number: int) -> int:
    """Answer as a worker does, and return how many had to be refused."""
    refused = 0
    for _ in range(number):
        try:
            journal = node.note()
            sequence = journal.sequence - 1
            await node.group.commit(journal)
        except JournalStopped:
            refused += 1
        else:
            node.worker.released.add((journal.stream.hex(), sequence))
            node.worker.settle(sequence, Delivery.HANDED_OVER)
    return refused


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Node]:
    node = Node(tmp_path, beat_every=SOON)
    keeping = asyncio.create_task(node.group.keep())
    await until(lambda: has_journal(node))
    yield node
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    node.group.end()
    node.worker.crash()
    node.worker.check()


async def test_t32_a_full_disk_refuses_and_room_alone_brings_the_next_stream(kept: Node) -> None:
    kept.worker.disk.full = True
    with structlog.testing.capture_logs() as logs:
        refused = await answer(kept, 200)
        await until(lambda: any(each["event"] == "journal_not_begun" for each in logs))
    assert 50 < refused < 150  # what had been allocated was used
    warning, stopped, failed = logs[:3]
    assert (warning["event"], warning["log_level"]) == ("journal_runs_out", "error")
    assert (stopped["event"], stopped["log_level"]) == ("journal_stopped", "critical")
    assert (stopped["cause"], failed["cause"]) == ("no_space", "no_space")
    assert "make room" in stopped["reason"]
    kept.worker.disk.full = False
    await until(lambda: has_journal(kept))
    assert await answer(kept, 50) == 0
    await asyncio.sleep(SOON.total_seconds())
    directory = stream_directory(kept.worker.root, kept.worker.own.stream)
    assert len(list(directory.glob("*.seg"))) <= 4  # it beats in time, and no faster


async def test_t39_an_answer_that_failed_to_be_written_and_is_asked_again_counts_once(
    kept: Node,
) -> None:
    for how in (How.FAILS_UNDONE, How.FAILS_DONE, How.FULL_HALFWAY):
        kept.worker.disk.break_at(1, how)
        assert await answer(kept, 1) == 1
        await until(lambda: has_journal(kept))
        assert await answer(kept, 1) == 0
    assert len(kept.worker.released) == 3


async def test_a_beat_says_what_was_delivered_and_how_late_it_is(kept: Node) -> None:
    await answer(kept, 3)
    directory = stream_directory(kept.worker.root, kept.worker.own.stream)
    kept.clock.advance(timedelta(minutes=1))
    now = microseconds(kept.clock.at)
    await until(lambda: read_page(directory, BEGINNING).caught_up_to == now)
    assert len(read_page(directory, BEGINNING).usages) == 3


async def test_a_clock_that_runs_back_is_noticed_and_the_next_stream_goes_by_it(
    kept: Node,
) -> None:
    await answer(kept, 1)
    with structlog.testing.capture_logs() as logs:
        kept.clock.advance(timedelta(hours=-1))
        await until(lambda: any(each["event"] == "journal_begun" for each in logs))
    assert logs[0]["cause"] == "clock"
    assert await answer(kept, 1) == 0
    assert kept.worker.own.at == microseconds(kept.clock.at)


async def test_the_end_seals_and_refuses_from_then_on(kept: Node) -> None:
    journal = kept.group.journal
    waiting = kept.group.commit(kept.note())
    kept.group.end()
    with pytest.raises(JournalStopped):
        await waiting
    page = read_page(stream_directory(kept.worker.root, journal.stream), BEGINNING)
    assert page.state is State.ENDED
