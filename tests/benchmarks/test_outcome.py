"""Runs that are put together as one."""

from collections import Counter

import pytest

from benchmarks.load.histogram import Histogram
from benchmarks.load.outcome import Outcome, Stretch

MS = 1_000_000


def outcome(*latencies: int, lasted: float, busy: float, wrong: str = "") -> Outcome:
    histogram = Histogram()
    for each in latencies:
        histogram.add(each * MS)
    count = len(latencies)
    return Outcome(
        asked={"rate": 2.0},
        seconds=lasted / 2,
        answers=count,
        cert_ids=1,
        latencies=histogram,
        stretches=[Stretch(seconds=0.5, rate=2.0, p50_ms=1.0, p99_ms=2.0, longest_ms=3.0)],
        replies=Counter({(200, 900): count}),
        wrong=Counter([wrong] if wrong else []),
        verified=1,
        opened=8,
        lasted=lasted,
        busy=busy,
    )


def test_runs_one_after_the_other_are_put_together() -> None:
    whole = Outcome.joined(
        [outcome(1, 2, lasted=4.0, busy=0.5), outcome(30, lasted=12.0, busy=0.1)]
    )
    assert (whole.answers, whole.seconds, whole.lasted) == (3, 8.0, 16.0)
    assert whole.busy == pytest.approx(0.2)
    assert whole.milliseconds(50) == pytest.approx(2.0, rel=0.01)
    assert whole.milliseconds(99) == pytest.approx(30.0, rel=0.01)
    assert [each.seconds for each in whole.stretches] == [0.5, 4.5]
    assert whole.replies == {(200, 900): 3}
    assert whole.is_sound


def test_one_wrong_answer_makes_the_whole_unsound() -> None:
    parts = [outcome(1, lasted=1.0, busy=0.5), outcome(1, lasted=1.0, busy=0.5, wrong="HTTP 500")]
    assert not Outcome.joined(parts).is_sound
