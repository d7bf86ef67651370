"""Who asks is answered in turns, and what goes wrong with one is not the others' trouble."""

import asyncio
import itertools
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from support.access import SECRET, closed
from support.asking import (
    AT,
    DAY,
    GOOD,
    NO_PROXIES,
    NOTEBOOK,
    REVOKED,
    Wire,
    get,
    live,
    open_counter,
    post,
)
from support.clock import FakeClock
from support.compiled import interpreted
from support.metered import Everybody, open_books, outcome, permit_for, till
from support.verifiers import FakeMonotonic
from tashika.pki.response import ErrorResponse, ResponseStatus, parse_response
from tashika_server.agreements.refusals import Grounds, TooFast
from tashika_server.index import IndexMissing
from tashika_server.metering.journal import Journal, StopCause
from tashika_server.metering.usage import Delivery
from tashika_server.responder import line, turns
from tashika_server.responder.cache import AnswerCache
from tashika_server.responder.connection import Connection
from tashika_server.responder.framing import Head, Request
from tashika_server.responder.front import Front, Patience
from tashika_server.responder.line import MOST_EACH, Line
from tashika_server.responder.pace import MOST, SECONDS, SECONDS_ALONE, SECONDS_EACH
from tashika_server.responder.rim import Asked, Rim
from tashika_server.responder.stages import LOOK_EVERY
from tashika_server.responder.turns import A_WHILE, ENOUGH, Turns
from tashika_server.signing import Unsigned

BANK, OTHER = "127.0.0.1", "127.0.0.2"
"""On this machine everybody goes by the address they come from."""


class Person:
    """Somebody at the other end of a connection; `said` is everybody's, in order."""

    def __init__(self, said, peer=BANK) -> None:
        self.said, self.peer = said, ip_address(peer)

    def certificate(self):
        return None

    def hand_out(self):
        self.said.append(self)


class Office:
    """Turns on a clock that a test moves, with everybody who asks."""

    def __init__(self, counter, desk=None) -> None:
        desk = desk or counter.desk
        self.counter, self.said, self.now = counter, [], FakeMonotonic()
        counter.index.looked_up.clear()
        rim = Rim(
            desk=desk,
            reception=NO_PROXIES,
            notebook=NOTEBOOK,
            clock=FakeClock(AT),
            cache_for=0 * DAY,
        )
        self.turns = Turns(rim, meter=desk.meter, clock=FakeClock(AT), monotonic=self.now)

    async def get_used(self, disk=None):
        """Learn what signing costs here, by answering one after the other."""
        for _ in range(50):
            self.ask(Person([]))
            await turn()
            await turn()  # of the disk
            if disk:
                disk.go()
        self.counter.index.looked_up.clear()

    def ask(self, person, target="/ocsp", *, serial=GOOD, nonce=b"n" * 32, fields=None):
        asked = Asked(person, last=False)
        method = "POST" if target == "/ocsp" else "GET"
        question = self.counter.question(serial, nonce=nonce)
        head = Head(method, "1.1", fields or {}, keep_alive=True)
        self.turns.join(asked, Request(head, target, question))
        return asked

    def persons(self, number, peer=BANK):
        return [Person(self.said, peer) for _ in range(number)]


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    return open_counter(tmp_path_factory.mktemp("desk"))


@pytest.fixture
async def office(counter):
    """Where signing is known to cost nothing."""
    opened = Office(counter)
    await opened.get_used()
    return opened


@pytest.fixture
def signing_takes(monkeypatch, office):
    """Have each signature take so many seconds from now on."""
    envelope = office.counter.envelope()
    office.counter.index.looked_up.clear()
    really = envelope.sign

    def from_now_on(seconds):
        def sign(data):
            office.now.seconds += seconds
            return really(data)

        monkeypatch.setattr(envelope, "sign", sign)

    return from_now_on


class Disk:
    """Is done with a sync when a test says so."""

    def __init__(self) -> None:
        self.go, self.looked = lambda: None, lambda: None

    def begin(self, _disk, _file, then):
        self.go = then
        return self

    def wait(self):
        pass

    def look(self):
        self.looked()

    def close(self):
        pass


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
async def metered(counter, tmp_path, disk):
    """An office whose journal is on that disk, which is busy with one record."""
    with open_books(tmp_path, counter.issuer) as books:
        group = books.group(lambda: disk)
        assert await group.begin()
        permit = permit_for(counter.issuer)
        desk = replace(counter.desk, admission=Everybody(permit), meter=books.meter(group))
        opened = Office(counter, desk)
        await opened.get_used(disk)
        opened.ask(Person([]))
        await turn()
        await turn()
        counter.index.looked_up.clear()
        yield opened
        group.end()


