"""Where, how, persisted or not: after each, every released answer is read back once.

`support.journal` has the disk and the day that a worker lives on it.
"""

from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from support.journal import FrailDisk, How, Killed, Worker
from tashika_server.metering.journal import JournalStopped

HALF_A_KILOBYTE, PAGE = 512, 4096
KILLED = (How.KILLED_BEFORE, How.KILLED_AFTER, How.KILLED_HALFWAY)
FAILED = (How.FAILS_UNDONE, How.FAILS_DONE, How.FULL_HALFWAY)


def steps(root: Path) -> int:
    disk = FrailDisk()
    Worker(root, disk).run()
    return disk.step


def live(root: Path, step: int, how: How) -> Worker:
    disk = FrailDisk()
    disk.break_at(step, how)
    worker = Worker(root, disk)
    with suppress(Killed, JournalStopped):
        worker.run()
    worker.crash()
    return worker


@pytest.mark.parametrize(
    ("how", "page"),
    [
        *((how, page) for how in KILLED for page in (None, HALF_A_KILOBYTE, PAGE)),
        *((how, page) for how in FAILED for page in (None, HALF_A_KILOBYTE)),
        (How.SHORT, None),
    ],
)
def test_whatever_breaks_where_nothing_released_is_lost_doubled_or_invented(
    tmp_path: Path, how: How, page: int | None
) -> None:
    chance = Random(f"{how} {page}")
    for step in range(1, steps(tmp_path / "whole") + 1):
        worker = live(tmp_path / str(step), step, how)
        if page:
            worker.disk.cut_power(chance, page)
        worker.check()
