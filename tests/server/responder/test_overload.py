"""More come than can be served: who is let in, who is turned away at once, and who goes first."""

import asyncio
from datetime import timedelta
from ipaddress import IPv4Address

import pytest

from support.asking import AT, GOOD, NO_PROXIES, NOTEBOOK, open_counter
from support.clock import FakeClock
from tashika.pki.response import ResponseStatus, error_response
from tashika_server.responder import line, pace
from tashika_server.responder.framing import Head, Request
from tashika_server.responder.line import Ageing, Line
from tashika_server.responder.rim import Asked, Rim
from tashika_server.responder.turns import Turns

FLOODER, CALM = IPv4Address("127.0.0.1"), IPv4Address("127.0.0.2")


class Caller:
    """Hears nothing; notes in what order replies are handed out."""

    def __init__(self, peer, handed_out) -> None:
        self.peer, self._handed_out = peer, handed_out

    def certificate(self):
        return None

    def hand_out(self) -> None:
        self._handed_out.append(self)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    return open_counter(tmp_path_factory.mktemp("desk"))


class Crowd:
    """Turns, and those who wait for theirs."""

    def __init__(self, counter) -> None:
        clock = FakeClock(AT)
        rim = Rim(
            desk=counter.desk,
            reception=NO_PROXIES,
            notebook=NOTEBOOK,
            clock=clock,
            cache_for=timedelta(0),
        )
        self.passed = 0.0
        self.handed_out: list[Caller] = []
        self._question = counter.question(GOOD)
        self._turns = Turns(rim, meter=None, clock=clock, monotonic=lambda: self.passed)

    def join(self, peer, many: int = 1) -> list[Asked]:
        asked = [Asked(Caller(peer, self.handed_out), last=False) for _ in range(many)]
        for each in asked:
            head = Head("POST", "1.1", {}, keep_alive=True)
            self._turns.join(each, Request(head, "/ocsp", self._question))
        return asked

    async def served(self, asked: list[Asked]) -> None:
        while not all(each.ready for each in asked):  # noqa: ASYNC110 - turns of the loop count
            await asyncio.sleep(0)


async def test_t18_who_finds_the_line_full_is_turned_away_at_once_and_others_are_not(desk):
    crowd = Crowd(desk)
    waiting = crowd.join(FLOODER, line.MOST_EACH)
    assert not any(each.ready for each in waiting)
    (late,) = crowd.join(FLOODER)
    assert late.ready
    assert late.data.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in late.data
    assert not late.last, "the connection may be used again"
    calm = crowd.join(CALM)
    await crowd.served(waiting + calm)
    assert all(each.data.startswith(b"HTTP/1.1 200 ") for each in waiting + calm)


async def test_t18_who_comes_after_a_flood_does_not_wait_for_all_of_it(desk):
    crowd = Crowd(desk)
    crowd.join(FLOODER, line.MOST_EACH)
    (calm,) = crowd.join(CALM)
    await crowd.served([calm])
    assert crowd.handed_out.index(calm.caller) < pace.MOST


async def test_t18_who_has_waited_too_long_hears_try_later_and_costs_no_signature(desk):
    crowd = Crowd(desk)
    looked_up = len(desk.index.looked_up)
    asked = crowd.join(FLOODER, 3)
    crowd.passed = 5.1
    await crowd.served(asked)
    try_later = error_response(ResponseStatus.TRY_LATER)
    assert all(each.data.endswith(b"\r\n\r\n" + try_later) for each in asked)
    assert len(desk.index.looked_up) == looked_up


def test_t18_the_line_is_bounded_and_goes_round():
    waiting: Line[str] = Line(most=5, most_each=3)
    assert [waiting.join("a", f"a{n}") for n in range(4)] == [True, True, True, False]
    assert [waiting.join("b", f"b{n}") for n in range(3)] == [True, True, False]
    assert not waiting.join("c", "c0")
    assert waiting.take(3) == ["a0", "b0", "a1"]
    assert len(waiting) == 2
    assert waiting.join("c", "c0")
    assert waiting.take(9) == ["b1", "a2", "c0"]
    assert not waiting


def test_t18_a_burst_is_worked_off_and_a_standing_line_is_cut():
    ageing = Ageing(target=1.0, interval=5.0)
    limits = []
    for now, longest_wait in ((0.0, 0.1), (1.0, 2.0), (5.0, 4.0), (5.1, 4.0), (6.0, 0.9)):
        ageing.note(now, longest_wait)
        limits.append(ageing.limit(now))
    assert limits == [5.0, 5.0, 5.0, 1.0, 5.0]
