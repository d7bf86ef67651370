"""Exactly once, whatever fails, dies, comes again or is done by two at the same time."""

import errno
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import structlog
from sqlalchemy import delete, insert

from support import ingest_kills
from support.intake import FailingBook, Machine, counts, own_segment, usages
from support.journal import AT, Worker
from tashika_server.book import BookUnreachable, open_book
from tashika_server.book.accounts import journal_segment
from tashika_server.metering import ingest
from tashika_server.metering.counting import count_page
from tashika_server.metering.streams import Outlook
from tashika_server.metering.usage import Delivery


@pytest.fixture
def worker(machine: Machine) -> Worker:
    """Two hundred answers, all of them delivered."""
    worker = machine.worker()
    worker.begin()
    for number in range(200):
        worker.settle(worker.note(number % 3 + 1), Delivery.HANDED_OVER)
        if number % 20 == 19:
            worker.beat()
    return worker


@pytest.mark.parametrize("kept", [False, True])
def test_t39_a_failed_write_and_a_retry_count_once(machine: Machine, worker: Worker, kept):
    """The commit fails and leaves open whether it was kept, as databases do."""
    machine.take_in()  # so that the stream is known
    worker.settle(worker.note(), Delivery.HANDED_OVER)
    worker.beat()
    ingester = machine.ingester(FailingBook(machine.book, kept))
    ingester._look_at_roster = lambda: None
    with pytest.raises(BookUnreachable):
        ingester.take_in()
    assert machine.counted.total() == 200 + kept
    assert ingester.take_in() == 1 - kept
    assert machine.counted.total() == 201
    assert machine.counted == counts(usages(worker))


@pytest.mark.parametrize("failures", [(False,), (True,), (True, False, True), (False,) * 3])
def test_t39_any_failing_of_the_first_intake_counts_once(machine, worker, failures):
    ingester = machine.ingester(FailingBook(machine.book, *failures))
    for _ in failures:
        with pytest.raises(BookUnreachable):
            ingester.take_in()
    ingester.take_in()
    assert machine.counted == counts(usages(worker))


def test_t39_a_replay_after_all_memory_is_lost_counts_once(machine: Machine, worker: Worker):
    for _ in range(3):
        machine.take_in()  # each time by one who remembers nothing
        assert machine.counted.total() == 200
    worker.own.end()
    for _ in range(3):
        machine.take_in()
    assert machine.counted == counts(usages(worker))


def test_t39_a_page_read_before_somebody_else_s_commit_counts_nothing(machine, worker):
    """Both have read the same page when the first commits."""
    machine.take_in()
    worker.settle(worker.note(), Delivery.HANDED_OVER)
    worker.beat()
    (stream,) = machine.streams
    late = machine.ingester()
    page = count_page(machine.journal / stream.id, stream.cursor)
    assert machine.take_in() == page.counts.total() == 1
    assert late._follow(stream) == 0
    assert machine.counted.total() == 201


def test_t39_an_end_that_somebody_else_has_found_meanwhile_is_entered_once(machine: Machine):
    worker = machine.worker()
    worker.begin()
    worker.settle(worker.note(), Delivery.HANDED_OVER)
    worker.beat()
    machine.take_in()
    stream = machine.stream
    worker.crash()
    machine.take_in()
    assert machine.stream.cursor == stream.cursor
    assert machine.ingester()._follow(stream) == 0
    assert len(machine.trail("stream.end")) == 1


def test_t10_a_stream_that_the_book_refuses_keeps_no_other_waiting(
    machine: Machine, worker: Worker
):
    row = {"stream": worker.name, "number": 1, "first": 0, "records": 0, "digest": bytes(32)}
    ingester = machine.ingester()
    ingester._look_at_roster()
    with machine.book.writing(actor="nobody", at=AT) as change:
        change.connection.execute(insert(journal_segment).values(**row, ended_at=AT))
    other = machine.worker()
    other.run()
    with structlog.testing.capture_logs() as logged:
        assert ingester.take_in() == len(other.noted)
        assert ingester.take_in() == 0
    told = [each for each in logged if each["event"] == "journal_unreadable"]
    assert [each["stream"] for each in told] == [worker.name]
    with machine.book.writing(actor="nobody", at=AT) as change:
        change.connection.execute(delete(journal_segment).where(journal_segment.c.records == 0))
    assert ingester.take_in() == len(worker.noted)


@pytest.mark.parametrize("length", [0.0, 0.3, 0.9])
def test_t39_half_a_file_counts_nothing_of_it(machine: Machine, worker: Worker, length: float):
    """A partial read refuses: a file that is cut is no shorter day's work."""
    path = own_segment(worker)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * length) // 64 * 64])
    assert machine.take_in() == 0
    assert machine.counted.total() == 0
    assert machine.stream.caught_up_to is None
    assert [each.kind for each in machine.alarms] == ["cut"]


def test_t39_a_disk_that_cannot_be_read_is_tried_again(machine, worker, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "input/output error")

    ingester = machine.ingester()
    with structlog.testing.capture_logs() as logs, monkeypatch.context() as patched:
        patched.setattr(ingest, "count_page", fail)
        for _ in range(2):
            assert ingester.take_in() == 0
    assert [each["event"] for each in logs] == ["journal_unreadable"]
    assert (machine.counted.total(), machine.stream.caught_up_to) == (0, None)
    assert ingester.take_in() == 200
    assert machine.counted == counts(usages(worker))


# --- Races and deaths -----------------------------------------------------------------------


def test_ingesters_in_threads_that_race_count_once(machine: Machine, book_dsn: str):
    workers = [machine.worker() for _ in range(4)]
    for each in workers:
        each.run()
    start = Barrier(4)

    def race(_: int) -> int:
        own = open_book(book_dsn)
        start.wait()
        try:
            return Machine(own, machine.journal).take_in()
        finally:
            own.close()

    with ThreadPoolExecutor(4) as pool:
        taken = sum(pool.map(race, range(4)))
    everything = [usage for each in workers for usage in usages(each)]
    assert taken == len(everything)
    assert machine.counted == counts(everything)
    assert len(machine.segments) == len({(each.stream, each.number) for each in machine.segments})
    assert {each.outlook for each in machine.streams} == {Outlook.ENDED}


@pytest.mark.parametrize(("manner", "kills"), [("steps", 10), ("race", 10)])
def test_killed_ingesters_lose_and_double_nothing(machine, book_dsn: str, manner: str, kills: int):
    machine.book.close()
    done = subprocess.run(
        [sys.executable, "-m", ingest_kills.__name__, manner, book_dsn, str(machine.journal)],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
        cwd=Path(ingest_kills.__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > kills