async def turn():
    """Let those who are due have one turn."""
    await asyncio.sleep(0)


def refused(asked):
    read = parse_response(asked.data.partition(b"\r\n\r\n")[2])
    return read.status if isinstance(read, ErrorResponse) else None


# --- Fair -----------------------------------------------------------------------------------


async def test_one_that_floods_over_many_connections_keeps_nobody_waiting(office):
    flood = [office.ask(each) for each in office.persons(20) for _ in range(51)]
    await turn()
    assert sum(each.ready for each in flood) == MOST
    waited = []
    for _ in range(7):
        (late,) = office.persons(1, OTHER)
        asked, before = office.ask(late), len(office.said)
        await turn()
        assert asked.ready
        waited.append(office.said.index(late, before) - before)
    # Of each one in turn: only a single one of the others is ever served first.
    assert max(waited) <= 1
    assert sum(each.ready for each in flood) == MOST + 7 * (MOST - 1)


async def test_many_have_their_turns_in_turn(office):
    crowd = [Person(office.said, f"127.0.1.{number}") for number in range(100)]
    flood = office.persons(10)
    for each in flood:
        for _ in range(30):
            office.ask(each)
    for each in crowd:
        office.ask(each)
    for _ in range(2):
        await turn()
    assert {each for each in office.said if each in crowd} == set(crowd)


async def test_who_are_alone_in_asking_much_have_all_of_the_turn(office):
    asked = [office.ask(each) for each in office.persons(2) for _ in range(MOST)]
    await turn()
    assert [each.ready for each in asked] == [True] * MOST + [False] * MOST
    await turn()
    assert all(each.ready for each in asked)


@pytest.fixture
def alone(monkeypatch):
    """Let somebody who asks alone have no longer turns than many have."""
    monkeypatch.setattr(turns, "SECONDS_ALONE", SECONDS)


@pytest.fixture
async def two_a_turn(office, alone, monkeypatch, signing_takes):
    """Make signing so dear that two signatures fill a turn, however many ask."""
    monkeypatch.setattr(turns, "SECONDS_EACH", SECONDS)
    signing_takes(0.48 * SECONDS)
    await office.get_used()


async def test_one_alone_has_longer_turns_until_somebody_else_asks(office, signing_takes):
    """Where keys are slow, what a turn costs itself is shared by more."""
    seconds = SECONDS_ALONE / 10.5
    signing_takes(seconds)
    await office.get_used()
    office.now.seconds += A_WHILE
    for each in office.persons(25):
        office.ask(each)
    await turn()
    assert len(office.said) == 10
    office.ask(*office.persons(1, OTHER))
    await turn()
    assert len(office.said) == 10 + 1


async def test_t18_one_who_floods_has_short_turns_once_another_has_asked(office, signing_takes):
    signing_takes(SECONDS_EACH / 10.5)
    await office.get_used()
    office.ask(*office.persons(1, OTHER))
    await turn()
    office.said.clear()
    for each in office.persons(400):
        office.ask(each)
    await turn()
    assert len(office.said) == 10
    for number in range(4):
        office.ask(*office.persons(1, f"127.0.1.{number}"))
    await turn()
    assert len(office.said) == 10 + 5 * 10 + 2, "a share of the time for each who waits"
    for number in range(20):
        office.ask(*office.persons(1, f"127.0.1.{number}"))
    office.said.clear()
    await turn()
    assert len(office.said) == SECONDS / SECONDS_EACH * 10 + 4, "up to so much for all of them"
    office.now.seconds += A_WHILE
    office.said.clear()
    await turn()
    assert len(office.said) == MOST, "and a long one, once nobody else has asked for a while"


async def test_a_turn_is_as_short_as_answers_are_dear(office, alone, signing_takes):
    """So long waits who has just missed one."""
    signing_takes(0.48 * SECONDS)
    sizes = []
    for each in office.persons(10):
        for _ in range(30):
            office.ask(each)
    while len(office.said) < 300:
        before = len(office.said)
        await turn()
        sizes.append(len(office.said) - before)
    assert sizes[0] == MOST
    assert sizes[-10:-1] == [2] * 9


