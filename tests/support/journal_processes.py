"""Workers with journals, in processes of their own (see `support.dying`)."""

import itertools
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

from support.journal import NODE, context
from tashika_server.durable import Durability
from tashika_server.metering.disk import LocalDisk
from tashika_server.metering.journal import MIN_SEGMENT_BYTES, Journal
from tashika_server.metering.repeats import Repeats
from tashika_server.metering.usage import Delivery, microseconds


def _begin(root: Path) -> Journal:
    return Journal.begin(
        root,
        node=NODE,
        durability=Durability.DISK,
        disk=LocalDisk(),
        executor=ThreadPoolExecutor(1),
        segment_bytes=MIN_SEGMENT_BYTES,
        at=datetime.now(UTC),
    )


def answer_until_killed(root: Path, told: Connection) -> None:
    """Answer in groups of 1 to 5, and tell the stream and how many answers were released."""
    journal = _begin(root)
    number = journal.context(context())
    for turn in itertools.count():
        first = journal.sequence
        for _ in range(turn % 5 + 1):
            pseudonym = journal.sequence.to_bytes(16, "big")
            journal.note(number, 1, 1, 0, pseudonym, microseconds(datetime.now(UTC)))
        journal.flush()
        told.send((journal.stream, journal.sequence))
        journal.settle(first, journal.sequence - first, Delivery.HANDED_OVER)


def begin_and_wait(root: Path, told: Connection) -> None:
    """Begin a stream, tell it, and wait to be killed."""
    told.send(_begin(root).stream)
    signal.pause()


def mark(run: Path, trace: bytes, second: int) -> None:
    """Mark an answer as another worker does."""
    Repeats.open(run).mark(trace, second)
