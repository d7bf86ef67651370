"""One caller's HTTP/1.1 on one connection: what comes, replies in the order of requests, an end.

How octets become requests is `framing`'s, and what is said to them comes by `turns`. What one
caller can cost is bounded (T18, T35, T36): an unfinished message by the MAX_ numbers of framing,
unread replies by one window's worth, and every wait by an absolute deadline.
"""

import asyncio
from collections import deque
from ipaddress import IPv6Address
from typing import Final, cast

from tashika_server.agreements.presented import Address, ClientCertificate, address
from tashika_server.metering.usage import Delivery
from tashika_server.refusal import TooSlow
from tashika_server.responder.framing import Framing, Heard, Request
from tashika_server.responder.front import Front, Wait
from tashika_server.responder.rim import Asked

__all__ = ["CLIENT_CERTIFICATE", "READ_BYTES", "Connection"]

CLIENT_CERTIFICATE = "client_certificate"
"""What a transport over TLS calls the certificate by which the client showed its key, DER."""
NOWHERE = IPv6Address("::")
"""Where a caller is that has gone before we could look."""
WINDOW: Final = 16
"""Pipelined requests that wait for their replies; the rest waits with the kernel."""


READ_BYTES: Final = 4096
"""Read at a time: several questions, and not many Requests, however small a deaf caller's are."""

_incoming: Final = bytearray(READ_BYTES)
"""Where every connection of the process reads to: what is there is taken at once."""
_incoming_view: Final = memoryview(_incoming)


