"""One caller's HTTP/1.1 (RFC 9112) on one connection: framing, order, deadlines, and an end.

llhttp reads the framing, strictly: what two readers could read differently is no HTTP to us.
Decided here is how much may come, how long it may take, and that replies leave in the order of
their requests. What a request means and what is said to it is `rim`'s business.

What one caller can cost is bounded (T18, T35, T36): an unfinished message by the MAX_ numbers,
unread replies by one turn's worth, and every wait by an absolute deadline.
"""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from ipaddress import IPv6Address
from typing import NamedTuple, Protocol, cast

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from tashika.pki.limits import MAX_REQUEST_BYTES
from tashika_server.agreements.presented import Address, ClientCertificate, address
from tashika_server.metering.journal import JournalStopped
from tashika_server.metering.meter import Meter, Noted, NotJournalled
from tashika_server.metering.usage import Delivery
from tashika_server.refusal import BadHttp, Refusal, TooLarge, TooSlow, UnmetExpectation

__all__ = ["CLIENT_CERTIFICATE", "Connection", "Front", "Patience", "Reply", "Request", "Says"]

CLIENT_CERTIFICATE = "client_certificate"
"""What a transport over TLS calls the certificate by which the client showed its key, DER."""
NOWHERE = IPv6Address("::")
"""Where a caller is that has gone before we could look."""

MAX_TARGET_BYTES = 16 * 1024
"""The largest question in base64 is under 11 kB; some clients escape parts of it."""
MAX_FIELD_BYTES = 4096
MAX_FIELDS = 64
"""Browsers send about 20 header fields; proxies add some (T35: trailers count too)."""
MAX_HEAD_BYTES = 64 * 1024
MAX_MESSAGE_BYTES = 256 * 1024
"""A question of 8 kB in chunks of one octet, with extensions to spare."""
TURN = 16
"""Pipelined requests answered on one connection before the others have their turn."""
GLANCES = 8
"""A deadline is kept to an eighth of the shortest."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a caller may take over each part of an exchange, slowly sent bytes or not."""

    head: timedelta = timedelta(seconds=10)
    """For the next request's head to be there, from the last reply on; so also for idling."""
    body: timedelta = timedelta(seconds=5)
    """For the rest of the request: 8 kB over the worst mobile line."""
    reply: timedelta = timedelta(seconds=5)
    """For taking the reply off our hands."""
    linger: timedelta = timedelta(seconds=1)
    """For hearing a refused caller out, so that the refusal arrives before the reset."""


class Request(NamedTuple):
    """One request, whole. Fields go by lower-case name; those that came twice are joined."""

    method: str
    target: str
    fields: dict[str, str]
    body: bytes
    version: str
    keep_alive: bool


class Reply(NamedTuple):
    """What goes out for one request; after the last one, nothing more is heard."""

    data: bytes
    last: bool = False
    request: Request | None = None
    noted: Noted | None = None
    """Where it is in the journal: not to be released before that is durable."""


class Says(Protocol):
    """Says what each request gets; raises nothing."""

    @property
    def meter(self) -> Meter | None:
        """By which answers are noted; None where none is."""
        ...

    def handle(self, request: Request, connection: "Connection", *, last: bool) -> Reply:
        """Answer one request; `last` if the connection is to end with it."""
        ...

    def refuse(self, refusal: Refusal, request: Request | None, *, last: bool) -> Reply:
        """Decline a request, or what is none at all."""
        ...


