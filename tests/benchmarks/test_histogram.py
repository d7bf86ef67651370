from random import Random

import pytest

from benchmarks.load.histogram import Histogram

SIZES = (1, 100, 257, 4_095, 4_096, 1_000_003, 10**9, 3600 * 10**9)


def histogram(*durations: int) -> Histogram:
    made = Histogram()
    for each in durations:
        made.add(each)
    return made


@pytest.mark.parametrize("size", SIZES)
def test_a_percentile_is_never_below_the_truth_and_at_most_a_128th_above(size: int) -> None:
    chance = Random(size)
    durations = sorted(chance.randint(0, size) for _ in range(2000))
    made = histogram(*durations)
    for percent in (0.1, 1, 50, 90, 99, 99.9, 100):
        truth = durations[max(0, -(-len(durations) * percent // 100).__int__() - 1)]
        assert truth <= made.percentile(percent) <= truth * 129 / 128 + 1


def test_what_is_absurdly_long_or_negative_is_counted_all_the_same() -> None:
    made = histogram(-5, 10**30)
    assert made.count == 2
    assert made.percentile(50) == 0
    assert made.greatest == 10**30


def test_sums_count_what_their_parts_counted() -> None:
    parts = [histogram(*range(0, 10**6, 997)), histogram(5, 50, 5 * 10**8)]
    both = histogram(*range(0, 10**6, 997), 5, 50, 5 * 10**8)
    assert list(Histogram.sum(parts).curve()) == list(both.curve())


def test_the_curve_rises_to_all_of_them_and_the_longest() -> None:
    made = histogram(*range(1, 10**5, 13))
    points = list(made.curve())
    assert points == sorted(points)
    assert points[-1] == (100.0, made.greatest)


def test_nothing_takes_no_time() -> None:
    assert (Histogram().count, Histogram().percentile(99)) == (0, 0)