@pytest.mark.parametrize("signed", range(1, 5))
async def test_a_turn_is_as_short_after_many_that_signed_nothing(
    office, alone, signing_takes, signed
):
    """What has to be signed is known when it is drafted: each `signed`th, after kept answers."""
    signature = SECONDS / 8.5
    signing_takes(signature)
    await office.get_used()
    people = office.persons(3)
    for _ in range(50):
        office.ask(people[0], nonce=None)
        await turn()
    office.said.clear()
    kept = [office.ask(people[0], nonce=None) for _ in range(MOST)]
    began = office.now.seconds
    await turn()
    assert all(each.ready for each in kept)
    assert office.now.seconds == began
    asked = [
        office.ask(each, nonce=b"n" if number % signed == 0 else None)
        for number in range(40)
        for each in people
    ]
    while not asked[-1].ready:
        began, before = office.now.seconds, [each.ready for each in asked]
        await turn()
        assert office.now.seconds - began <= SECONDS
        ready = [each.ready for each in asked]
        assert ready == sorted(ready, reverse=True), "in order"
        assert ready != before
        if not ready[-1]:
            assert office.now.seconds - began > SECONDS - 2 * signature, "time is made use of"


async def test_while_a_turn_is_synced_few_wait_for_the_end_of_it_and_many_do_not(metered, disk):
    looked_up = metered.counter.index.looked_up
    for each in metered.persons(ENOUGH - 1):
        metered.ask(each)
    await turn()
    assert looked_up == []
    disk.go()
    await turn()
    assert len(looked_up) == ENOUGH - 1
    await turn()  # of the disk
    for each in metered.persons(ENOUGH):
        metered.ask(each)
    await turn()
    assert len(looked_up) == 2 * ENOUGH - 1


async def test_what_needs_no_record_does_not_wait_for_a_disk_that_hangs(metered):
    (person,) = metered.persons(1)
    told = asyncio.Event()
    person.hand_out = told.set
    asked = metered.ask(person, "/nowhere")
    await asyncio.wait_for(told.wait(), 5)
    assert asked.ready


# --- Too many, too long ---------------------------------------------------------------------


async def test_whoever_is_one_too_many_is_told_at_once(office):
    (bank, other) = (*office.persons(1), *office.persons(1, OTHER))
    first = [office.ask(bank) for _ in range(MOST_EACH)]
    refused_one, admitted = office.ask(bank), office.ask(other)
    assert refused_one.ready
    assert not refused_one.last
    assert refused_one.data.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in refused_one.data
    assert not admitted.ready
    assert not any(each.ready for each in first)


async def test_strangers_who_fill_the_line_keep_nobody_out_of_it(office):
    flood = [
        office.ask(each)
        for number in range(4)
        for each in [Person(office.said, f"127.0.1.{number}")] * MOST_EACH
    ]
    (other,) = office.persons(1, OTHER)
    asked = office.ask(other)
    assert not asked.ready
    (crowded_out,) = [each for each in flood if each.ready]
    assert crowded_out.data.startswith(b"HTTP/1.1 503 ")
    assert not crowded_out.last
    await turn()
    assert asked.ready
    assert asked.data.startswith(b"HTTP/1.1 200 ")
    of_the_same = [each for each in flood if each.caller is crowded_out.caller]
    assert office.said.count(crowded_out.caller) == sum(each.ready for each in of_the_same)


async def test_strangers_with_one_question_each_keep_no_verifier_out_of_the_line(tmp_path):
    """However many addresses they come from."""
    with closed(tmp_path) as behind:
        office = Office(behind.counter, behind.desk)
        token = {"authorization": f"Bearer {SECRET}"}
        places = [f"127.1.{number >> 8}.{number & 255}" for number in range(line.MOST)]
        strangers = [office.ask(Person(office.said, each)) for each in places]
        (bank, late) = (*office.persons(1, OTHER), *office.persons(1, "127.2.0.1"))
        (asked, too_late) = office.ask(bank, fields=token), office.ask(late)
        assert not asked.ready
        assert [each.ready for each in strangers] == [False] * (line.MOST - 1) + [True]
        assert strangers[-1].data.startswith(b"HTTP/1.1 503 ")
        assert too_late.data.startswith(b"HTTP/1.1 503 ")
        while not asked.ready:
            await turn()
        assert refused(asked) is None
        assert asked.data.startswith(b"HTTP/1.1 200 ")


