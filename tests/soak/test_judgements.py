"""What the soak finds out: each kind of wrong answer, and each disagreement of the books."""

from collections import Counter
from random import Random
from types import SimpleNamespace

import pytest

from drill.askers import Place
from soak.books import Books, faults
from soak.callers import Caller
from soak.questions import NONCE, Put, Questions, WrongReply
from tashika_server.metering.usage import Delivery

EXTENSION = NONCE + b"\x04\x04\x04\x02ab"
GOOD, REVOKED = b"first id\x80\x00", b"second id\xa1"


def put(nonce: bytes = b"ab") -> Put:
    question = SimpleNamespace()
    return Put(wire=b"", question=question, nonce=nonce, said=(GOOD, REVOKED), expects=False)  # type: ignore[arg-type]


def test_the_answer_to_a_question_is_taken_for_it() -> None:
    put().check(200, b"..." + GOOD + b"..." + REVOKED + b"..." + EXTENSION)
    put(b"").check(200, GOOD + REVOKED)


@pytest.mark.parametrize(
    ("status", "body", "nonce"),
    [
        (503, GOOD + REVOKED + EXTENSION, b"ab"),
        (200, b"", b"ab"),
        (200, REVOKED + GOOD + EXTENSION, b"ab"),
        (200, GOOD + EXTENSION, b"ab"),
        (200, GOOD[:-2] + b"\xa1" + REVOKED + EXTENSION, b"ab"),
        (200, GOOD + REVOKED, b"ab"),
        (200, GOOD + REVOKED + EXTENSION, b"ac"),
        (200, GOOD + REVOKED + EXTENSION, b"a"),
        (200, GOOD + REVOKED + EXTENSION, b""),
    ],
    ids=[
        *("refused", "empty", "other order", "one left out", "other status", "no nonce"),
        *("other nonce", "longer nonce", "a nonce unasked"),
    ],
)
def test_t5_another_answer_is_not(status: int, body: bytes, nonce: bytes) -> None:
    with pytest.raises(WrongReply):
        put(nonce).check(status, body)


def caller(heard: int, broken: int, *places: int) -> Caller:
    questions = Questions(path="", token="", populations=(), chance=Random(1))
    made = Caller(
        name="bank", agreement="A", questions=questions, receipts=True, breaks=True, sample=1
    )
    made.heard, made.broken = heard, broken
    made.places = [Place("s", each) for each in places]
    return made


def books(delivered: int, *placed: int, abandoned: int = 0, unknown: int = 0) -> Books:
    became = {Delivery.HANDED_OVER: delivered, Delivery.ABANDONED: abandoned}
    became[Delivery.UNKNOWN] = unknown
    return Books(
        became=Counter({("A", each): number for each, number in became.items()}),
        placed={Place("s", each) for each in placed},
        lost=0,
        doubled=0,
        unfinished=0,
        alarms=0,
    )


@pytest.mark.parametrize(
    ("who", "said", "wrong"),
    [
        (caller(2, 0, 0, 1), books(2, 0, 1), {}),
        (caller(2, 3), books(4, abandoned=1), {}),
        (caller(3, 0), books(2), {"heard, not in the journals as delivered": 1}),
        (caller(2, 1), books(4), {"delivered, neither heard nor broken off": 1}),
        (caller(2, 0), books(2, abandoned=1), {"abandoned, not broken off": 1}),
        (caller(2, 0), books(2, unknown=1), {"uncertain though nobody died": 1}),
        (
            caller(3, 0, 0, 0, 7),
            books(3, 0, 1),
            {
                "answers with the number of another": 1,
                "numbers heard that no journal has": 1,
                "numbers in the journals that nobody heard": 1,
            },
        ),
    ],
)
def test_every_disagreement_is_named(who: Caller, said: Books, wrong: dict[str, int]) -> None:
    assert {name: n for name, n in faults([who], said).items() if n} == wrong
