from datetime import timedelta
from random import Random

import pytest

from tashika_server.refresh.schedule import FIRST_RETRY_SECONDS, SPREAD, Schedule

EVERY = timedelta(minutes=15)
SOURCES = [f"partition {number}" for number in range(1000)]


@pytest.fixture
def schedule() -> Schedule[str]:
    return Schedule(SOURCES, every=EVERY, random=Random(1))


def test_everything_is_due_at_first(schedule: Schedule[str]):
    assert schedule.due(0.0) == SOURCES
    assert schedule.pause(0.0) == 0.0


def test_a_source_that_is_well_has_its_turn_within_the_period(schedule: Schedule[str]):
    for source in SOURCES:
        schedule.went_well(source, 100.0)
    period = EVERY.total_seconds()
    earliest = 100.0 + period * (1 - SPREAD)
    assert schedule.due(earliest) == []
    assert earliest <= 100.0 + schedule.pause(100.0) <= earliest + 5
    assert schedule.due(100.0 + period) == SOURCES
    # Spread evenly, so that thousands do not come at once.
    middle = schedule.due(earliest + period * SPREAD / 2)
    assert 400 < len(middle) < 600


def test_a_source_that_failed_is_asked_sooner_then_ever_later():
    alone = Schedule(["one"], every=EVERY, random=Random(1))
    longest = FIRST_RETRY_SECONDS
    for _ in range(40):
        alone.went_wrong("one", 0.0)
        assert longest * (1 - SPREAD) <= alone.pause(0.0) <= longest
        longest = min(2 * longest, EVERY.total_seconds())


def test_a_source_that_is_well_again_starts_over():
    alone = Schedule(["one"], every=EVERY, random=Random(1))
    for _ in range(5):
        alone.went_wrong("one", 0.0)
    alone.went_well("one", 0.0)
    alone.went_wrong("one", 0.0)
    assert alone.pause(0.0) <= FIRST_RETRY_SECONDS


def test_a_short_period_is_kept_even_by_failures():
    alone = Schedule(["one"], every=timedelta(seconds=2), random=Random(1))
    alone.went_wrong("one", 0.0)
    assert alone.pause(0.0) <= 2


def test_without_sources_nothing_is_ever_due():
    empty = Schedule[str]([], every=EVERY, random=Random(1))
    assert empty.due(1e9) == []
    assert empty.pause(0.0) == float("inf")