@interpreted
def test_a_503_leaves_the_connection_as_it_is(counter, monkeypatch):
    monkeypatch.setitem(Line.__init__.__kwdefaults__, "most_each", 2)
    question = post(counter.question(GOOD, nonce=b"n" * 32))
    with live(counter.desk) as port, Wire(port) as wire:
        for _ in range(2):
            wire.say(question * 4)
            heard = [wire.hear() for _ in range(4)]
            assert [each.status for each in heard] == [200, 200, 503, 503]
            assert [each.headers.get("retry-after") for each in heard] == [None, None, "1", "1"]
            assert not any("connection" in each.headers for each in heard)


async def test_who_has_waited_too_long_is_told_to_try_later(office):
    (bank, other) = (*office.persons(1), *office.persons(1, OTHER))
    old = office.ask(bank)
    office.now.seconds += 5.1
    new = office.ask(other)
    await turn()
    assert refused(old) is ResponseStatus.TRY_LATER
    assert refused(new) is None
    assert not old.last
    assert office.counter.index.looked_up == [GOOD]


@pytest.mark.usefixtures("two_a_turn")
async def test_in_a_line_that_stands_nobody_waits_longer_than_the_target(office):
    """Each second two come and two are served, after three seconds: for five that is a burst.

    Who is turned away then takes up nobody's time, so who comes behind is served at once.
    """
    (bank,), told = office.persons(1), []
    for second in range(10):
        told.append([office.ask(bank) for _ in range(2)])
        office.now.seconds += 1
        if second > 1:
            await turn()
    served = [{refused(each) for each in pair} for pair in told[:6]]
    assert served == [{None}] * 2 + [{ResponseStatus.TRY_LATER}] * 2 + [{None}] * 2


@pytest.mark.usefixtures("two_a_turn")
async def test_it_stands_also_where_others_go_first_who_have_hardly_waited(office):
    """Every other turn begins with one of them."""
    (bank,), told = office.persons(1), []
    quick = [Person(office.said, f"127.0.1.{number}") for number in range(2)]
    told.append(office.ask(bank))
    for _ in range(3):
        told += [office.ask(bank) for _ in range(3)]
        office.now.seconds += 2
        served = [office.ask(each) for each in quick]
        await turn()
        await turn()
        assert [refused(each) for each in served] == [None, None]
    assert [refused(each) for each in told[:6]] == [None] * 4 + [ResponseStatus.TRY_LATER] * 2


async def test_nobody_is_turned_away_for_a_line_that_was_empty_meanwhile(office):
    """A worker that is held up for two seconds after a quiet hour has a burst before it."""
    office.ask(*office.persons(1))
    await turn()
    office.now.seconds += 3600
    asked = office.ask(*office.persons(1))
    office.now.seconds += 2
    await turn()
    assert refused(asked) is None


def hurry(seconds):
    """Write a refusal that says when to ask again."""
    return TooFast(Grounds(), retry_after=seconds)


async def test_a_flood_of_one_second_is_refused_in_the_same_words(office):
    """Though a bucket fills all the time: what is written anew for each costs ten times that."""
    (bank,) = office.persons(1)
    asked = [office.ask(bank) for _ in range(3)]
    for each, seconds in zip(asked, (0.31, 0.32, 1.01), strict=True):
        office.turns.rim.refuse(each, hurry(seconds))
    first, same, later = (each.data for each in asked)
    assert same is first
    assert b"\r\nRetry-After: 1\r\n" in first
    assert b"\r\nRetry-After: 2\r\n" in later


class Torn:
    """An index that turns out to be unreadable at the end of a look, as Sight lets it."""

    def __init__(self, index) -> None:
        self.index, self.torn = index, True

    @contextmanager
    def snapshot(self):
        with self.index.snapshot() as view:
            yield view
        if self.torn:
            raise IndexMissing("torn")


async def test_a_turn_that_fails_is_told_to_who_took_it_and_is_not_the_last(counter):
    index = Torn(counter.index)
    office = Office(counter, replace(counter.desk, index=index))
    (bank,) = office.persons(1)
    asked = [office.ask(bank) for _ in range(2)]
    with capture_logs() as logs:
        await turn()
    assert [refused(each) for each in asked] == [ResponseStatus.INTERNAL_ERROR] * 2
    assert office.said == [bank] * 2
    assert [each["event"] for each in logs] == ["turn_failed"]
    index.torn = False
    asked = office.ask(bank)
    await turn()
    assert asked.ready
    assert refused(asked) is None


