"""A push feed beside the CRLs: what is taken in, what is not, and who wins."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from support.crls import AT, DAY, NAKA, NISHI, Row, hold
from support.pushing import KEY, MINUTE, Pusher, corrected, held, news, released, revoked
from support.refreshing import House
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.index import Finding, IndexReader, Quarantined
from tashika_server.issuer import Bounds, PushFeed
from tashika_server.refresh import feed, schedule
from tashika_server.refresh.feed import FeedStep, Follower, asking
from tashika_server.refresh.feed_accept import FeedSource
from tashika_server.refresh.process import Refresher, RefreshParts

TAKEN, NOTHING, NOT_TAKEN = FeedStep.PUBLISHED, FeedStep.NOTHING, FeedStep.NOT_TAKEN


@dataclass
class Pair:
    """A refresher and the issuer that pushes to it."""

    house: House
    pusher: Pusher
    refresher: Refresher
    step: Callable[[], Awaitable[FeedStep]]
    fallbacks: list[None]

    def find(self, serial: int) -> Finding:
        with self.refresher._tools.writer.reader.snapshot() as view:
            return view.find(self.house.fingerprint, serial)

    def why(self) -> Quarantined | None:
        with self.refresher._tools.writer.reader.snapshot() as view:
            return view.feed_in_quarantine(self.house.fingerprint)

    def sequence(self) -> int:
        with self.refresher._tools.writer.reader.snapshot() as view:
            mark = view.feed(self.house.fingerprint)
        return mark.sequence if mark else 0


@asynccontextmanager
async def pairing(house: House, pusher: Pusher) -> AsyncIterator[Pair]:
    async with pusher.serving() as url:
        house.feed = PushFeed(url=url, key=KEY.public_key())
        async with Refresher.of(house.parts) as refresher, asking() as session:
            await refresher.refresh_all()
            fallbacks: list[None] = []

            async def fall_back() -> None:
                fallbacks.append(None)

            follower = Follower(
                source=FeedSource(house.issuer, house.feed, house.fingerprint),
                session=session,
                tools=refresher._tools,
                clock=house.clock,
                lab_base=None,
                fall_back=fall_back,
                freed=lambda: None,
            )
            yield Pair(house, pusher, refresher, follower.step, fallbacks)


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    house.offer_crl(NAKA, [Row(1, reason="superseded"), hold(2)])
    house.offer_crl(NISHI, [])
    house.clock.at = AT + 2 * MINUTE
    return house


@pytest.fixture
async def pair(house: House) -> AsyncIterator[Pair]:
    async with pairing(house, Pusher(house.ca)) as pair:
        yield pair


@pytest.fixture
def events() -> Iterator[list[dict[str, Any]]]:
    with structlog.testing.capture_logs() as events:
        yield events


def named(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [each for each in events if each["event"] == name]


async def test_what_happens_is_known_at_once(pair: Pair):
    pair.pusher.push(
        news(revoked(5), held(6), released(2), corrected(1, Reason.KEY_COMPROMISE), entries=3),
        news(revoked(2**159, None), entries=1, partition=NISHI),
    )
    assert await pair.step() is TAKEN
    assert pair.find(2).entry is None
    reasons = {serial: pair.find(serial).entry.reason for serial in (1, 5, 6, 2**159)}
    assert reasons == {
        1: Reason.KEY_COMPROMISE,
        5: Reason.KEY_COMPROMISE,
        6: Reason.CERTIFICATE_HOLD,
        2**159: None,
    }
    coverage = pair.find(5).coverage
    assert (coverage.this_update, coverage.next_update) == (AT + MINUTE, AT + DAY)
    assert await pair.step() is NOTHING
    assert pair.why() is None


async def test_many_messages_come_in_order_and_a_restart_goes_on_behind_them(
    house: House, pair: Pair
):
    for serial in range(10, 15):
        pair.pusher.push(news(revoked(serial), entries=serial - 7))
    assert await pair.step() is TAKEN
    assert pair.sequence() == 5
    assert all(pair.find(serial).entry for serial in range(10, 15))


async def test_the_last_message_again_is_no_news(pair: Pair):
    line = pair.pusher.push(news(revoked(5), entries=3))
    await pair.step()
    pair.pusher.lines = [line, line]
    assert await pair.step() is FeedStep.UNCHANGED


async def test_t10_a_hole_stops_the_feed_until_it_is_mended(pair: Pair, events):
    first = pair.pusher.push(news(revoked(5), entries=3))
    lost = pair.pusher.push(news(revoked(6), entries=4))
    third = pair.pusher.push(news(revoked(7), entries=5))
    pair.pusher.lines = [first, third]
    assert await pair.step() is NOT_TAKEN
    assert pair.why().check == "number"
    assert "missing" in pair.why().detail
    assert (pair.find(5).entry is None, pair.find(7).entry) == (False, None)
    assert len(pair.fallbacks) == 1
    assert await pair.step() is NOT_TAKEN  # and says so only once
    pair.pusher.lines = [first, lost, third]
    assert await pair.step() is TAKEN
    assert pair.find(6).entry
    assert pair.find(7).entry
    assert pair.why() is None
    assert len(named(events, "feed_not_followed")) == 1


async def test_t10_what_is_gone_is_waited_for_in_the_crls(house: House, pair: Pair):
    pair.pusher.push(news(revoked(5), entries=3))
    await pair.step()
    pair.pusher.push(news(revoked(6), entries=4))
    pair.pusher.push(news(revoked(7), entries=5))
    pair.pusher.oldest = 3
    assert await pair.step() is NOT_TAKEN
    assert "is gone" in pair.why().detail
    assert await pair.step() is NOT_TAKEN
    assert "begins at message 3" in pair.why().detail
    assert pair.find(7).entry is None
    late = {"this_update": AT + 4 * MINUTE, "number": 2}
    house.offer_crl(NAKA, [Row(serial, reason="superseded") for serial in (1, 5, 6, 7)], **late)
    house.offer_crl(NISHI, [], **late)
    await pair.refresher.refresh_all()
    pair.pusher.push(news(revoked(8), entries=5, number=2))
    assert await pair.step() is TAKEN
    assert all(pair.find(serial).entry for serial in (6, 7, 8))
    assert (pair.sequence(), pair.why()) == (4, None)


async def test_a_number_that_repeats_with_other_content_is_quarantined(pair: Pair):
    pair.pusher.push(news(revoked(5), entries=3))
    await pair.step()
    pair.pusher.lines = []
    other = pair.pusher.message(news(revoked(6), entries=3))
    pair.pusher.lines = [b"", other]
    assert await pair.step() is NOT_TAKEN
    assert "another content" in pair.why().detail
    assert pair.find(6).entry is None


async def test_a_successor_of_another_message_is_quarantined(pair: Pair):
    pair.pusher.push(news(revoked(5), entries=3))
    await pair.step()
    pair.pusher.push(news(revoked(6), entries=4), previous=b"x" * 32)
    assert await pair.step() is NOT_TAKEN
    assert "another content" in pair.why().detail


async def test_t3_silence_beyond_the_promise_is_an_alarm_and_crls_carry_on(
    house: House, pair: Pair, events
):
    house.clock.at = AT + 2 * MINUTE
    pair.pusher.push()
    await pair.step()
    assert await pair.step() is NOTHING
    house.clock.at = AT + 4 * MINUTE
    assert await pair.step() is NOT_TAKEN
    pair.pusher.status = 503
    assert await pair.step() is NOT_TAKEN
    (alarm,) = named(events, "feed_not_followed")
    assert alarm["check"] == "next-update"
    assert "promised" in alarm["detail"]
    house.offer_crl(NAKA, [5], number=2)
    await pair.refresher.refresh_all()
    assert pair.find(5).entry
    assert pair.why() is not None


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        ({"key": None}, "signature"),
        ({"issuer": "ab" * 32}, "issuer"),
        ({"this_update": AT + DAY}, "this-update"),
        ({"next_update": AT}, "next-update"),
        pytest.param({"next_update": AT + 11 * DAY}, "validity", id="t11"),
        ({"partitions": (news(revoked(5), entries=1, partition="CN=Elsewhere"),)}, "scope"),
        ({"partitions": (news(revoked(1), entries=2),)}, "entries"),
        ({"partitions": (news(held(1), entries=2),)}, "entries"),
        ({"partitions": (news(released(1), entries=1),)}, "entries"),
        ({"partitions": (news(corrected(9, Reason.SUPERSEDED), entries=3),)}, "entries"),
        ({"partitions": (news(corrected(1, Reason.CERTIFICATE_HOLD), entries=2),)}, "entries"),
        ({"partitions": (news(revoked(5, Reason.REMOVE_FROM_CRL), entries=3),)}, "entries"),
        ({"partitions": (news(revoked(2**256), entries=3),)}, "entries"),
        ({"partitions": (news(revoked(5, invalid_since=AT + DAY), entries=3),)}, "entries"),
        ({"partitions": (news(revoked(5), entries=4),)}, "entries"),
        ({"partitions": (news(revoked(1), entries=1, partition=NISHI),)}, "entries"),
    ],
)
async def test_what_is_wrong_is_not_taken_in(pair: Pair, wrong: dict[str, Any], check: str):
    if "key" in wrong:
        wrong = {"key": pair.house.ca.key}
    pair.pusher.push(**wrong)
    assert await pair.step() is NOT_TAKEN
    assert pair.why().check == check
    assert pair.sequence() == 0
    assert pair.find(5).entry is None
    assert pair.find(1).entry.reason is Reason.SUPERSEDED


@pytest.mark.parametrize("body", [b"nonsense\n", b"..\n", b"e30.e30.e30\n", b"\xff" * 40 + b"\n"])
async def test_what_is_no_message_at_all_is_not_taken_in(pair: Pair, body: bytes):
    pair.pusher.lines = [body.rstrip(b"\n")]
    assert await pair.step() is NOT_TAKEN
    assert pair.why().check == "signature"


async def test_t38_a_message_beyond_its_bound_is_an_alarm_and_several_are_taken(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tashika_server.refresh.feed.MAX_MESSAGE_BYTES", 3000)
    pair.pusher.push(news(*map(revoked, range(10, 60)), entries=52))
    assert await pair.step() is NOT_TAKEN
    assert pair.why().check == "size"
    assert "in several" in pair.why().detail
    assert len(pair.fallbacks) == 1
    pair.pusher.lines = []
    for begin in range(10, 60, 10):
        pair.pusher.push(news(*map(revoked, range(begin, begin + 10)), entries=begin + 2))
    while pair.sequence() < 5:
        assert await pair.step() is TAKEN
    assert pair.find(59).entry
    assert pair.why() is None


async def test_t16_a_feed_may_not_revoke_a_signer_nor_grow_beyond_bounds(tmp_path: Path):
    house = House(tmp_path, bounds=Bounds(growth_slack=3), guarded=frozenset({77}))
    house.offer_crl(NAKA, [1])
    house.offer_crl(NISHI, [])
    house.clock.at = AT + 2 * MINUTE
    async with pairing(house, Pusher(house.ca)) as pair:
        for events in ([revoked(77)], [revoked(serial) for serial in range(10, 14)]):
            pair.pusher.lines = []
            pair.pusher.push(news(*events, entries=1 + len(events)))
            assert await pair.step() is NOT_TAKEN
            assert pair.why().check == "bounds"


async def test_t16_a_feed_cannot_go_beyond_the_bounds_step_by_step(tmp_path: Path):
    house = House(tmp_path, bounds=Bounds(growth_slack=3))
    house.offer_crl(NAKA, [1])
    house.offer_crl(NISHI, [])
    house.clock.at = AT + 2 * MINUTE
    async with pairing(house, Pusher(house.ca)) as pair:
        for number, serial in enumerate(range(10, 14), start=2):
            pair.pusher.push(news(revoked(serial), entries=number))
        assert await pair.step() is NOT_TAKEN
        assert (pair.why().check, pair.sequence()) == ("bounds", 3)
        later = {"number": 2, "this_update": AT + MINUTE}
        house.offer_crl(NAKA, [1, 10, 11, 12, 13], **later)
        await pair.refresher.refresh_all()
        assert await pair.step() is TAKEN
        assert pair.why() is None


async def test_t16_a_crl_that_comes_late_is_not_measured_by_what_the_feed_said_since(
    tmp_path: Path,
):
    house = House(tmp_path, bounds=Bounds(shrink_slack=2, max_shrink=0))
    house.offer_crl(NAKA, [1])
    house.offer_crl(NISHI, [])
    house.clock.at = AT + 2 * MINUTE
    async with pairing(house, Pusher(house.ca)) as pair:
        pair.pusher.push(news(*map(revoked, range(10, 15)), entries=6, number=2))
        assert await pair.step() is TAKEN
        house.offer_crl(NAKA, [1], number=2, this_update=AT)
        assert (await pair.refresher.refresh_all())["quarantined"] == 0
        assert all(pair.find(serial).entry for serial in range(10, 15))
        assert pair.find(1).coverage.number == 2


async def test_a_feed_that_is_joined_anew_is_not_joined_where_it_was_left(pair: Pair):
    """Somebody on the way claims that the rest is gone, and says again what was said before."""
    for events, entries in (([held(5)], 3), ([released(5)], 2)):
        pair.pusher.push(news(*events, entries=entries))
        await pair.step()
    assert pair.find(5).entry is None
    pair.pusher.oldest = 4
    assert await pair.step() is NOT_TAKEN
    pair.pusher.oldest = 1
    pair.pusher.lines = pair.pusher.lines[:1]
    assert await pair.step() is NOT_TAKEN
    assert "another key" in pair.why().detail
    assert pair.find(5).entry is None
    assert pair.sequence() == 2


async def test_t21_a_hold_of_a_signature_certificate_is_never_released(house: House, monkeypatch):
    signature = house.ca.issuer(house.urls, family=Family.SIGNATURE)
    monkeypatch.setattr(type(house), "issuer", property(lambda _: signature))
    async with pairing(house, Pusher(house.ca)) as pair:
        pair.pusher.push(news(released(2), entries=1))
        assert await pair.step() is NOT_TAKEN
        assert "never ends" in pair.why().detail


async def test_t27_a_fault_of_ours_stops_nothing_but_this_message(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, events
):
    pair.pusher.push(news(revoked(5), entries=3))
    with monkeypatch.context() as broken:
        broken.setattr("tashika_server.refresh.feed.accept_message", None)
        assert await pair.step() is NOT_TAKEN
    assert len(named(events, "feed_crashed")) == 1
    assert await pair.step() is TAKEN


async def test_a_feed_is_not_joined_before_its_crls(tmp_path: Path):
    house = House(tmp_path)
    house.offer_crl(NAKA, [1])
    house.clock.at = AT + 2 * MINUTE
    async with pairing(house, Pusher(house.ca)) as pair:
        pair.pusher.push(news(revoked(5), entries=2))
        assert await pair.step() is NOT_TAKEN
        house.offer_crl(NISHI, [])
        await pair.refresher.refresh_all()
        assert await pair.step() is TAKEN


async def test_a_crl_that_says_what_the_feed_said_is_no_alarm(house: House, pair: Pair, events):
    pair.pusher.push(news(revoked(5), released(2), entries=2))
    pair.pusher.push()
    await pair.step()
    rows = [Row(1, reason="superseded"), Row(5, at=AT, reason="key_compromise")]
    house.offer_crl(NAKA, rows, number=2, this_update=AT + MINUTE)
    await pair.refresher.refresh_all()
    assert named(events, "feed_disagrees") == []
    assert pair.find(5).coverage.number == 2


async def test_t10_a_crl_that_says_otherwise_is_an_alarm_and_wins(house: House, pair: Pair, events):
    pair.pusher.push(news(revoked(5), entries=3))
    pair.pusher.push()
    await pair.step()
    house.offer_crl(NAKA, [Row(1, reason="superseded"), 9], number=2, this_update=AT + MINUTE)
    await pair.refresher.refresh_all()
    (alarm,) = named(events, "feed_disagrees")
    assert (alarm["unsaid"], alarm["other"], alarm["still_held"]) == (1, 0, 1)
    assert pair.find(9).entry
    assert pair.find(5).entry is None


async def test_a_crl_made_before_the_feed_spoke_undoes_nothing(house: House, pair: Pair, events):
    """CRL 2 is fetched late: what the feed has said since it was made is in CRL 3 only."""
    pair.pusher.push(news(revoked(5), released(2), entries=2, number=2))
    assert await pair.step() is TAKEN
    assert pair.find(5).coverage.this_update == AT - timedelta(hours=1)
    house.offer_crl(NAKA, [Row(1, reason="superseded"), hold(2), 8], number=2, this_update=AT)
    await pair.refresher.refresh_all()
    assert pair.find(5).entry
    assert pair.find(8).entry
    assert pair.find(2).entry is None
    assert pair.find(5).coverage.this_update == AT


async def test_a_delta_that_says_what_the_feed_said_is_counted_once(house: House, events):
    house.offer_delta(NAKA, [], base=0, number=1)
    pusher = Pusher(house.ca)
    pusher.push(news(revoked(5), released(2), entries=2))
    pusher.push()
    async with pairing(house, pusher) as pair:
        await pair.step()
        said = [Row(5, at=AT, reason="key_compromise"), Row(2, reason="remove_from_crl"), 6]
        house.offer_delta(NAKA, said, base=1, number=2, this_update=AT + MINUTE)
        await pair.refresher.refresh_all()
        with pair.refresher._tools.writer.reader.snapshot() as view:
            mark = view.mark(house.fingerprint, NAKA)
            listed = view.count(house.fingerprint, NAKA)
    (alarm,) = named(events, "feed_disagrees")
    assert (alarm["unsaid"], alarm["other"], alarm["still_held"]) == (1, 0, 0)
    assert (mark.number, mark.entries, listed) == (2, 3, 3)


async def test_what_a_crl_says_already_is_not_said_again(house: House, pair: Pair):
    house.offer_crl(NAKA, [Row(1, reason="superseded")], number=2, this_update=AT)
    await pair.refresher.refresh_all()
    pair.pusher.push(news(revoked(5), entries=3, number=1))
    assert await pair.step() is TAKEN
    assert pair.find(5).entry is None


async def test_the_refresher_follows_by_itself_until_it_is_stopped(house: House):
    pusher = Pusher(house.ca)
    pusher.push(news(revoked(5), entries=3))
    async with pusher.serving() as url:
        house.feed = PushFeed(url=url, key=KEY.public_key())
        taken = asyncio.Event()
        async with Refresher.of(house.parts) as refresher:
            push = refresher._tools.writer.push
            loop = asyncio.get_running_loop()

            def told(*args: Any) -> int | None:
                generation = push(*args)
                loop.call_soon_threadsafe(taken.set)
                return generation

            refresher._tools.writer.push = told
            work = asyncio.create_task(refresher.live(lambda: None))
            await asyncio.wait_for(taken.wait(), 30)
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work
    assert house.find(5).entry


async def test_a_message_that_drops_a_certificate_lets_the_partition_in_that_waits_for_it(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """Only that can: the retry of what was refused is a quarter of an hour away."""
    monkeypatch.setattr(schedule, "FIRST_RETRY_SECONDS", 1e9)
    monkeypatch.setattr(feed, "BREATH", 0.01)
    pusher, ready = Pusher(house.ca), asyncio.Event()
    async with pusher.serving() as url, Refresher.of(with_feed(house, url)) as refresher:
        work = asyncio.create_task(refresher.live(ready.set))
        await asyncio.wait_for(ready.wait(), 30)
        house.offer_crl(NISHI, [2], number=2)  # a hold of NAKA's
        assert (await refresher.ask())["quarantined"] == 1
        pusher.push(news(revoked(5), entries=3))
        pusher.push(news(released(2), entries=2))
        reader = refresher._tools.writer.reader
        async with asyncio.timeout(30):
            while number_of(reader, house, NISHI) < 2:  # noqa: ASYNC110 - the index raises no event
                await asyncio.sleep(0.01)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    assert house.quarantined() == {}
    assert house.listed().keys() == {1, 2, 5}


def number_of(reader: IndexReader, house: House, partition: str) -> int:
    with reader.snapshot() as view:
        mark = view.mark(house.fingerprint, partition)
    assert mark
    return mark.number


def with_feed(house: House, url: str) -> RefreshParts:
    house.feed = PushFeed(url=url, key=KEY.public_key())
    return house.parts
