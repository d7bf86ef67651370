"""The list of a worker's connections, whatever is said on them."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import cast
from unittest.mock import MagicMock

import pytest
from OpenSSL import SSL

from support.asking import AT, NO_PROXIES, NOTEBOOK, open_counter
from support.clock import FakeClock
from tashika_server.responder.front import SEEN_AT_ONCE, Front, Patience
from tashika_server.responder.rim import Rim
from tashika_server.responder.tls_connection import TlsConnection, TlsFront
from tashika_server.responder.turns import Turns

BRIEF = Patience(linger=timedelta(milliseconds=8))


class Idler:
    """A connection whose deadline is over."""

    deadline = 0.0

    def __init__(self, front: Front, seen: list[object], begun: asyncio.Event) -> None:
        self._front, self._seen, self._begun = front, seen, begun

    def expire(self) -> None:
        self._begun.set()
        self._seen.append(self)
        self._front.leave(self)

    def retire(self) -> None: ...

    def abort(self) -> None: ...


@pytest.fixture
async def front(tmp_path):
    """Nobody in it asks anything."""
    clock = FakeClock(AT)
    rim = Rim(
        desk=open_counter(tmp_path).desk,
        reception=NO_PROXIES,
        notebook=NOTEBOOK,
        clock=clock,
        cache_for=timedelta(0),
    )
    return Front(Turns(rim, meter=None, clock=clock), BRIEF)


async def test_t18_many_deadlines_at_once_hold_nobody_up_for_long(front):
    """Thousands who came together end together; others are heard in between."""
    seen, begun = list[object](), asyncio.Event()
    idle = {Idler(front, seen, begun) for _ in range(3 * SEEN_AT_ONCE + 1)}
    for each in idle:
        assert front.enter(each)
    await begun.wait()
    in_between = [len(seen)]
    while front.present:
        await asyncio.sleep(0)
        in_between.append(len(seen))
    assert set(seen) == idle
    steps = [after - before for before, after in zip([0, *in_between], in_between, strict=False)]
    assert max(steps) == SEEN_AT_ONCE
    await front.drain(within=timedelta(seconds=1))


async def test_who_is_heard_in_time_after_all_is_left_alone(front):
    """A deadline that was over when it was looked at may be another by the time of one's turn."""
    seen, begun = list[object](), asyncio.Event()
    for _ in range(4 * SEEN_AT_ONCE):
        front.enter(Idler(front, seen, begun))
    await begun.wait()
    for each in set(front.present):
        cast("Idler", each).deadline = front.loop.time() + 60
    left = set(front.present)
    for _ in range(10):
        await asyncio.sleep(0)
    assert front.present == left
    assert len(seen) == SEEN_AT_ONCE
    await front.drain(within=timedelta(0))


async def test_a_conversation_over_tls_that_has_ended_is_not_begun_anew(front):
    """What was still to be read when it ended leads nowhere, and nobody stays in the list."""

    class Shaken:
        """TLS whose handshake is over."""

        def __init__(self, *_: object) -> None: ...

        def set_accept_state(self): ...

        def do_handshake(self): ...

        def get_peer_certificate(self): ...

        def bio_write(self, _): ...

        def bio_read(self, _):
            raise SSL.WantReadError

        recv = bio_read

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SSL, "Connection", Shaken)
        entrance = TlsFront(front, SimpleNamespace(context=None), patience=timedelta(seconds=1))
        connection = TlsConnection(entrance)
    connection.connection_made(MagicMock(get_extra_info=lambda *_: None))
    connection.buffer_updated(1)
    assert len(front.present) == 1
    connection.resume_reading()
    connection.connection_lost(None)
    await asyncio.sleep(0)
    assert not front.present
    await front.drain(within=timedelta(0))
