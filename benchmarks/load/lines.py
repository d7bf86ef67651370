"""Connections to the service: non-blocking sockets watched by one epoll, in one thread."""

import select
import socket
import ssl
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self, cast

from benchmarks.load.deck import Question
from benchmarks.load.envelope import Envelope
from benchmarks.load.framing import Framer, Head

__all__ = ["Heard", "Line", "Lines", "NotConnected", "Pending", "Service", "SocketLines"]

READ_BYTES = 64 * 1024
CONNECT_SECONDS = 10.0
EPOLL_ROUNDS_UP = 0.002
"""Seconds, more than it does; the rest of a longer wait is waited for exactly."""


class NotConnected(Exception):
    """The service cannot be reached."""


class Pending(NamedTuple):
    """A question under way."""

    intended: int
    """When it was meant to be asked."""
    sampled: tuple[Question, bytes] | None
    """The question and its nonce, where the answer is to be kept."""


class Heard(NamedTuple):
    """A reply, or with `head` None the end of the connection.

    With the end, or after a reply that closes it, the line owes nothing any more.
    """

    line: "Line"
    head: Head | None
    body: bytes


class Lines(Protocol):
    """What questions are sent over and answers come back on, each line in its own order."""

    @property
    def slots(self) -> Sequence["Line"]:
        """Return each line as often as it may have questions under way."""
        ...

    def ask(self, line: "Line", question: Question, nonce: bytes) -> None:
        """Send one question."""
        ...

    def hear(self, seconds: float) -> Iterator[Heard]:
        """Give what has come, one by one; wait so long where there is nothing."""
        ...


class Line:
    """One connection, and what is under way on it."""

    __slots__ = ("envelope", "inbox", "outbox", "socket", "waiting")

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope
        self.socket: socket.socket | None = None
        self.inbox = b""
        self.outbox = b""
        self.waiting: deque[Pending] = deque()
        """In the order of the questions; kept by whoever asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Where it is."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


class SocketLines:
    """Lines over TCP or TLS. A line that has been closed is opened again by the next question."""

    def __init__(self, service: Service, envelopes: Sequence[Envelope], *, depth: int) -> None:
        self._service = service
        self._framer = Framer()
        self._epoll = select.epoll()
        self._lines = [Line(each) for each in envelopes]
        self._heard_by: dict[int, Line] = {}
        self.slots: Sequence[Line] = self._lines * depth
        self.opened = 0
        """Connections made; more than lines where the service closes them."""

    def __enter__(self) -> Self:
        for line in self._lines:
            self._open(line)
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines:
            self._close(line)
        self._epoll.close()

    def ask(self, line: Line, question: Question, nonce: bytes) -> None:
        """Send one question, as far as the kernel takes it; the rest goes with `hear`."""
        channel = line.socket or self._open(line)
        data = line.envelope.wrap(question, nonce)
        if not line.outbox:
            try:
                data = data[channel.send(data) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                pass
            except OSError:
                data = b""  # `hear` finds out too, and says so
            if data:
                self._epoll.modify(channel, select.EPOLLIN | select.EPOLLOUT)
        line.outbox += data

    def hear(self, seconds: float) -> Iterator[Heard]:
        """Give what has come; waits are exact to some 50 µs, where epoll's own are to 1 ms."""
        if seconds > EPOLL_ROUNDS_UP:
            events = self._epoll.poll(seconds - EPOLL_ROUNDS_UP)
        else:
            select.select([self._epoll], [], [], seconds)
            events = self._epoll.poll(0)
        for number, event in events:
            line = self._heard_by.get(number)
            if line is None:  # closed since
                continue
            if event & select.EPOLLOUT:
                self._send_rest(line)
            if event & ~select.EPOLLOUT:
                data = self._receive(line)
                if data is None:
                    continue
                head = self._framer.head(data)
                if head and len(data) == head.size + head.length and not head.closes:
                    yield Heard(line, head, data[head.size :])  # one whole reply, as is usual
                else:
                    yield from self._split(line, data)

    def _receive(self, line: Line) -> bytes | None:
        """Return what has not been split yet; nothing at the end, None while there is no more."""
        channel = cast("socket.socket", line.socket)
        try:
            data = channel.recv(READ_BYTES)
            if self._service.tls:
                data += channel.recv(cast("ssl.SSLSocket", channel).pending())
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError:
            return b""
        if data and line.inbox:
            data, line.inbox = line.inbox + data, b""
        return data

    def _split(self, line: Line, data: bytes) -> Iterator[Heard]:
        if not data:
            self._close(line)
            yield Heard(line, None, b"")
        while data:
            head = self._framer.head(data)
            if head is None or len(data) < (end := head.size + head.length):
                line.inbox = data
                return
            body, data = data[head.size : end], data[end:]
            if head.closes:
                self._close(line)  # first: whoever hears this may ask again at once
                data = b""
            yield Heard(line, head, body)

    def _send_rest(self, line: Line) -> None:
        if line.socket is None:
            return
        try:
            line.outbox = line.outbox[line.socket.send(line.outbox) :]
        except (BlockingIOError, ssl.SSLWantWriteError):
            return
        except OSError:
            line.outbox = b""
        if not line.outbox:
            self._epoll.modify(line.socket, select.EPOLLIN)

    def _open(self, line: Line) -> socket.socket:
        service = self._service
        try:
            plain = socket.create_connection((service.host, service.port), CONNECT_SECONDS)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            channel = plain
            if service.tls:
                channel = service.tls.wrap_socket(plain, server_hostname=service.host)
        except OSError as wrong:
            raise NotConnected(f"{service.host}:{service.port}: {wrong}; is it there?") from wrong
        channel.setblocking(False)
        line.socket, self._heard_by[channel.fileno()] = channel, line
        self._epoll.register(channel, select.EPOLLIN)
        self.opened += 1
        return channel

    def _close(self, line: Line) -> None:
        if line.socket:
            self._epoll.unregister(line.socket)
            del self._heard_by[line.socket.fileno()]
            line.socket.close()
        line.socket, line.inbox, line.outbox = None, b"", b""
