"""The lab's push feed: what is pushed, in which order, and a refresher that follows it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import aiohttp
import pytest
import structlog

from support import lab
from support.clock import FakeClock
from support.lab import FAST, NOON
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.config import load_config
from tashika_server.feed import (
    FIRST_PREVIOUS,
    Happened,
    Message,
    message_digest,
    open_message,
)
from tashika_server.lab import Cause, Certificate, LabError, News, World, feeding, publication
from tashika_server.lab.configuring import configure
from tashika_server.lab.keys import read_key
from tashika_server.lab.said import lines_after
from tashika_server.refresh.process import Refresher, RefreshParts

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def pushing(world: World) -> World:
    feeding.found_feed(world.premises.layout)
    assert world.push(at=NOON) == 0
    return world


def messages(world: World, issuer: str) -> list[Message]:
    """Read all messages of an issuer, each of which follows the one before."""
    key: Any = read_key(world.premises.layout.feed_key)
    lines = lines_after(world.premises.state.connection, issuer, 0, 100)
    read = [open_message(line, key.public_key()) for line in lines]
    assert [each.sequence for each in read] == [*range(1, len(read) + 1)]
    previous = [FIRST_PREVIOUS, *map(message_digest, lines)]
    assert [each.previous for each in read] == previous[:-1]
    return read


def auth(world: World) -> Certificate:
    return lab.first(world, Family.USER_AUTH)


def test_what_happens_is_pushed_once_and_in_its_order(pushing: World):
    card = auth(pushing)
    pushing.hold(card, at=NOON)
    pushing.release(card, at=NOON + MINUTE)
    pushing.revoke(card, Cause.KEY_COMPROMISE, at=NOON + 2 * MINUTE, invalid_since=NOON)
    assert pushing.push(at=NOON + 2 * MINUTE) == 3
    assert pushing.push(at=NOON + 2 * MINUTE) == 0
    message = messages(pushing, card.issuer)[-1]
    (news,) = message.partitions
    assert [event.what for event in news.events] == [
        Happened.HELD,
        Happened.RELEASED,
        Happened.REVOKED,
    ]
    assert {event.serial for event in news.events} == {card.serial}
    assert news.events[2].reason is Reason.KEY_COMPROMISE
    assert news.events[2].invalid_since == NOON
    assert (news.number, news.entries) == (1, 1)
    assert message.this_update == NOON + 2 * MINUTE < message.next_update


def test_t38_more_than_a_message_holds_is_said_in_several(
    pushing: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(feeding, "MOST_EVENTS", 2)
    cards = [pushing.issue(at=NOON)[1] for _ in range(12)]
    for card in cards:
        pushing.revoke(card, Cause.KEY_COMPROMISE, at=NOON)
    issuer = cards[0].issuer
    told = sum(card.issuer == issuer for card in cards)
    assert pushing.push(at=NOON + MINUTE) == len(cards)
    first, *shares = messages(pushing, issuer)
    assert len(shares) > 1
    assert sum(len(news.events) for each in shares for news in each.partitions) == told
    assert all(
        len(each.partitions) == 1 or sum(len(news.events) for news in each.partitions) <= 2
        for each in shares
    )
    assert {each.this_update for each in shares[:-1]} == {first.this_update}
    assert shares[-1].this_update == NOON + MINUTE


def test_silence_is_broken_each_minute(pushing: World):
    issuer = auth(pushing).issuer
    pushing.upkeep(at=NOON + MINUTE / 2)
    assert len(messages(pushing, issuer)) == 1
    pushing.upkeep(at=NOON + MINUTE)
    assert [each.partitions for each in messages(pushing, issuer)] == [(), ()]


def test_what_a_crl_has_was_pushed_before_and_is_never_pushed_after(pushing: World):
    card = auth(pushing)
    pushing.hold(card, at=NOON)
    pushing.publish(at=NOON + DAY)
    pushing.release(card, at=NOON + DAY)
    pushing.push(at=NOON + DAY)
    told = [news for each in messages(pushing, card.issuer) for news in each.partitions]
    assert [(news.number, news.entries, len(news.events)) for news in told] == [
        (1, 1, 1),
        (2, 0, 1),
    ]


def test_a_push_that_dies_uses_no_number_up(pushing: World, monkeypatch: pytest.MonkeyPatch):
    card = auth(pushing)
    pushing.hold(card, at=NOON)
    with monkeypatch.context() as broken:
        broken.setattr(feeding, "say", _fail)
        with pytest.raises(OSError, match="power"):
            pushing.push(at=NOON + MINUTE)
    assert len(messages(pushing, card.issuer)) == 1
    assert pushing.push(at=NOON + MINUTE) == 1
    assert len(messages(pushing, card.issuer)) == 2


def _fail(*_: object) -> None:
    raise OSError("no power")


def test_a_lab_without_a_feed_says_so(world: World):
    with pytest.raises(LabError, match="--feed"):
        world.push(at=NOON)


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    async with publication.serving(world.premises.layout.root, listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_who_asks_is_told_as_soon_as_something_is_pushed(pushing: World):
    issuer = auth(pushing).issuer
    async with serving(pushing) as base, aiohttp.ClientSession(base) as session:
        async with session.get(f"/feed/{issuer}") as answer:
            assert len((await answer.read()).splitlines()) == 1
        waiting = asyncio.create_task(session.get(f"/feed/{issuer}", params={"after": "1"}))
        await asyncio.sleep(0)
        pushing.hold(auth(pushing), at=NOON)
        pushing.push(at=NOON + MINUTE)
        async with await waiting as answer:
            (line,) = (await answer.read()).splitlines()
        assert line == lines_after(pushing.premises.state.connection, issuer, 1, 9)[0]


async def test_a_site_that_stops_keeps_nobody_waiting(pushing: World):
    async with aiohttp.ClientSession() as session:
        async with serving(pushing) as base:
            url = f"{base}/feed/{auth(pushing).issuer}"
            waiting = asyncio.create_task(session.get(url, params={"after": "1"}))
            async with session.get(url):
                pass
        async with await waiting as answer:
            assert answer.status == 204


@pytest.mark.parametrize("path", ["/feed/nobody?after=x", "/feed/user-auth-g3?after=-1"])
async def test_a_question_that_makes_no_sense_is_404(pushing: World, path: str):
    async with (
        serving(pushing) as base,
        aiohttp.ClientSession(base) as session,
        session.get(path) as answer,
    ):
        assert answer.status == 404


async def test_where_there_is_no_feed_there_is_404(world: World):
    async with (
        serving(world) as base,
        aiohttp.ClientSession(base) as session,
        session.get("/feed/user-auth-g3") as answer,
    ):
        assert answer.status == 404


async def test_a_refresher_follows_and_the_crl_agrees(
    pushing: World, monkeypatch: pytest.MonkeyPatch
):
    """Pushed, known; published, no difference: T10 from one end to the other."""
    root = pushing.premises.layout.root
    configure(pushing, replace(FAST, news=News.FEED))
    config = load_config(pushing.premises.layout.configuration)
    card, clock = auth(pushing), FakeClock(NOON + MINUTE)
    issuer = next(each for each in config.issuers if each.name == card.issuer)
    with structlog.testing.capture_logs() as events:
        async with serving(pushing) as base:
            parts = RefreshParts(
                issuers=(issuer,),
                index=root / "index",
                index_size=2**24,
                run=root / "run",
                spool=root / "spool",
                every=DAY,
                lab_base=base,
                clock=clock,
                random=Random(1),
            )
            async with Refresher.of(parts) as refresher:
                heard: asyncio.Queue[int] = asyncio.Queue()
                writer, loop = refresher._tools.writer, asyncio.get_running_loop()
                push = writer.push

                def told(*args: Any) -> int | None:
                    generation = push(*args)
                    loop.call_soon_threadsafe(heard.put_nowait, args[2].sequence)
                    return generation

                monkeypatch.setattr(writer, "push", told)
                work = asyncio.create_task(refresher.live(lambda: None))
                assert await asyncio.wait_for(heard.get(), 30) == 1
                pushing.hold(card, at=NOON)
                pushing.push(at=NOON + MINUTE)
                assert await asyncio.wait_for(heard.get(), 30) == 2
                with writer.reader.snapshot() as view:
                    entry = view.find(issuer.identity.fingerprint, card.serial).entry
                assert entry is not None
                assert entry.reason is Reason.CERTIFICATE_HOLD
                pushing.publish(at=NOON + MINUTE)
                answer = await refresher.ask()
                assert answer["published"] == len(issuer.partitions)
                work.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await work
    names = {each["event"] for each in events}
    assert "feed_published" in names
    assert names.isdisjoint({"feed_disagrees", "feed_not_followed", "crl_not_taken"})
