"""Ingesters killed at every step, forked from a process that has nothing open.

    python -m support.ingest_kills steps|race DSN DIRECTORY

`steps`: a step is any statement that writes, or a commit. At each a child dies over a worker's
day of its own; then another lives to the end, and the totals must be those of all days so far.

`race`: three at a time take in what a worker writes meanwhile, and are killed whenever it may be.

Both print how many were killed.
"""

import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import structlog
from sqlalchemy import event

import support.statement_cache  # noqa: F401 - so that no child compiles what the parent has
from support.intake import Machine, counts, usages
from support.journal import FrailDisk, Worker, read_all
from tashika_server.book import open_book
from tashika_server.metering.counting import Like
from tashika_server.metering.roster import Listed, read_roster, stream_directory
from tashika_server.metering.usage import Usage


def take_in(dsn: str, journal: Path, *, die_at: int) -> None:
    """Take everything in, and die by SIGKILL before a step."""
    book = open_book(dsn)
    step = 0

    def about_to() -> None:
        nonlocal step
        step += 1
        if step == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def before_statement(_: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(("INSERT", "UPDATE")):
            about_to()

    event.listen(book._engine, "before_cursor_execute", before_statement)
    event.listen(book._engine, "commit", lambda _: about_to())
    Machine(book, journal).take_in()
    about_to()  # after the last commit


def steps(dsn: str, directory: Path) -> int:
    """Go on until a child has fewer steps than it was to die at."""
    expected: Counter[Like] = Counter()
    step, status = 0, signal.SIGKILL
    while status == signal.SIGKILL:
        step += 1
        journal = directory / str(step)
        worker = live(journal)
        expected += counts(usages(worker))
        _, status = os.waitpid(fork(lambda: take_in(dsn, journal, die_at=step)), 0)  # noqa: B023
        check(dsn, journal, expected)
    assert status == 0, status
    return step - 1


def race(dsn: str, directory: Path) -> int:
    """Kill one after the other until the worker is done."""
    journal, chance, kills = directory / "journal", Random(1), 0
    writer = fork(lambda: work(journal))
    readers = [fork(lambda: take_in_forever(dsn, journal)) for _ in range(3)]
    while os.waitpid(writer, os.WNOHANG) == (0, 0):
        time.sleep(chance.random() / 20)
        readers.append(fork(lambda: take_in_forever(dsn, journal)))
        kill(readers.pop(0))
        kills += 1
    for each in readers:
        kill(each)
    found = [each for stream in read_roster(journal).streams for each in read(journal, stream)]
    check(dsn, journal, counts(found))
    return kills


# --- Processes ------------------------------------------------------------------------------


def fork(act: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:  # noqa: BLE001 - told by the status; nothing of ours goes on
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert status == signal.SIGKILL, status


def live(journal: Path) -> Worker:
    worker = Worker(journal, FrailDisk())
    worker.run()
    return worker


def work(journal: Path) -> None:
    """Live some days, and die on the last."""
    for _ in range(12):
        live(journal)
        time.sleep(0.05)
    worker = Worker(journal, FrailDisk())
    worker.begin()
    for _ in range(20):
        worker.note()
        worker.flush()


def take_in_forever(dsn: str, journal: Path) -> None:
    machine = Machine(open_book(dsn), journal)
    ingester = machine.ingester()
    while True:
        ingester.take_in()


def read(journal: Path, stream: Listed) -> list[Usage]:
    return read_all(stream_directory(journal, stream.stream))[0]


def check(dsn: str, journal: Path, expected: Counter[Like]) -> None:
    """Let one live to the end, and compare."""
    with closing(open_book(dsn)) as book:
        machine = Machine(book, journal)
        machine.take_in()
        assert machine.counted == expected
        assert machine.alarms == ()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    Path(sys.argv[3]).mkdir()
    sys.stdout.write(
        str({"steps": steps, "race": race}[sys.argv[1]](sys.argv[2], Path(sys.argv[3])))
    )
