"""No journal, no answer: what is billed is durable before a byte of it leaves the socket."""

import select
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event

import pytest

from support.asking import AT, GOOD, REVOKED, Wire, live, open_counter, post
from support.clock import FakeClock
from support.journal import NODE, FrailDisk, How, Inline
from tashika.pki.profile import Family
from tashika.pki.response import BasicResponse, ResponseStatus, parse_response
from tashika_server.agreements.gate import Permit
from tashika_server.agreements.terms import Environment, Method, Purpose
from tashika_server.durable import Durability
from tashika_server.metering.group import GroupCommit
from tashika_server.metering.journal import MIN_SEGMENT_BYTES, Journal
from tashika_server.metering.meter import Meter
from tashika_server.metering.reading import Cursor, State, read_page
from tashika_server.metering.repeats import Repeats
from tashika_server.metering.usage import Delivery
from tashika_server.responder import worker
from tashika_server.responder.admission import Leave


class Everybody:
    """Lets all through under one agreement."""

    def __init__(self, permit) -> None:
        self.permit = permit

    def name(self, _asker, *, at):
        return f"{self.permit.verifier} at {at}"

    def admit(self, *_: object, at):
        del at
        return Leave(self.permit)


class Watching(FrailDisk):
    """Tells when a sync begins."""

    def __init__(self) -> None:
        super().__init__()
        self.before_sync = lambda: None

    def sync(self, file):
        self.before_sync()
        super().sync(file)


@dataclass
class Till:
    port: int
    disk: Watching
    root: object
    counter: object

    def deliveries(self):
        """Read every journal to its end, as the office does."""
        found = Counter()
        for stream in self.root.iterdir():
            cursor, state = Cursor(), State.MORE
            while stream.is_dir() and state is State.MORE:
                page = read_page(stream, cursor)
                found.update(each.delivery for each in page.usages)
                cursor, state = page.cursor, page.state
        return found


@contextmanager
def till(tmp_path, *, again_after=timedelta(milliseconds=20), before_sync=lambda: None):
    counter, disk, root = open_counter(tmp_path), Watching(), tmp_path / "journal"
    disk.before_sync = before_sync
    permit = Permit(
        verifier="V-000001",
        agreement="A-000001",
        version=1,
        credential="C-000001",
        holder=None,
        environment=Environment.PRODUCTION,
        family=Family.USER_AUTH,
        issuer=counter.issuer.name,
        method=Method.OCSP,
        purpose=Purpose.CURRENT_STATUS,
    )

    def begin():
        return Journal.begin(
            root,
            node=NODE,
            durability=Durability.DISK,
            disk=disk,
            executor=Inline(),
            segment_bytes=4 * MIN_SEGMENT_BYTES,
            at=AT,
        )

    def group():
        return GroupCommit(begin, clock=FakeClock(AT), again_after=again_after)

    repeats = Repeats.open(tmp_path, entries=1024)
    fingerprints = {counter.issuer.name: counter.issuer.identity.fingerprint}
    desk = replace(counter.desk, admission=Everybody(permit))
    metered = live(
        desk,
        group=group,
        meter=lambda own: Meter(
            group=own, master=bytes(32), fingerprints=fingerprints, repeats=repeats
        ),
    )
    with metered as port:
        yield Till(port, disk, root, counter)
    repeats.close()


def outcome(message):
    read = parse_response(message.body)
    return len(read.responses) if isinstance(read, BasicResponse) else read.status


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
