"""A signed question whose answer does not arrive is as if it had not been asked."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto

import pytest
from structlog.testing import capture_logs

from support.access import closed, terms
from support.asking import AT, GOOD, NO_PROXIES, NOTEBOOK, post
from support.clock import FakeClock
from support.compiled import interpreted
from support.metered import Books, open_books
from support.verifiers import credential, digest_of, issue_der, name, new_key
from tashika.pki.signed_request import sign_request
from tashika_server.agreements.terms import CredentialKind
from tashika_server.metering.usage import Delivery, Occasion
from tashika_server.responder.connection import Connection
from tashika_server.responder.front import Front, Patience
from tashika_server.responder.rim import Rim
from tashika_server.responder.turns import Turns

GIVEN_UP = (Occasion.FRESH, Delivery.ABANDONED)
GIVEN = (Occasion.FRESH, Delivery.HANDED_OVER)
REPLAYED = (Occasion.REPLAY, Delivery.HANDED_OVER)


class When(Enum):
    """When the caller goes."""

    BEFORE_THE_SYNC = auto()
    BEFORE_THE_WRITE = auto()
    BEFORE_THE_END_OF_IT = auto()


class Socket(asyncio.Transport):
    """A connection that a test plays."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.sent, self.closing, self.unsent = b"", False, 0

    def set_write_buffer_limits(self, high=None, low=None):
        assert (high, low) == (0, None)

    def get_write_buffer_size(self):
        return self.unsent

    def is_closing(self):
        return self.closing

    def write(self, data):
        self.sent += data

    def pause_reading(self):
        pass


@dataclass(kw_only=True)
class Shop:
    front: Front
    books: Books
    signed: bytes

    def ask(self):
        """Ask the one signed question on a connection of its own."""
        connection, socket = Connection(self.front), Socket()
        connection.connection_made(socket)
        connection.data_received(post(self.signed))
        return connection, socket

    def deeds(self):
        return [(each.occasion, each.delivery) for each in self.books.read()]


@asynccontextmanager
async def opened(directory):
    key, subject = new_key(), name("CN=bank,C=JP")
    kind = CredentialKind.SIGNED_REQUEST
    shown = credential(id="C-000009", kind=kind, digest=digest_of(key))
    directory.joinpath("closed").mkdir()
    with closed(directory / "closed", terms(credentials=(shown,))) as counter:
        along = [issue_der(key, key, subject)]
        asked = counter.question(GOOD, nonce=b"n" * 32)
        signed = sign_request(asked, requestor=subject.public_bytes(), key=key, certificates=along)
        with open_books(directory, counter.issuer) as books:
            group = books.group()
            assert await group.begin()
            rim = Rim(
                desk=replace(counter.desk, meter=books.meter(group)),
                reception=NO_PROXIES,
                notebook=NOTEBOOK,
                clock=FakeClock(AT),
                cache_for=timedelta(0),
            )
            turns = Turns(rim, meter=rim.desk.meter, clock=FakeClock(AT))
            front = Front(turns, Patience())
            yield Shop(front=front, books=books, signed=signed)
            front.present.clear()
            await front.drain(within=timedelta(0))
            group.end()


async def turn():
    """Let those who are due have one turn, and then those whom the disk has kept waiting."""
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.mark.parametrize("when", When)
async def test_who_goes_without_the_answer_is_answered_anew_and_billed_once(tmp_path, when):
    """What was given up is not billed, so it may not be had afterwards either."""
    async with opened(tmp_path) as shop:
        gone, socket = shop.ask()
        if when is When.BEFORE_THE_SYNC:
            await asyncio.sleep(0)
            gone.connection_lost(None)
        socket.closing = when is When.BEFORE_THE_WRITE
        socket.unsent = when is When.BEFORE_THE_END_OF_IT
        await turn()
        if when is When.BEFORE_THE_END_OF_IT:
            gone.pause_writing()
            _, meanwhile = shop.ask()
            await turn()
            assert b"tashika-replay" not in meanwhile.sent.lower()
            gone.connection_lost(None)
        _, again = shop.ask()
        await turn()
        assert again.sent.startswith(b"HTTP/1.1 200 ")
        assert b"tashika-replay" not in again.sent.lower()
        _, third = shop.ask()
        await turn()
        assert b"tashika-replay" in third.sent.lower()
        assert third.sent.endswith(again.sent.partition(b"\r\n\r\n")[2])
    assert shop.deeds() == [GIVEN_UP, GIVEN, REPLAYED]


@interpreted
async def test_whose_reply_cannot_be_written_is_answered_anew(tmp_path, monkeypatch):
    async with opened(tmp_path) as shop:
        with capture_logs() as logs, monkeypatch.context() as patch:
            patch.setattr("tashika_server.responder.rim.plain_head", None)
            shop.ask()
            await turn()
        assert [each["event"] for each in logs] == ["answer_failed"]
        _, again = shop.ask()
        await turn()
        assert b"tashika-replay" not in again.sent.lower()
    assert shop.deeds() == [GIVEN_UP, GIVEN]
