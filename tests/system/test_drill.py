"""A short drill; the long one is `make drill`."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from drill.askers import Asker, Place
from drill.drilling import Drill, drill, found
from drill.verdict import judge


def test_t39_every_acknowledged_answer_is_counted_once_whoever_is_killed_or_hangs(
    tmp_path: Path,
) -> None:
    what = Drill(
        kills=8,
        minutes=1.0,
        seed=1,
        workers=2,
        ingesters=1,
        connections=2,
        grace=0.4,
        breath=0.05,
        hangs=1,
    )
    config = found(tmp_path / "world", "sqlite:///book.sqlite", what)
    verdict = drill(config, what)
    assert verdict.faults == dict.fromkeys(verdict.faults, 0)
    assert verdict.killed.total() == 8
    assert verdict.journalled == verdict.counted >= verdict.acknowledged > 0
    found_out = faults_once_it_is_tampered_with(config)
    assert found_out.pop("counted as delivered, never heard") > 0
    assert found_out == {
        "answers with the number of another": 1,
        "acknowledged, not in the journals": 1,
        "doubled in the totals": 3,
    }


def faults_once_it_is_tampered_with(config: Path) -> dict[str, int]:
    """Count three answers more than there were, and claim one twice that nobody gave."""
    with closing(sqlite3.connect(config.with_name("book.sqlite"))) as book, book:
        book.execute(
            """UPDATE usage_total SET count = count + 3
            WHERE (hour, context_id, standing, occasion, delivery) =
                (SELECT hour, context_id, standing, occasion, delivery FROM usage_total LIMIT 1)"""
        )
    liar = Asker(name="bank", token="", subjects=(), connections=0, seed=0)
    liar.acknowledged = [Place("00" * 16, 0)] * 2
    verdict = judge(config, [liar], Counter(), seconds=0)
    return {fault: number for fault, number in verdict.faults.items() if number}
