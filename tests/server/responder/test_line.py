"""Whoever waits is served in turn, and nobody waits in vain."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tashika_server.responder.line import STRANGER, Ageing, Line

MOST, EACH = 6, 3
KEYS = st.sampled_from([*"abcd", f"{STRANGER}e", f"{STRANGER}f"])


class Waiting(RuleBasedStateMachine):
    """A line beside the plainest account of it: who has joined, in order, and is still there."""

    def __init__(self) -> None:
        super().__init__()
        self.line: Line[tuple[str, int]] = Line(most=MOST, most_each=EACH)
        self.there: list[tuple[str, int]] = []
        self.joined = 0

    @rule(key=KEYS)
    def join(self, key):
        self.joined += 1
        one, own = (key, self.joined), [each for each in self.there if each[0] == key]
        room = len(self.there) < MOST and len(own) < EACH
        assert self.line.join(key, one) is room
        if room:
            self.there.append(one)

    @rule(most=st.integers(0, MOST + 1))
    def take(self, most):
        waited = Counter(key for key, _ in self.there)
        taken = self.line.take(most)
        assert len(taken) == min(most, len(self.there))
        for key, count in Counter(key for key, _ in taken).items():
            # Within a key, first come first served; what is taken is there no more.
            own = [each for each in self.there if each[0] == key]
            assert [each for each in taken if each[0] == key] == own[:count]
        self.there = [each for each in self.there if each not in taken]
        self._is_fair(waited, Counter(key for key, _ in taken))

    @staticmethod
    def _is_fair(waited, served) -> None:
        """Nobody has had two more than one who still waits, nor more than he asked for."""
        for key, count in waited.items():
            if served[key] < count:
                assert all(each <= served[key] + 1 for each in served.values())

    @rule(key=KEYS)
    def make_room(self, key):
        waiting = Counter(key for key, _ in self.there)
        out = self.line.make_room(key)
        full = len(self.there) == MOST
        strangers = [each for each in waiting if each.startswith(STRANGER)]
        if full and strangers and not key.startswith(STRANGER) and waiting[key] < EACH:
            assert out[0] in strangers
        elif not full or max(waiting.values()) < waiting[key] + 2:
            assert out is None
        else:
            assert waiting[out[0]] == max(waiting.values())
        if out:
            assert out == [each for each in self.there if each[0] == out[0]][-1]
            self.there.remove(out)

    @invariant()
    def counts(self):
        assert len(self.line) == len(self.there)


TestWaiting = Waiting.TestCase
TestWaiting.settings = settings(max_examples=25, stateful_step_count=30)


@settings(max_examples=50)
@given(st.lists(KEYS, min_size=1), st.integers(1, 4))
def test_each_key_that_waits_is_in_each_round(keys, rounds):
    """As many are taken as keys wait: each has one, also across the border of two turns."""
    line: Line[str] = Line()
    for key in keys:
        line.join(key, key)
    waiting = Counter(keys)
    for _ in range(rounds):
        expected = [key for key in waiting if waiting[key]]
        assert sorted(line.take(len(expected))) == sorted(expected)
        waiting -= Counter(expected)


@given(st.integers(1, 5), st.integers(0, 3))
def test_who_joins_waits_for_one_of_each_other_at_most(others, turn):
    line: Line[str] = Line()
    for number in range(others):
        for _ in range(50):
            line.join(str(number), "flood")
    line.take(turn)
    line.join("new", "new")
    assert "new" in line.take(others + 1)


def test_one_alone_may_have_the_whole_turn():
    line: Line[int] = Line()
    for number in range(100):
        line.join("a", number)
    assert line.take(64) == list(range(64))
    assert line.take(64) == list(range(64, 100))
    assert line.take(64) == []


def test_who_floods_fills_his_own_part_only():
    line: Line[int] = Line(most=10, most_each=4)
    assert [line.join("flood", number) for number in range(6)] == [True] * 4 + [False] * 2
    assert line.join("other", 1)
    line.take(1)
    assert line.join("flood", 7)


def test_those_who_flood_make_room_for_whoever_has_hardly_asked():
    line: Line[str] = Line(most=8, most_each=4)
    for number in range(4):
        assert line.join("a", f"a{number}")
        assert line.join("b", f"b{number}")
    assert not line.join("new", "n0")
    for number in range(2):
        assert line.make_room("new") in {"a3", "b3"}
        assert line.join("new", f"n{number}")
    # Now all have about as many.
    assert [line.make_room(each) for each in ("a", "b", "new")] == [None] * 3
    assert sorted(line.take(8)) == ["a0", "a1", "a2", "b0", "b1", "b2", "n0", "n1"]
    assert line.make_room("new") is None


def test_strangers_make_room_for_whoever_is_known_the_last_to_come_first():
    line: Line[str] = Line(most=4, most_each=2)
    for each in "abcd":
        assert line.join(STRANGER + each, each)
    assert line.take(1) == ["a"]
    assert line.join(f"{STRANGER}a", "a again")
    assert line.make_room(f"{STRANGER}e") is None
    for expected in ("a again", "d"):
        assert line.make_room("bank") == expected
        assert line.join("bank", expected)
    assert line.make_room("bank") is None, "who may not have more takes nobody's place"
    assert sorted(line.take(9)) == ["a again", "b", "c", "d"]


def test_it_does_not_remember_each_stranger_who_was_ever_there():
    line: Line[int] = Line(most=4)
    for number in range(100):
        assert line.join(f"{STRANGER}{number}", number)
        assert line.join("bank", number)
        assert line.take(2) == [number, number]
    assert len(line._strangers) <= 2 * 4


# --- Ageing ---------------------------------------------------------------------------------


def limit(ageing, now, longest_wait):
    """Return what follows from the longest wait that is found."""
    ageing.note(now, longest_wait)
    return ageing.limit(now)


@pytest.fixture
def ageing():
    return Ageing(target=1.0, interval=5.0)


def test_a_burst_is_worked_off(ageing):
    """Whoever came with it is served, as long as the line is short again within the interval."""
    assert limit(ageing, 100, 0.0) == 5
    for second in range(1, 6):
        assert limit(ageing, 100 + second, 4.0) == 5
    assert limit(ageing, 105.5, 0.5) == 5
    assert limit(ageing, 110, 4.0) == 5


def test_of_a_standing_line_those_are_turned_away_who_waited_longer_than_the_target(ageing):
    limit(ageing, 100, 0.0)
    limits = [limit(ageing, 100 + second, 3.0) for second in range(1, 9)]
    assert limits == [5] * 5 + [1] * 3


def test_a_line_that_is_short_again_is_forgiven_at_once(ageing):
    limit(ageing, 100, 0.0)
    assert limit(ageing, 106, 3.0) == 1
    assert limit(ageing, 107, 1.0) == 5
    assert limit(ageing, 112, 3.0) == 5
    assert limit(ageing, 112.1, 3.0) == 1


def test_an_empty_line_is_short(ageing):
    """However long nobody came: whoever waits then has come with a burst."""
    limit(ageing, 100, 0.0)
    ageing.note(200, 0.0)
    assert limit(ageing, 203, 3.0) == 5
    assert limit(ageing, 205.1, 3.0) == 1


def test_the_first_to_wait_begin_with_the_interval(ageing):
    assert limit(ageing, 0, 4.0) == 5


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 20)), max_size=40))
def test_the_limit_is_the_target_just_while_the_line_stands(steps):
    ageing, now, short = Ageing(target=1.0, interval=5.0), 0.0, None
    for passed, longest in steps:
        now += passed
        short = now if longest <= 1 or short is None else short
        assert limit(ageing, now, longest) == (1.0 if now - short > 5 else 5.0)
