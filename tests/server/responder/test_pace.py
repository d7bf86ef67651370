"""A turn takes as many as surely fit into its time, and so takes no longer than that."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tashika_server.responder.pace import MOST, SECONDS, SECONDS_ALONE, Pace

KEPT = 20e-6
"""Seconds that an answer costs which need not be signed."""


def take(pace, waiting, signature, seconds=SECONDS):
    """Take a turn's worth of those who wait, True who want a signature; returns how many."""
    pace.begin(seconds)
    taken: list[bool] = []
    while some := waiting[len(taken) : len(taken) + pace.room()]:
        taken += some
        pace.spend(len(some), to_sign=sum(some))
    pace.learn(signing=sum(taken) * signature, rest=len(taken) * KEPT)
    return len(taken)


def used_to(signature):
    pace = Pace()
    for _ in range(100):
        take(pace, [True], signature)
    return pace


@pytest.mark.parametrize(
    ("signature", "signed"), [(27e-6, MOST), (1e-3, 7), (5.5e-3, 1), (50e-3, 1)]
)
def test_a_turn_takes_as_many_as_it_can_sign(signature, signed):
    pace = used_to(signature)
    assert take(pace, [True] * 300, signature) == signed
    assert take(pace, [False] * 300, signature) >= MOST - 4
    assert take(pace, [True] * 300, signature) == signed


def test_the_first_turn_of_all_is_as_short_by_a_slow_key():
    assert take(Pace(), [True] * 300, 1e-3) == 7


def test_one_alone_has_more_of_a_slow_key():
    assert take(used_to(1e-3), [True] * 300, 1e-3, SECONDS_ALONE) == 98


@settings(max_examples=50)
@given(st.lists(st.booleans(), max_size=300), st.sampled_from([27e-6, 1e-3, 3e-3]))
def test_it_takes_no_longer_than_it_may_and_leaves_no_time_for_another(waiting, signature):
    pace = used_to(signature)
    while waiting:
        taken = take(pace, waiting, signature)
        spent = sum(waiting[:taken]) * signature + taken * KEPT
        assert spent <= SECONDS * 1.001
        whole = taken in {MOST, len(waiting)}
        assert whole or spent + signature + KEPT > SECONDS * 0.999
        waiting = waiting[taken:]