class Connection(asyncio.BufferedProtocol):
    """One caller's connection."""

    deadline: float
    _transport: asyncio.Transport

    def __init__(self, front: Front) -> None:
        self.peer: Address = NOWHERE
        self._front = front
        self._waits = Wait.HEAD
        self._certificate: ClientCertificate | None = None
        self._framing = Framing()
        self._heard = self._framing.heard
        self._asked: deque[Asked] = deque()
        """What has no reply yet, or waits for what came before it."""
        self._deaf = False
        """True once nothing more is heard: what comes is thrown away."""
        self._ended = False
        """True once the last words have been said."""
        self._full = self._reading_paused = False
        self._leaving: list[Asked] = []
        """Answers that the kernel has not taken whole."""

    # --- The protocol of the socket ---------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Enter the front's list."""
        self._transport = cast("asyncio.Transport", transport)
        # So the kernel has taken everything unless we hear that it has not.
        self._transport.set_write_buffer_limits(high=0)
        if name := transport.get_extra_info("peername"):
            self.peer = address(name[0])
        self._wait(Wait.HEAD)
        if not self._front.enter(self):
            self.abort()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Leave the front's list."""
        self._deaf = self._ended = True
        self._framing.close()
        self._drop_the_rest()
        self._settle(Delivery.ABANDONED)
        self._front.leave(self)

    def get_buffer(self, _sizehint: int) -> bytearray:
        """Say where to read to."""
        return _incoming

    def buffer_updated(self, nbytes: int) -> None:
        """Take in what has been read."""
        self.data_received(_incoming_view[:nbytes].tobytes())

    def data_received(self, data: bytes) -> None:
        """Read what has come, and hand on each request that is whole."""
        if self._deaf:
            return
        self._framing.read(data)
        self._deaf = self._framing.over
        self._go_on()

    def eof_received(self) -> bool:
        """Close, but first reply to what was asked before."""
        self._deaf = True
        return bool(self._heard or self._asked)

    def pause_writing(self) -> None:
        """Hand nothing more on until the caller has taken what there is."""
        self._full = True
        self._pause_reading()
        self._wait(Wait.REPLY)

    def resume_writing(self) -> None:
        """Go on."""
        self._full = False
        self._settle(Delivery.HANDED_OVER)
        self._go_on()

    # --- For those who are asked ------------------------------------------------------------

    def certificate(self) -> ClientCertificate | None:
        """Return the certificate that the client has; raises CertificateUnusable.

        It says who has the key, and no more: what that is worth is for each request to find out
        anew, and sessions that are resumed change nothing about it (T25).
        """
        if self._certificate is None:
            der = self._transport.get_extra_info(CLIENT_CERTIFICATE)
            self._certificate = ClientCertificate.read(der) if der else None
        return self._certificate

    def hand_out(self) -> None:
        """Send what is ready, as far as nothing before it is not."""
        said: list[Asked] = []
        while self._asked and self._asked[0].ready and not self._ended:
            asked = self._asked.popleft()
            said.append(asked)
            self._ended = asked.last
        if said:
            self._say(said)
        if self._heard:  # after the others have had their turn
            self._front.loop.call_soon(self._go_on)
        self._hear_on(replied=bool(said))

    # --- For the front ----------------------------------------------------------------------

    def retire(self) -> None:
        """Close, unless a request is being heard or answered; that one closes with its reply."""
        if self._framing.begun or self._heard:
            return
        if self._asked:
            self._asked[-1].last = True
        elif not self._full:
            self._close()

    def expire(self) -> None:
        """End the wait whose deadline is over."""
        if self._waits is Wait.BODY:
            self._wait(Wait.HEAD)  # said once, though answers may be due before it
            self._framing.stop(TooSlow())
            self._deaf = True
            self._go_on()
        elif self._waits is not Wait.HEAD:
            self.abort()
        elif self._asked:  # it is we who keep the caller waiting
            self._wait(Wait.HEAD)
        else:
            self._close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    # --- What goes on and out ---------------------------------------------------------------

    def _go_on(self) -> None:
        """Hand on what has been heard: so much at a time, and while the caller takes it."""
        while self._heard and len(self._asked) < WINDOW and not (self._full or self._ended):
            self._hand_on(self._heard.popleft())
        if self._asked and self._asked[0].ready:
            self.hand_out()
        else:
            self._hear_on(replied=False)

    def _hand_on(self, heard: Heard) -> None:
        if isinstance(heard, Request):
            # What has come whole is answered, also while draining.
            leaving = self._front.draining and not self._heard
            asked = Asked(self, last=leaving or not heard.head.keep_alive)
            self._asked.append(asked)
            self._front.turns.join(asked, heard)
            return
        asked = Asked(self, last=not isinstance(heard, bytes))
        if isinstance(heard, bytes):
            asked.data = heard
        else:
            self._front.turns.rim.refuse(asked, heard)
        asked.ready = True
        self._asked.append(asked)

    def _say(self, said: list[Asked]) -> None:
        self._leaving += said
        if self._transport.is_closing():
            self._settle(Delivery.ABANDONED)
            return
        self._transport.write(b"".join([each.data for each in said]))
        if not self._transport.get_write_buffer_size():
            self._settle(Delivery.HANDED_OVER)
        if self._ended:
            self._drop_the_rest()
            self._see_off()

    def _hear_on(self, *, replied: bool) -> None:
        """Wait for the next request, or for the rest of one, by a deadline that stays."""
        if self._ended:
            return
        if self._heard or len(self._asked) >= WINDOW:
            self._pause_reading()
            if not self._full and self._waits is not Wait.HEAD:  # it is we who let them wait
                self._wait(Wait.HEAD)
        elif self._deaf:
            if not self._asked:
                self._close()
        elif not self._full:
            self._resume_reading()
            wanted = Wait.BODY if self._framing.in_body else Wait.HEAD
            if replied or self._waits is not wanted:
                self._wait(wanted)

    def _drop_the_rest(self) -> None:
        """Have nothing to do any more with what has been asked."""
        ready = [each for each in self._asked if each.ready]
        self._front.turns.stages.settle(ready, Delivery.ABANDONED)
        for each in self._asked:
            each.dropped = True
        self._asked.clear()

    def _settle(self, delivery: Delivery) -> None:
        """Tell the journal what became of the answers that have left, or never will."""
        if self._leaving:
            self._front.turns.stages.settle(self._leaving, delivery)
            self._leaving.clear()

    def _see_off(self) -> None:
        """End after the last words; who has more to say is heard out, lest a reset eat them."""
        self._heard.clear()
        if self._deaf or self._framing.begun or self._front.draining:
            self._deaf = True
            self._resume_reading()
            self._transport.write_eof()
            self._wait(Wait.LINGER)
        else:
            self._close()

    def _pause_reading(self) -> None:
        if not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()

    def _close(self) -> None:
        """Close once everything has been sent, which must not take long either."""
        self._deaf = self._ended = True
        self._transport.close()
        self._wait(Wait.REPLY)

    def _wait(self, wait: Wait) -> None:
        self._waits = wait
        self.deadline = self._front.loop.time() + self._front.seconds[wait]
