"""A worker that is relieved: whoever is there is answered once more, told so, and never cut off."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from support.asking import GOOD, HASTE, Relief, Wire, live, open_counter, post
from support.service import wait_until

LONG = timedelta(seconds=30)
PATIENT = replace(HASTE, head=LONG, body=LONG, linger=LONG)


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    return open_counter(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def asked(counter):
    return post(counter.question(GOOD))


def last(wire: Wire) -> bool:
    heard = wire.hear()
    assert heard
    assert heard.status == 200
    return heard.headers.get("connection") == "close"


@pytest.fixture
def relief() -> Relief:
    return Relief()


def relieve(relief: Relief, port: int, asked: bytes) -> None:
    """Return once the worker knows: then it says so to whoever asks."""
    with Wire(port) as early:
        early.say(asked)
        assert not last(early)
        relief()

        def knows() -> bool:
            early.say(asked)
            return last(early)

        wait_until(knows, "the last reply")
        assert early.hear() is None


def test_who_is_idle_or_in_mid_sentence_is_answered_and_told_that_this_was_the_last(
    counter, asked, relief
) -> None:
    with (
        live(counter.desk, patience=PATIENT, relief=relief) as port,
        Wire(port) as idle,
        Wire(port) as busy,
    ):
        for wire, rest in ((idle, b""), (busy, asked[:-1])):
            wire.say(asked + rest)
            assert not last(wire)
        relieve(relief, port, asked)
        for wire, rest in ((idle, asked), (busy, asked[-1:])):
            wire.say(rest)
            assert last(wire)
            assert wire.hear() is None


def test_whoever_asks_many_at_once_has_all_answers(counter, asked, relief) -> None:
    with live(counter.desk, patience=PATIENT, relief=relief) as port, Wire(port) as wire:
        wire.say(asked)
        assert not last(wire)
        relieve(relief, port, asked)
        wire.say(asked * 20)  # more than have their turn at one time
        assert [last(wire) for _ in range(20)] == [False] * 19 + [True]
        assert wire.hear() is None


def test_a_question_that_crosses_with_the_last_reply_is_not_answered_with_a_reset(
    counter, asked, relief
) -> None:
    """RFC 9112 9.6: it could overtake the reply."""
    with live(counter.desk, patience=PATIENT, relief=relief) as port, Wire(port) as wire:
        wire.say(asked)
        assert not last(wire)
        relieve(relief, port, asked)
        wire.say(asked)
        assert last(wire)
        assert wire.hear() is None
        for _ in range(3):
            wire.say(asked)  # a reset that came back would be an error here
            time.sleep(0.02)


def test_who_stays_idle_is_closed_when_they_would_have_been_anyway(counter, asked, relief) -> None:
    patience = replace(HASTE, head=timedelta(seconds=0.5))
    with live(counter.desk, patience=patience, relief=relief) as port, Wire(port) as idle:
        idle.say(asked)
        assert not last(idle)
        begun = time.monotonic()
        relieve(relief, port, asked)
        assert idle.hear() is None
        assert time.monotonic() - begun > 0.4


def test_who_is_told_to_stop_meanwhile_waits_for_nobody(counter, asked, relief) -> None:
    with live(counter.desk, patience=PATIENT, relief=relief) as port, Wire(port) as idle:
        idle.say(asked)
        assert not last(idle)
        relieve(relief, port, asked)
        begun = time.monotonic()
    assert time.monotonic() - begun < LONG.total_seconds() / 2