async def test_probes_wait_for_nobody(office):
    (bank, probe) = office.persons(2)
    for _ in range(MOST_EACH + 1):
        office.ask(bank)
    asked = office.ask(probe, "/healthz")
    assert asked.ready
    assert asked.data.startswith(b"HTTP/1.1 200 ")
    assert office.counter.index.looked_up == []


# --- Those who go ---------------------------------------------------------------------------


async def test_who_has_gone_before_his_turn_is_not_looked_up(office):
    (gone, there) = office.persons(2)
    dropped, asked = office.ask(gone, serial=REVOKED), office.ask(there)
    dropped.dropped = True
    await turn()
    assert asked.ready
    assert not dropped.ready
    assert office.counter.index.looked_up == [GOOD]
    assert office.said == [there]


class Played(asyncio.Transport):
    """The socket of a connection that a test plays."""

    def __init__(self) -> None:
        super().__init__({"peername": (BANK, 1)})
        self.sent, self.ended = b"", False

    def write_eof(self):
        self.ended = True

    def set_write_buffer_limits(self, high=None, low=None):
        assert (high, low) == (0, None)

    def get_write_buffer_size(self):
        return 0

    def is_closing(self):
        return False

    def write(self, data):
        self.sent += data

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass

    def abort(self):
        self.ended = True


@pytest.mark.parametrize("lost", [True, False])
async def test_a_connection_that_is_lost_asks_no_more(office, lost):
    front, socket = Front(office.turns, Patience()), Played()
    connection = Connection(front)
    connection.connection_made(socket)
    connection.data_received(post(office.counter.question(GOOD, nonce=b"n" * 32)) * 2)
    if lost:
        connection.connection_lost(None)
    await turn()
    assert office.counter.index.looked_up == ([] if lost else [GOOD] * 2)
    assert socket.sent.count(b"HTTP/1.1 200 ") == (0 if lost else 2)
    front.present.clear()
    await front.drain(within=0 * DAY)


async def test_whoever_is_being_answered_when_all_are_to_go_goes_with_the_reply(office):
    front, socket = Front(office.turns, Patience()), Played()
    connection = Connection(front)
    connection.connection_made(socket)
    connection.data_received(post(office.counter.question(GOOD, nonce=b"n" * 32)) * 2)
    front.draining = True
    connection.retire()
    await turn()
    assert socket.sent.count(b"HTTP/1.1 200 ") == 2
    assert socket.sent.count(b"\r\nConnection: close\r\n") == 1
    assert socket.ended
    front.present.clear()
    await front.drain(within=0 * DAY)


class Overdue:
    """Somebody in a front's list whose deadline is over."""

    def __init__(self, expire) -> None:
        self.deadline, self.expire, self.aborted = 0.0, expire, False

    def abort(self):
        self.aborted = True


async def test_t36_a_deadline_that_cannot_be_kept_is_not_the_end_of_all_others(office):
    front = Front(office.turns, Patience(linger=timedelta(milliseconds=8)))
    broken, over = asyncio.Event(), asyncio.Event()

    def fail():
        broken.set()
        raise RuntimeError("the handler is closed")

    with capture_logs() as logs:
        front.present.add(one := Overdue(fail))
        await asyncio.wait_for(broken.wait(), 5)
        front.present.add(Overdue(over.set))
        await asyncio.wait_for(over.wait(), 5)
    assert [each["event"] for each in logs] == ["deadline_not_kept"]
    assert one.aborted, "nobody would look at it any more"
    front.present.clear()
    await front.drain(within=0 * DAY)


def too_slow():
    return REGISTRY.get_sample_value("tashika_answers_total", {"outcome": "too_slow"})


async def test_t36_who_is_too_slow_behind_an_answer_that_is_due_is_told_once(office):
    front, socket = Front(office.turns, Patience()), Played()
    connection = Connection(front)
    connection.connection_made(socket)
    asked, before = post(office.counter.question(GOOD, nonce=b"n" * 32)), too_slow()
    connection.data_received(asked + asked[:-1])
    for _ in range(3):  # as often as the front looks while the disk keeps them waiting
        connection.expire()
    await turn()
    assert socket.sent.startswith(b"HTTP/1.1 200 ")
    assert socket.sent.count(b"HTTP/1.1 408 ") == 1
    assert too_slow() - before == 1
    front.present.clear()
    await front.drain(within=0 * DAY)


