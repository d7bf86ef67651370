"""Several workers with journals on a real disk, and SIGKILL."""

import time
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random

from support import dying, journal_processes
from support.journal import BEGINNING, read_all
from tashika_server.metering.reading import State, read_page
from tashika_server.metering.repeats import Repeats, trace_of
from tashika_server.metering.roster import is_held, read_roster, strays, stream_directory
from tashika_server.metering.usage import Delivery

WORKERS = 3


def test_a_killed_worker_loses_nothing_it_released_and_its_neighbours_go_on(
    tmp_path: Path,
) -> None:
    """At any moment: among the writes, the syncs, the seals and the making of segments."""
    journal, chance = tmp_path / "journal", Random(7)
    talks = [start(journal) for _ in range(WORKERS)]
    for process, told in talks:
        stream, count = last_words(process, told, chance.uniform(0.02, 0.2))
        usages, last = read_all(stream_directory(journal, stream))
        assert last.state is State.DEAD
        assert [each.sequence for each in usages] == list(range(len(usages)))
        assert [int.from_bytes(each.pseudonym) for each in usages] == list(range(len(usages)))
        # One group more may have been written; of one, at most, it is not known that it went out.
        assert count <= len(usages) <= count + 5
        doubtful = [each for each in usages if each.delivery is Delivery.UNKNOWN]
        assert 0 < len(doubtful) <= 10
        assert {each.delivery for each in usages[: -len(doubtful)]} <= {Delivery.HANDED_OVER}
    assert not strays(journal)


def start(journal: Path) -> tuple[BaseProcess, Connection]:
    here, there = Pipe(duplex=False)
    process = dying.start(journal_processes.answer_until_killed, journal, there)
    there.close()
    return process, here


def last_words(process: BaseProcess, told: Connection, seconds: float) -> tuple[bytes, int]:
    """Kill a worker after a while; returns its stream and how many answers it had released."""
    until = time.monotonic() + seconds
    said = told.recv()
    while time.monotonic() < until:
        said = told.recv()
    process.kill()
    process.join()
    with suppress(EOFError, OSError):
        while True:
            said = told.recv()
    stream, count = said
    return stream, count


def test_workers_that_begin_at_once_are_all_on_the_roster(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    pipes = [Pipe(duplex=False) for _ in range(WORKERS)]
    processes = [
        dying.start(journal_processes.begin_and_wait, journal, there) for _, there in pipes
    ]
    streams = [here.recv() for here, _ in pipes]
    roster = read_roster(journal)
    assert {each.stream for each in roster.streams} == set(streams)
    assert [each.number for each in roster.streams] == [1, 2, 3]
    assert {each.pid for each in roster.streams} == {each.pid for each in processes}
    for process, stream in zip(processes, streams, strict=True):
        directory = stream_directory(journal, stream)
        assert is_held(directory)
        assert read_page(directory, BEGINNING).state is State.OPEN
        process.kill()
        process.join()
        assert not is_held(directory)
        assert read_page(directory, BEGINNING).state is State.DEAD


def test_a_retry_that_another_worker_gets_is_one(tmp_path: Path) -> None:
    repeats, left = Repeats.open(tmp_path), trace_of(bytes(16), bytes(32))
    assert not repeats.seen(left, 1_000)
    assert dying.run(journal_processes.mark, tmp_path, left, 1_000) == 0
    assert repeats.seen(left, 1_000)
