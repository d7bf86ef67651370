"""No journal, no answer: what is billed is durable before a byte of it leaves the socket."""

import select
import time
from datetime import timedelta
from threading import Event

import pytest

from support.asking import AT, GOOD, REVOKED, Wire, post
from support.compiled import interpreted
from support.journal import How
from support.metered import Everybody, outcome, till
from tashika.pki.response import ResponseStatus, parse_response
from tashika_server.metering.usage import Delivery
from tashika_server.responder import worker
from tashika_server.responder.admission import Leave


def test_every_answer_is_in_the_journal_with_what_became_of_it(tmp_path):
    with till(tmp_path) as shop, Wire(shop.port) as wire:
        for serials in ((GOOD,), (GOOD, REVOKED), (REVOKED,)):
            wire.say(post(shop.counter.question(*serials)))
            assert outcome(wire.hear()) == len(serials)
    assert shop.deliveries() == {Delivery.HANDED_OVER: 4}


def test_pipelined_answers_share_a_commit_and_keep_their_order(tmp_path):
    with till(tmp_path) as shop, Wire(shop.port) as wire:
        nonces = [bytes((number,)) * 8 for number in range(12)]
        syncs = shop.disk.syncs
        wire.say(b"".join(post(shop.counter.question(GOOD, nonce=each)) for each in nonces))
        assert [parse_response(wire.hear().body).nonce for _ in nonces] == nonces
        assert shop.disk.syncs - syncs <= 3
    assert shop.deliveries() == {Delivery.HANDED_OVER: 12}


def test_nothing_leaves_before_it_is_durable(tmp_path):
    with till(tmp_path) as shop, Wire(shop.port) as wire:
        early = []

        def look():
            shop.disk.before_sync = lambda: None
            early.extend(select.select([wire.socket], [], [], 0.05)[0])
            looked.set()

        looked = Event()
        shop.disk.before_sync = look
        wire.say(post(shop.counter.question(GOOD)))
        assert looked.wait(10)
        assert outcome(wire.hear()) == 1
    assert not early


def test_nobody_is_let_in_before_there_is_a_journal(tmp_path, monkeypatch):
    listen, let_in = worker._listen, []

    async def spy(make_connection, *more: object):
        (front,) = make_connection.args
        meter = front.turns.rim.desk.meter
        let_in.append(meter._group.journal)  # raises JournalStopped where there is none
        return await listen(make_connection, *more)

    monkeypatch.setattr(worker, "_listen", spy)
    with till(tmp_path):
        assert let_in


def test_a_disk_that_takes_too_long_for_that_is_try_later(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "JOURNAL", timedelta(milliseconds=20))
    disk_is_back = Event()
    with till(tmp_path, before_sync=disk_is_back.wait) as shop, Wire(shop.port) as wire:
        question = post(shop.counter.question(GOOD))
        wire.say(question)
        assert outcome(wire.hear()) == ResponseStatus.TRY_LATER
        disk_is_back.set()
        heard, deadline = ResponseStatus.TRY_LATER, time.monotonic() + 20
        while heard is ResponseStatus.TRY_LATER:
            assert time.monotonic() < deadline
            wire.say(question)
            heard = outcome(wire.hear())
        assert heard == 1


@pytest.mark.parametrize("how", [How.FAILS_UNDONE, How.FAILS_DONE, How.FULL_HALFWAY])
def test_t39_a_disk_that_fails_is_try_later_and_heals_without_hands(tmp_path, how):
    with till(tmp_path) as shop, Wire(shop.port) as wire:
        question = post(shop.counter.question(GOOD))
        wire.say(question)
        assert outcome(wire.hear()) == 1
        shop.disk.break_at(1, how)
        wire.say(question + question)
        assert [outcome(wire.hear()) for _ in range(2)] == [ResponseStatus.TRY_LATER] * 2
        heard, deadline = ResponseStatus.TRY_LATER, time.monotonic() + 20
        while heard is ResponseStatus.TRY_LATER:
            assert time.monotonic() < deadline
            wire.say(question)
            heard = outcome(wire.hear())
        assert heard == 1
    found = shop.deliveries()
    # The first one's hand-over may not have been written any more; then it is waived.
    assert found[Delivery.HANDED_OVER] in (1, 2)
    assert found[Delivery.HANDED_OVER] + found[Delivery.UNKNOWN] >= 2


@interpreted
def test_an_answer_that_was_not_recorded_is_no_replay(tmp_path, monkeypatch):
    """Who asks again, signed, is answered anew; what was given is kept."""
    ended = []

    class Claim(Leave):
        def keep(self, _answer, *, until):
            ended.append(until > AT)

        def give_back(self):
            ended.append("given back")

    monkeypatch.setattr(Everybody, "admit", lambda self, *_, at: Claim(self.permit, claimed=True))
    with till(tmp_path) as shop, Wire(shop.port) as wire:
        shop.disk.break_at(1, How.FAILS_UNDONE)
        question = post(shop.counter.question(GOOD, nonce=b"n"))
        wire.say(question)
        assert outcome(wire.hear()) is ResponseStatus.TRY_LATER
        assert ended == ["given back"]
        deadline = time.monotonic() + 20
        while ended[-1] is not True:
            assert time.monotonic() < deadline
            wire.say(question)
            wire.hear()