async def test_t18_who_comes_when_all_connections_are_taken_is_let_go_and_no_other(office):
    """What else a process may open is for its own files: a flood of connections takes none."""
    front, sockets = Front(office.turns, Patience(), most=2), [Played() for _ in range(3)]
    for socket in sockets:
        Connection(front).connection_made(socket)
    assert [each.ended for each in sockets] == [False, False, True]
    front.leave(next(iter(front.present)))
    Connection(front).connection_made(another := Played())
    assert not another.ended
    front.present.clear()
    await front.drain(within=0 * DAY)


@pytest.mark.parametrize("slow", ["body", "reader"])
async def test_t36_who_was_slow_once_is_not_so_while_we_keep_them_waiting(office, slow):
    """A deadline for the rest of a body, or for taking replies, is over once that has come."""
    front, socket = Front(office.turns, Patience()), Played()
    connection = Connection(front)
    connection.connection_made(socket)
    asked, many = post(office.counter.question(GOOD, nonce=b"n" * 32)), 40
    connection.data_received(asked[:-1])
    connection.data_received(asked[-1:] + asked * (many - 1))
    if slow == "reader":
        connection.pause_writing()
        connection.resume_writing()
    connection.expire()
    for _ in range(many):
        await turn()
    assert not socket.ended
    assert socket.sent.count(b"HTTP/1.1 ") == socket.sent.count(b"HTTP/1.1 200 ") == many
    front.present.clear()
    await front.drain(within=0 * DAY)


async def test_those_who_have_all_gone_keep_nobody_from_the_next_turn(office):
    (gone, there) = office.persons(2)
    office.ask(gone).dropped = True
    await turn()
    asked = office.ask(there)
    await turn()
    assert asked.ready


@contextmanager
def settled_once(patch):
    """Require that no number of a journal is settled twice."""
    settle, seen = Journal.settle, Counter()

    def settling(self, first, count, delivery):
        seen.update((self, number) for number in range(first, first + count))
        settle(self, first, count, delivery)

    patch.setattr(Journal, "settle", settling)
    yield
    assert set(seen.values()) <= {1}


GONE = get("/other")
TOO_LARGE = post(b"x" * 9999)


@pytest.mark.parametrize(
    ("said", "statuses"),
    [
        ((0, GONE, 2), [404]),
        ((1, GONE, 2), [200, 404]),
        ((3, GONE, 3), [200, 200, 200, 404]),
        ((0, TOO_LARGE, 2), [413]),
        ((2, TOO_LARGE, 1), [200, 200, 413]),
        ((0, None, 2), [200]),
        ((2, None, 2), [200, 200, 200]),
    ],
)
def test_what_comes_behind_the_last_is_neither_answered_nor_billed(
    tmp_path, monkeypatch, said, statuses
):
    before, end, behind = said
    with settled_once(monkeypatch), till(tmp_path) as shop, Wire(shop.port) as wire:
        nonces = [bytes((number,)) * 32 for number in range(9)]
        asked = [post(shop.counter.question(GOOD, nonce=each)) for each in nonces]
        last = end or post(shop.counter.question(GOOD), "Connection: close")
        wire.say(b"".join((*asked[:before], last, *asked[before : before + behind])))
        heard = wire.hear_all()
        assert [each.status for each in heard] == statuses
        assert heard[-1].headers["connection"] == "close"
        echoed = [parse_response(each.body).nonce for each in heard[:before]]
        assert echoed == nonces[:before]
    answered = statuses.count(200)
    found = shop.deliveries()
    assert found[Delivery.HANDED_OVER] == answered
    assert found.total() - found[Delivery.ABANDONED] == answered


async def test_who_has_gone_before_his_record_is_durable_is_not_billed(
    counter, tmp_path, monkeypatch
):
    """The answer was noted and signed by then."""
    with settled_once(monkeypatch), open_books(tmp_path, counter.issuer) as books:
        group = books.group()
        assert await group.begin()
        permit = permit_for(counter.issuer)
        desk = replace(counter.desk, admission=Everybody(permit), meter=books.meter(group))
        office = Office(counter, desk)
        gone, there = (office.ask(each) for each in office.persons(2))
        await turn()
        assert (gone.ready, there.ready) == (False, False)
        gone.dropped = True
        await turn()  # of the disk
        assert there.ready
        office.turns.stages.settle([there], Delivery.HANDED_OVER)
        group.end()
        assert office.said == [there.caller]
    assert books.deliveries() == {Delivery.ABANDONED: 1, Delivery.HANDED_OVER: 1}


