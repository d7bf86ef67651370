"""The waiting that is worked out on paper."""

from random import Random

import pytest

from benchmarks.answering.floor import waits

STEADY = [each / 1000 for each in range(10_001)]


def test_waits_at_a_steady_core_are_those_of_the_textbook():
    # M/D/1 at 70 %: 1 + 0.7 / (2 * 0.3) = 2.17 times what one takes.
    waited = waits(STEADY, 0.7, Random(1))
    assert len(waited) == pytest.approx(7000, rel=0.05)
    assert min(waited) == pytest.approx(0.001)
    assert sum(waited) / len(waited) == pytest.approx(0.00217, rel=0.15)


def test_a_core_that_stands_still_for_a_while_shows_in_all_who_came_meanwhile():
    stalled = [each if each < 5 else each + 0.5 for each in STEADY]
    waited = sorted(waits(stalled, 0.7, Random(1)))
    assert waited[-1] == pytest.approx(0.5, rel=0.1)
    assert waited[len(waited) * 95 // 100] > 0.1
