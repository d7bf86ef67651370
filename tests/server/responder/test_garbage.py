"""What is over leaves nothing to Python's search for garbage, which holds everybody up.

A whole search took 120 ms beside 5,000 connections, and every request refused made it due sooner.
"""

import socket

import pytest

from support.access import AUTHORIZATION, closed
from support.asking import GOOD, Wire, get, post
from support.garbage import alive, no_search
from support.service import wait_until
from tashika_server.refusal import Refusal
from tashika_server.responder.connection import Connection
from tashika_server.responder.framing import Framing, Request
from tashika_server.responder.rim import Asked

KINDS = Connection, Framing, Request, Asked, Refusal
ASKED = {
    "a question": lambda good: post(good, AUTHORIZATION),
    "many": lambda good: post(good, AUTHORIZATION) * 40,
    "who may not ask": lambda good: post(good) * 2,
    "no OCSP": lambda _: post(b"rubbish", AUTHORIZATION),
    "nowhere": lambda _: get("/nowhere"),
    "a line without end": lambda _: get("/" + "x" * 70000),
    "no HTTP": lambda _: b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    "two lengths": lambda good: post(good, "Transfer-Encoding: chunked"),
    "an upgrade": lambda good: post(good, AUTHORIZATION, "Connection: Upgrade", "Upgrade: h2c"),
    "half a head": lambda _: b"POST /ocsp HTTP/1.1\r\n",
    "nothing": lambda _: b"",
}


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """A port where the bank may ask, and a question of its."""
    with closed(tmp_path_factory.mktemp("desk")) as counter, counter.live() as port:
        question = counter.question(GOOD)
        with Wire(port) as wire:
            wire.say(post(question, AUTHORIZATION))
            assert wire.hear().status == 200
        yield port, question


@pytest.mark.parametrize("kind", ASKED)
def test_t18_a_conversation_that_is_over_leaves_nothing_behind(bank, kind):
    port, question = bank
    with no_search():
        before = alive(*KINDS)
        with Wire(port) as wire:
            wire.say(ASKED[kind](question))
            wire.socket.shutdown(socket.SHUT_WR)
            wire.hear_all()
        wait_until(lambda: alive(*KINDS) <= before, "all has gone")