class Present(Protocol):
    """Whoever is in the list of a front."""

    deadline: float
    """By the loop's clock."""

    def expire(self) -> None:
        """Do what is due now that the deadline is over."""
        ...

    def retire(self) -> None:
        """Close as soon as whatever has begun is over."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...


class _Turn:
    """Replies that go out together, once all that they are to be billed by is durable."""

    __slots__ = ("ready", "replies")

    def __init__(self, replies: list[Reply]) -> None:
        self.replies = replies
        self.ready = False


class _Wait(Enum):
    """What a connection waits for."""

    HEAD = auto()
    BODY = auto()
    REPLY = auto()
    LINGER = auto()


class Front:
    """The protocol factory of a worker: makes connections, watches the time, sees them off."""

    def __init__(self, rim: Says, patience: Patience) -> None:
        """Begin, in a running loop."""
        self.rim = rim
        self.loop = asyncio.get_running_loop()
        self.draining = False
        self.present: set[Present] = set()
        self.seconds = {
            _Wait.HEAD: patience.head.total_seconds(),
            _Wait.BODY: patience.body.total_seconds(),
            _Wait.REPLY: patience.reply.total_seconds(),
            _Wait.LINGER: patience.linger.total_seconds(),
        }
        self._departure = asyncio.Event()
        self._glance_every = min(self.seconds.values()) / GLANCES
        self._glancing = self.loop.call_later(self._glance_every, self._glance)

    def __call__(self) -> "Connection":
        """Make the connection of one caller."""
        return Connection(self)

    def leave(self, one: Present) -> None:
        """Take one off the list."""
        self.present.discard(one)
        self._departure.set()

    async def wind_down(self, *, within: timedelta) -> None:
        """Wait until all have gone or time is up; each reply says that it is the last.

        Nobody is sent away: who is idle is closed when they would have been anyway, and so no
        question crosses with our leaving that would not have crossed with their idling.
        """
        self.draining = True
        with suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                while self.present:
                    self._departure.clear()
                    await self._departure.wait()

    async def drain(self, *, within: timedelta) -> None:
        """Close idle connections at once, the others after their reply or when time is up."""
        for one in list(self.present):
            one.retire()
        await self.wind_down(within=within)
        self._glancing.cancel()
        for one in list(self.present):
            one.abort()

    def _glance(self) -> None:
        """Look for deadlines that are over: one timer for all, where each would need several."""
        now = self.loop.time()
        for one in [each for each in self.present if each.deadline <= now]:
            one.expire()
        self._glancing = self.loop.call_later(self._glance_every, self._glance)


class Connection(asyncio.Protocol):
    """One caller's connection."""

    deadline: float
    _transport: asyncio.Transport

    def __init__(self, front: Front) -> None:
        self.peer: Address = NOWHERE
        self._front = front
        self._waits = _Wait.HEAD
        self._certificate: ClientCertificate | None = None
        self._parser = HttpRequestParser(self)
        self._unfinished = 0
        """Octets that have come of a message still unfinished."""
        self._begun = self._in_body = self._upgrading = False
        self._target = b""
        self._version = ""
        self._fields: dict[str, str] = {}
        self._named = 0
        self._body = bytearray()
        self._queue: deque[Request | Refusal | bytes] = deque()
        self._deaf = False
        """True once nothing more is heard: what comes is thrown away."""
        self._ended = False
        """True once the last words have been said."""
        self._full = self._reading_paused = False
        self._turns: deque[_Turn] = deque()
        """What has been said and not gone out yet, in order."""
        self._leaving: list[Noted] = []
        """Answers that the kernel has not taken whole."""

    # --- The protocol of the socket ---------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Enter the front's list."""
        self._transport = cast("asyncio.Transport", transport)
        # So the kernel has taken everything unless we hear that it has not.
        self._transport.set_write_buffer_limits(high=0)
        if name := transport.get_extra_info("peername"):
            self.peer = address(name[0])
        self._wait(_Wait.HEAD)
        self._front.present.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Leave the front's list."""
        self._deaf = self._ended = True
        self._queue.clear()
        self._settle(Delivery.ABANDONED)
        self._front.leave(self)

    def data_received(self, data: bytes) -> None:
        """Read what has come, and reply to each request that is whole."""
        if self._deaf:
            return
        self._unfinished += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[upgrade.args[0] :])
        except HttpParserCallbackError as stopped:
            if not isinstance(stopped.__context__, Refusal):
                raise
            self._stop_hearing(stopped.__context__)
        except HttpParserError:
            self._stop_hearing(BadHttp())
        if self._unfinished > (MAX_MESSAGE_BYTES if self._in_body else MAX_HEAD_BYTES):
            self._stop_hearing(BadHttp())
        self._go_on()

    def eof_received(self) -> bool:
        """Close, but first reply to what was asked before."""
        self._deaf = True
        return bool(self._queue or self._turns)

    def pause_writing(self) -> None:
        """Reply to nothing more until the caller has taken what there is."""
        self._full = True
        self._pause_reading()
        self._wait(_Wait.REPLY)

    def resume_writing(self) -> None:
        """Go on replying."""
        self._full = False
        self._settle(Delivery.HANDED_OVER)
        self._go_on()

    # --- What httptools reads ---------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._begun = True
        self._target, self._fields, self._named, self._body = b"", {}, 0, bytearray()

    def on_url(self, piece: bytes) -> None:
        """Take a piece of the target."""
        self._target += piece
        if len(self._target) > MAX_TARGET_BYTES:
            raise BadHttp

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field, or a trailer, which only counts: it comes too late to mean anything."""
        self._named += 1
        if self._named > MAX_FIELDS or len(name) + len(value) > MAX_FIELD_BYTES:
            raise BadHttp
        if self._in_body:
            return
        key, text = name.lower().decode("latin-1"), value.decode("latin-1")
        if key in self._fields:
            if key == "host":  # RFC 9112 3.2
                raise BadHttp
            text = f"{self._fields[key]}, {text}"
        self._fields[key] = text

    def on_headers_complete(self) -> None:
        """Decide whether to hear the rest of the request."""
        self._in_body = True
        self._upgrading = self._parser.should_upgrade()
        self._version = self._parser.get_http_version()
        self._mind_the_host()
        if int(self._fields.get("content-length", 0)) > MAX_REQUEST_BYTES:
            raise TooLarge
        # RFC 9110 10.1.1: 1.0 knows no expectations.
        if self._version == "1.1" and (expected := self._fields.get("expect")):
            if expected.lower() != "100-continue":
                raise UnmetExpectation
            self._queue.append(CONTINUE)

    def on_body(self, piece: bytes) -> None:
        """Take a piece of the body, up to what a question can need (T22)."""
        self._body += piece
        if len(self._body) > MAX_REQUEST_BYTES:
            raise TooLarge

    def on_message_complete(self) -> None:
        """Put the request in the queue."""
        self._begun = self._in_body = False
        self._unfinished = 0
        method = self._parser.get_method()
        if self._upgrading and method != b"CONNECT":
            return  # see _decline_upgrade
        self._queue.append(
            Request(
                method.decode(),
                self._target.decode("latin-1"),
                self._fields,
                bytes(self._body),
                self._version,
                self._parser.should_keep_alive(),
            )
        )

    def _mind_the_host(self) -> None:
        """Refuse a version that is not ours, and a host not said, or said in two ways."""
        host = self._fields.get("host")
        if self._version not in ("1.0", "1.1") or (host is None and self._version == "1.1"):
            raise BadHttp
        if self._target[:1] != b"/":  # absolute form (RFC 9112 3.2.2)
            _, absolute, rest = self._target.decode("latin-1").partition("://")
            if absolute and rest.partition("/")[0].lower() != (host or "").lower():
                raise BadHttp

    def _decline_upgrade(self, rest: bytes) -> None:
        """Read a request that wants another protocol as if it had not said so (RFC 9110 7.8).

        llhttp leaves off after its head. Java's client asks so for HTTP/2.
        """
        method = self._parser.get_method()
        if method == b"CONNECT":
            self._deaf = True
            return
        if self._queue and self._queue[-1] is CONTINUE:
            self._queue.pop()  # it will be asked for again
        fields = {k: v for k, v in self._fields.items() if k not in ("connection", "upgrade")}
        if not self._parser.should_keep_alive():
            fields["connection"] = "close"
        lines = (f"{name}: {value}\r\n".encode("latin-1") for name, value in fields.items())
        first = b"%b %b HTTP/%b\r\n" % (method, self._target, self._version.encode())
        self._parser = HttpRequestParser(self)
        self.data_received(b"".join((first, *lines, b"\r\n", rest)))

    # --- What goes out ----------------------------------------------------------------------

    def certificate(self) -> ClientCertificate | None:
        """Return the certificate that the client has; raises CertificateUnusable.

        It says who has the key, and no more: what that is worth is for each request to find out
        anew, and sessions that are resumed change nothing about it (T25).
        """
        if self._certificate is None:
            der = self._transport.get_extra_info(CLIENT_CERTIFICATE)
            self._certificate = ClientCertificate.read(der) if der else None
        return self._certificate

    def retire(self) -> None:
        """Close, unless a request is being heard or answered; that one closes with its reply."""
        if not (self._begun or self._queue or self._turns or self._full):
            self._close()

    def expire(self) -> None:
        """End the wait whose deadline is over."""
        if self._waits is _Wait.BODY:
            self._stop_hearing(TooSlow())
            self._go_on()
        elif self._waits is _Wait.HEAD:
            self._close()
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _stop_hearing(self, refusal: Refusal) -> None:
        self._deaf = True
        self._queue.append(refusal)

    def _go_on(self) -> None:
        """Reply to what is in the queue: for one turn, and while the caller takes it."""
        said: list[Reply] = []
        while self._queue and len(said) < TURN and not (self._full or self._ended):
            said.append(self._speak(self._queue.popleft()))
        if said:
            self._hand_in(_Turn(said))
        if self._ended:
            return
        if self._queue:
            self._let_others_in()
        else:
            self._read_on(replied=bool(said))

    def _speak(self, asked: Request | Refusal | bytes) -> Reply:
        """Find the words for one entry of the queue."""
        if isinstance(asked, bytes):
            return Reply(asked)
        if isinstance(asked, Request):
            # What has come whole is answered, also while draining.
            last = not asked.keep_alive or (self._front.draining and not self._queue)
            reply = self._front.rim.handle(asked, self, last=last)
        else:
            reply = self._front.rim.refuse(asked, None, last=True)
        self._ended = reply.last
        return reply

    def _hand_in(self, turn: _Turn) -> None:
        """Send a turn as soon as its last record is durable: they are written in order."""
        self._turns.append(turn)
        noted = [each.noted for each in turn.replies if each.noted]
        if noted and (meter := self._front.rim.meter):
            meter.on_commit(noted[-1], partial(self._release, turn))
        else:
            turn.ready = True
            self._send()

    def _release(self, turn: _Turn, stopped: JournalStopped | None) -> None:
        """Let a turn go: the commit point of everything in it. No journal, no answer (rule 1)."""
        if stopped is not None:
            turn.replies = [self._withdraw(each) for each in turn.replies]
        turn.ready = True
        self._send()

    def _withdraw(self, reply: Reply) -> Reply:
        meter = self._front.rim.meter
        if reply.noted is None or meter is None:
            return reply
        meter.settle(reply.noted, Delivery.ABANDONED)
        return self._front.rim.refuse(NotJournalled(), reply.request, last=reply.last)

    def _send(self) -> None:
        """Send what is ready, as far as nothing before it is not."""
        said: list[Reply] = []
        while self._turns and self._turns[0].ready:
            said += self._turns.popleft().replies
        self._leaving += [each.noted for each in said if each.noted]
        if self._transport.is_closing():
            self._settle(Delivery.ABANDONED)
            return
        self._transport.write(b"".join(each.data for each in said))
        if not self._transport.get_write_buffer_size():
            self._settle(Delivery.HANDED_OVER)
        if self._ended and not self._turns:
            self._see_off()
        elif self._deaf and not (self._queue or self._turns):
            self._close()

    def _settle(self, delivery: Delivery) -> None:
        """Tell the journal what became of the answers that have left, or never will."""
        if self._leaving and (meter := self._front.rim.meter):
            for each in self._leaving:
                meter.settle(each, delivery)
            self._leaving.clear()

    def _let_others_in(self) -> None:
        """Take nothing more before what is in the queue has had its turn."""
        self._pause_reading()
        if not self._full:
            self._front.loop.call_soon(self._go_on)

    def _read_on(self, *, replied: bool) -> None:
        """Wait for the next request, or for the rest of one, by a deadline that stays."""
        if self._deaf:
            if not self._turns:
                self._close()
        elif not self._full:
            self._resume_reading()
            wanted = _Wait.BODY if self._in_body else _Wait.HEAD
            if replied or self._waits is not wanted:
                self._wait(wanted)

    def _see_off(self) -> None:
        """End after the last words; who has more to say is heard out, lest a reset eat them."""
        self._queue.clear()
        if self._deaf or self._begun or self._front.draining:
            self._deaf = True
            self._resume_reading()
            self._transport.write_eof()
            self._wait(_Wait.LINGER)
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
        self._wait(_Wait.REPLY)

    def _wait(self, wait: _Wait) -> None:
        self._waits = wait
        self.deadline = self._front.loop.time() + self._front.seconds[wait]