# --- What fails -----------------------------------------------------------------------------


def failing(patch, owner, name, which, raised):
    """Have the calls of these numbers fail; `raised` is handed the first that they are given."""
    really, calls = getattr(owner, name), itertools.count(1)

    def sometimes(*given: object):
        if next(calls) in which:
            raise raised(given[0])
        return really(*given)

    patch.setattr(owner, name, sometimes)


def ask_at_once(shop, number):
    """Ask so many on one connection in the same octets, and tell what became of each."""
    with Wire(shop.port) as wire:
        nonces = [bytes((each,)) * 32 for each in range(1, number + 1)]
        asked = [post(shop.counter.question(GOOD, nonce=each)) for each in nonces]
        wire.say(b"".join(asked))
        heard = [outcome(wire.hear()) for _ in nonces]
        wire.say(get("/healthz"))
        assert wire.hear().status == 200
    return heard


@pytest.mark.parametrize("step", ["sign", pytest.param("seal", marks=interpreted)])
def test_a_signer_that_fails_once_spoils_one_answer(tmp_path, monkeypatch, step):
    with settled_once(monkeypatch), capture_logs(), till(tmp_path) as shop:
        owner = shop.counter.envelope() if step == "sign" else Unsigned
        failing(monkeypatch, owner, step, {3}, lambda _: RuntimeError("the token is gone"))
        heard = ask_at_once(shop, 6)
    assert heard == [1, 1, ResponseStatus.INTERNAL_ERROR, 1, 1, 1]
    assert shop.deliveries() == {Delivery.HANDED_OVER: 5, Delivery.ABANDONED: 1}


@interpreted
def test_an_answer_that_cannot_be_kept_is_not_given_and_its_record_says_so(tmp_path, monkeypatch):
    failing(monkeypatch, AnswerCache, "keep", {1}, lambda _: RuntimeError("no room"))
    with (
        settled_once(monkeypatch),
        capture_logs(),
        till(tmp_path) as shop,
        Wire(shop.port) as wire,
    ):
        wire.say(post(shop.counter.question(GOOD)))
        assert outcome(wire.hear()) is ResponseStatus.INTERNAL_ERROR
    assert shop.deliveries() == {Delivery.ABANDONED: 1}


@interpreted
def test_a_journal_that_stops_in_the_middle_of_a_turn_takes_all_of_it_along(tmp_path, monkeypatch):
    """What was noted before is not known to be durable, so it is not said either."""
    stop = lambda journal: journal._stop(StopCause.DISK, "gone")  # noqa: E731
    failing(monkeypatch, Journal, "note", {4}, stop)
    with till(tmp_path) as shop:
        heard = ask_at_once(shop, 6)
        assert heard == [ResponseStatus.TRY_LATER] * 6
    assert shop.deliveries()[Delivery.HANDED_OVER] == 0


async def test_during_a_turn_the_answers_of_the_one_before_may_go(metered, disk, monkeypatch):
    """So nobody waits for the end of a turn that is not his."""
    envelope, signed, looked = metered.counter.envelope(), [], []
    really = envelope.sign

    def sign(data):
        metered.now.seconds += LOOK_EVERY / 16.5
        signed.append(metered.now.seconds)
        return really(data)

    monkeypatch.setattr(envelope, "sign", sign)
    disk.go()
    await metered.get_used(disk)
    metered.ask(Person([]))
    await turn()
    await turn()
    signed.clear()
    disk.looked = lambda: looked.append(len(signed))
    for each in metered.persons(40):
        metered.ask(each)
    await turn()
    stages, signatures = [0, 0, 0], [16, 32]
    assert looked == [*stages, *signatures, 40]


async def test_one_connections_trouble_is_not_the_others(office):
    (broken, there) = office.persons(2)
    broken.hand_out = None
    asked = [office.ask(broken), office.ask(there)]
    await turn()
    assert [each.ready for each in asked] == [True] * 2
    assert office.said == [there]
