"""The simulated issuer's web server over real sockets."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from support import lab
from support.clock import FakeClock
from support.lab import NOON
from tashika.pki.profile import Family
from tashika_server.lab import NotALab, World, publication

ONE = "/crl/user-auth-g1/13113.crl"


class Rounds(FakeClock):
    """Tells of every round of upkeep: it begins by asking for the time."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self.asked = asyncio.Event()

    def now(self) -> datetime:
        self.asked.set()
        return super().now()

    async def round_begun_now(self) -> None:
        """Wait until a round that begins after this call is over: the next one begins."""
        for _ in range(2):
            self.asked.clear()
            await asyncio.wait_for(self.asked.wait(), 20)


@pytest.fixture
def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@pytest.fixture
async def site(world: World, listener: socket.socket) -> AsyncIterator[aiohttp.ClientSession]:
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with (
        publication.serving(world.premises.layout.root, listener),
        aiohttp.ClientSession(base) as session,
    ):
        yield session


async def test_a_list_is_served_as_the_file_it_is(
    world: World, site: aiohttp.ClientSession
) -> None:
    async with site.get(ONE) as answer:
        body = await answer.read()
    assert answer.status == 200
    assert answer.content_type == "application/pkix-crl"
    assert body == world.premises.layout.crl("user-auth-g1", "13113").read_bytes()
    assert answer.headers["ETag"]
    assert answer.headers["Last-Modified"]
    async with site.head(ONE) as answer:
        assert answer.status == 200
        assert int(answer.headers["Content-Length"]) == len(body)


async def test_an_unchanged_list_is_304_and_a_changed_one_is_not(
    world: World, site: aiohttp.ClientSession
) -> None:
    async with site.get(ONE) as answer:
        etag, modified = answer.headers["ETag"], answer.headers["Last-Modified"]
    for condition in ({"If-None-Match": etag}, {"If-Modified-Since": modified}):
        async with site.get(ONE, headers=condition) as answer:
            assert answer.status == 304
            assert await answer.read() == b""
    world.publish(at=NOON + timedelta(seconds=1))
    async with site.get(ONE, headers={"If-None-Match": etag}) as answer:
        assert answer.status == 200
        assert answer.headers["ETag"] != etag


@pytest.mark.parametrize(
    "path",
    [
        "/crl/user-auth-g1/99999.crl",
        "/crl/user-auth-g9/13113.crl",
        "/crl/../../authorities/user-auth-g1.key",
        "/crl/..%2F..%2Fauthorities/1.crl",
        "/lab.sqlite",
        "/crl/user-auth-g1/",
    ],
)
async def test_nothing_but_lists_is_served(site: aiohttp.ClientSession, path: str) -> None:
    async with site.get(URL(path, encoded=True)) as answer:
        assert answer.status == 404


async def test_only_reading_is_allowed(site: aiohttp.ClientSession) -> None:
    async with site.post(ONE, data=b"x") as answer:
        assert answer.status == 405
    async with site.get("/") as answer:
        assert "O=JPKI-SIM" in await answer.text()


async def test_the_server_keeps_the_lab_up_until_it_is_told_to_stop(
    world: World, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "UPKEEP_EVERY", timedelta(milliseconds=10))
    certificate = lab.first(world, Family.USER_AUTH)
    departure = world.move_out(certificate, planned=NOON.date(), at=NOON)
    clock, ready = Rounds(NOON + timedelta(days=1)), asyncio.Event()
    before = lab.numbers(world)
    root = world.premises.layout.root
    serving = asyncio.create_task(publication.run(root, listener, clock=clock, ready=ready.set))
    await asyncio.wait_for(ready.wait(), 10)
    # What was a day old is in force again before anybody is told that we are ready.
    assert lab.numbers(world) == {path: number + 1 for path, number in before.items()}
    clock.at = departure.lapses_at
    await clock.round_begun_now()
    assert lab.entry_of(world, certificate)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(serving, 10)


async def test_a_directory_without_a_lab_is_not_served(
    tmp_path: Path, listener: socket.socket
) -> None:
    with listener, pytest.raises(NotALab):
        await publication.run(tmp_path, listener, clock=FakeClock(), ready=lambda: None)


async def test_upkeep_that_fails_is_tried_again(
    world: World, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "UPKEEP_EVERY", timedelta(milliseconds=10))
    clock, ready = Rounds(NOON), asyncio.Event()
    signer = world.premises.layout.signer("signature-g1")
    signer.unlink()
    key, aside = signer.with_suffix(".key"), signer.with_suffix(".aside")
    key.rename(aside)
    key.mkdir()  # cannot be read as a file
    root = world.premises.layout.root
    serving = asyncio.create_task(publication.run(root, listener, clock=clock, ready=ready.set))
    await asyncio.wait_for(ready.wait(), 10)
    assert not signer.exists()
    key.rmdir()
    aside.rename(key)
    await clock.round_begun_now()
    assert signer.exists()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(serving, 10)
