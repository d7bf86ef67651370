"""A journal against a simple model of it, and the ways in which it stops."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.journal import AT, NODE, FrailDisk, How, Inline, Killed, Worker, context, read_all
from support.strategies import steady
from tashika_server.durable import Durability
from tashika_server.metering.disk import LocalDisk
from tashika_server.metering.journal import (
    MAX_BACK,
    MIN_SEGMENT_BYTES,
    Journal,
    JournalStopped,
    StopCause,
)
from tashika_server.metering.reading import State
from tashika_server.metering.record import SLOT_BYTES
from tashika_server.metering.roster import is_held, read_roster, stream_directory
from tashika_server.metering.segment import segment_path
from tashika_server.metering.usage import Delivery, microseconds


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    worker = Worker(tmp_path, FrailDisk())
    worker.begin()
    return worker


def full_segment(worker: Worker) -> None:
    """Note until the disk is asked for more than is left of the segment."""
    for _ in range(MIN_SEGMENT_BYTES // 64):
        worker.note()


def directory(worker: Worker) -> Path:
    return stream_directory(worker.root, worker.own.stream)


# --- What is durable when ---------------------------------------------------------------------


def test_nothing_is_on_the_disk_before_the_flush_and_all_of_it_after(worker: Worker) -> None:
    worker.note()
    written = segment_path(directory(worker), 1).read_bytes()
    header, rest = written[:SLOT_BYTES], written[SLOT_BYTES:]
    assert any(header)
    assert not any(rest)
    worker.flush()
    assert segment_path(directory(worker), 1).read_bytes().startswith(header)
    worker.disk.cut_power(Random(1), 512)
    worker.crash()
    assert [usage.delivery for usage in worker.check()] == [Delivery.UNKNOWN]


def test_a_flush_is_one_sync_for_any_number_and_none_for_nothing(worker: Worker) -> None:
    before = worker.disk.syncs
    worker.flush()
    assert worker.disk.syncs == before + 1  # the header
    for _ in range(20):
        worker.note()
    worker.flush()
    worker.flush()
    assert worker.disk.syncs == before + 2


def test_with_durability_os_nothing_is_synced_and_a_killed_process_loses_nothing(
    tmp_path: Path,
) -> None:
    worker = Worker(tmp_path, FrailDisk(), durability=Durability.OS)
    worker.begin()
    before = worker.disk.syncs
    for _ in range(20):
        worker.note()
        worker.flush()
    assert worker.disk.syncs == before
    worker.crash()
    assert len(worker.check()) == 20


def test_the_numbers_of_answers_are_dense_over_segments_and_contexts(worker: Worker) -> None:
    numbers = [worker.note(verifier=each % 3) for each in range(200)]
    assert numbers == list(range(200))
    assert worker.own.sequence == 200
    worker.flush()
    worker.own.end()
    assert len(worker.check()) == 200
    assert len(list(directory(worker).glob("*.seg"))) > 4


def test_the_end_seals_and_leaves_no_spare_behind(worker: Worker) -> None:
    worker.note()
    worker.flush()
    worker.own.end()
    worker.own.end()
    assert [each.name for each in directory(worker).glob("*.seg")] == ["00000001.seg"]
    assert not is_held(directory(worker))
    assert read_all(directory(worker))[1].state is State.ENDED
    with pytest.raises(JournalStopped) as stopped:
        worker.note()
    assert stopped.value.cause is StopCause.ENDED


def test_answers_may_be_settled_in_any_order_and_long_after(worker: Worker) -> None:
    numbers = [worker.note() for _ in range(60)]
    worker.flush()
    for number in (numbers[3], numbers[1], *numbers[50:]):
        worker.settle(number, Delivery.HANDED_OVER)
    worker.settle(numbers[2], Delivery.ABANDONED)
    worker.settle(numbers[0], Delivery.HANDED_OVER)
    worker.beat()
    worker.crash()
    found = [usage.delivery for usage in worker.check()]
    handed, abandoned, unknown = Delivery.HANDED_OVER, Delivery.ABANDONED, Delivery.UNKNOWN
    # Those after the first that is open are in doubt: at most what was in flight.
    assert found == [handed, handed, abandoned, handed, *[unknown] * 56]


def test_several_answers_are_abandoned_at_once(worker: Worker) -> None:
    for _ in range(6):
        worker.note()
    worker.flush()
    worker.own.settle(0, 2, Delivery.HANDED_OVER)
    worker.own.settle(2, 3, Delivery.ABANDONED)
    worker.own.settle(5, 1, Delivery.HANDED_OVER)
    worker.own.end()
    usages, _ = read_all(directory(worker))
    assert [usage.delivery for usage in usages] == [
        *[Delivery.HANDED_OVER] * 2,
        *[Delivery.ABANDONED] * 3,
        Delivery.HANDED_OVER,
    ]


def test_a_turn_of_many_answers_fits(tmp_path: Path) -> None:
    worker = Worker(tmp_path, FrailDisk(), segment_bytes=2**18)
    worker.begin()
    for each in range(3_000):
        worker.note(verifier=each % 40)
    worker.flush()
    worker.crash()
    assert len(worker.check()) == 3_000


def test_a_segment_must_have_room_for_something(tmp_path: Path) -> None:
    for size in (0, MIN_SEGMENT_BYTES - 64, MIN_SEGMENT_BYTES + 1):
        with pytest.raises(ValueError, match="slots of 64"):
            Worker(tmp_path, FrailDisk(), segment_bytes=size).begin()


def test_a_context_too_long_for_any_journal_is_refused_and_costs_nothing(worker: Worker) -> None:
    with pytest.raises(ValueError, match="too long"):
        worker.own.context(context(issuer="x" * 2_000))
    worker.note()
    worker.flush()
    worker.crash()
    worker.check()


# --- Time -------------------------------------------------------------------------------------


def test_a_record_is_never_earlier_than_the_one_before(worker: Worker) -> None:
    number = worker.own.context(context())
    late, early = microseconds(AT + timedelta(seconds=9)), microseconds(AT)
    worker.own.note(number, 1, 1, 0, bytes(16), late)
    assert worker.own.at == late
    worker.own.note(number, 1, 1, 0, bytes(16), early)
    assert worker.own.at == late
    worker.own.end()
    usages, _ = read_all(directory(worker))
    assert [usage.at for usage in usages] == [late, late]


def test_a_clock_put_back_a_little_is_waited_for(worker: Worker) -> None:
    worker.at -= timedelta(microseconds=MAX_BACK)
    worker.beat()
    assert worker.own.at == microseconds(AT)


def test_a_clock_that_runs_back_stops_the_stream_and_says_so(worker: Worker) -> None:
    worker.note()
    worker.flush()
    worker.at -= timedelta(hours=1)
    with pytest.raises(JournalStopped, match=r"ran back from 2026-04-01 03:00.* to .* 02:00") as it:
        worker.beat()
    assert it.value.cause is StopCause.CLOCK
    assert read_all(directory(worker))[1].state is State.ENDED  # nothing is in doubt but the clock
    with pytest.raises(JournalStopped):
        worker.note()
    worker.begin()  # by the clock as it is now
    worker.note()
    worker.flush()
    worker.crash()
    assert len(worker.check()) == 2


# --- Failures ---------------------------------------------------------------------------------


def test_a_failed_sync_stops_the_stream_for_good_though_the_disk_recovers(worker: Worker) -> None:
    worker.note()
    worker.disk.break_at(2, How.FAILS_UNDONE)
    with pytest.raises(JournalStopped, match="cannot be synced: input/output error") as stopped:
        worker.flush()
    assert stopped.value.cause is StopCause.DISK
    size = segment_path(directory(worker), 1).stat().st_size
    verbs: tuple[Callable[[], Any], ...] = (worker.flush, worker.note, worker.beat)
    for verb in verbs:
        with pytest.raises(JournalStopped, match="cannot be synced"):
            verb()
    worker.own.settle(0, 1, Delivery.ABANDONED)
    worker.own.end()
    assert segment_path(directory(worker), 1).stat().st_size == size
    assert not is_held(directory(worker))
    assert worker.released == set()


def test_a_stream_that_stops_takes_no_room_for_later(worker: Worker) -> None:
    assert segment_path(directory(worker), 2).exists()
    worker.disk.break_at(1, How.FAILS_UNDONE)
    with pytest.raises(JournalStopped):
        worker.flush()
    assert not segment_path(directory(worker), 2).exists()


def test_t32_on_a_full_disk_the_rest_of_the_segment_is_used_then_nothing_and_then_room_heals(
    worker: Worker,
) -> None:
    full_segment(worker)  # there is a second segment, and a third that waits
    worker.disk.full = True
    full_segment(worker)
    with pytest.raises(JournalStopped, match="no next segment: no space; make room") as stopped:
        full_segment(worker)
    assert stopped.value.cause is StopCause.NO_SPACE
    assert not list(directory(worker).glob("00000004.seg"))
    worker.crash()
    worker.check()
    with pytest.raises(JournalStopped, match="no journal can be begun"):
        worker.begin()
    assert [each.name for each in worker.root.iterdir() if each.is_dir()] == [
        directory(worker).name
    ]
    worker.disk.full = False
    worker.begin()
    worker.note()
    worker.flush()
    worker.own.end()
    worker.check()
    assert len(read_roster(worker.root).streams) == 2


def test_t39_a_failed_write_and_a_second_attempt_are_one_answer_that_counts(
    worker: Worker,
) -> None:
    for how in (How.FAILS_UNDONE, How.FAILS_DONE, How.FULL_HALFWAY):
        for step in (1, 2):  # the write, the sync
            worker.begin()
            worker.note()
            worker.disk.break_at(step, how)
            with pytest.raises(JournalStopped):
                worker.flush()
            worker.begin()
            answer = worker.note()
            worker.flush()
            worker.settle(answer, Delivery.HANDED_OVER)
            worker.own.end()
    worker.crash()
    became = Counter(usage.delivery for usage in worker.check())
    assert became[Delivery.HANDED_OVER] == 6
    # What failed may be on the disk all the same; nobody is charged for it.
    assert became.keys() <= {Delivery.HANDED_OVER, Delivery.UNKNOWN}
    assert became[Delivery.UNKNOWN] <= 6


@pytest.mark.parametrize("how", How)
def test_whatever_breaks_while_a_stream_begins_the_next_one_can(tmp_path: Path, how: How) -> None:
    disk = FrailDisk()
    Worker(tmp_path / "whole", disk).begin()
    chance = Random(str(how))
    for step in range(1, disk.step + 1):
        worker = Worker(tmp_path / str(step), FrailDisk())
        worker.disk.break_at(step, how)
        with suppress(Killed, JournalStopped):
            worker.begin()
        worker.crash()
        worker.disk.cut_power(chance, 512)
        worker.begin()
        worker.note()
        worker.flush()
        worker.crash()
        assert len(worker.check()) == 1


def test_a_journal_on_the_disk_of_this_machine_with_a_thread_to_help(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        journal = Journal.begin(
            tmp_path / "journal",
            node=NODE,
            durability=Durability.DISK,
            disk=LocalDisk(),
            executor=executor,
            segment_bytes=MIN_SEGMENT_BYTES,
            at=AT,
        )
        number = journal.context(context())
        for each in range(200):
            first = journal.note(number, 1, 1, 7, bytes(16), microseconds(AT))
            journal.flush()
            journal.settle(first, 1, Delivery.HANDED_OVER)
            assert first == each
        journal.end()
    usages, last = read_all(stream_directory(tmp_path / "journal", journal.stream))
    assert last.state is State.ENDED
    assert [usage.sequence for usage in usages] == list(range(200))
    assert {usage.delivery for usage in usages} == {Delivery.HANDED_OVER}
    modes = {each.stat().st_mode & 0o077 for each in (tmp_path / "journal").rglob("*")}
    assert modes == {0}


# --- A model ----------------------------------------------------------------------------------

DEEDS = st.sampled_from(["note", "note", "note", "flush", "deliver", "abandon", "beat", "wait"])


@settings(steady, max_examples=80)
@given(
    deeds=st.lists(st.tuples(DEEDS, st.integers(0, 5)), max_size=70),
    broken=st.none() | st.tuples(st.integers(1, 60), st.sampled_from(How)),
    end=st.booleans(),
    power=st.none() | st.tuples(st.randoms(use_true_random=False), st.sampled_from([512, 4096])),
    most=st.integers(1, 9),
)
def test_any_life_is_read_back_as_it_was(
    deeds: list[tuple[str, int]],
    broken: tuple[int, How] | None,
    end: bool,  # noqa: FBT001 - hypothesis calls it
    power: tuple[Random, int] | None,
    most: int,
) -> None:
    with TemporaryDirectory() as root:
        worker = Worker(Path(root), FrailDisk())
        if broken:
            worker.disk.break_at(*broken)
        with suppress(Killed, JournalStopped):
            worker.begin()
            for deed, number in deeds:
                act(worker, deed, number)
            if end:
                worker.own.end()
        worker.crash()
        if power:
            worker.disk.cut_power(*power)
        worker.check(most=most)


def act(worker: Worker, deed: str, number: int) -> None:
    pending = worker.pending()
    match deed:
        case "note":
            for _ in range(number):
                worker.note(verifier=number)
        case "flush":
            worker.flush()
        case "deliver" | "abandon" if pending:
            delivery = Delivery.HANDED_OVER if deed == "deliver" else Delivery.ABANDONED
            worker.settle(pending[number % len(pending)], delivery)
        case "beat":
            worker.beat()
        case "wait":
            worker.at += timedelta(milliseconds=number - 1)


def test_inline_is_an_executor() -> None:
    assert Inline().submit(int, "7").result() == 7
