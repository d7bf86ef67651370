"""The requests in the octets of one connection (RFC 9112), and nothing else that they might be.

llhttp reads the framing, strictly: what two readers could read differently is no HTTP to us.
How much may come is decided here; when, by `connection`; what it means, by `rim`.

A client repeats itself: of its requests only the body, or the target, differs. A head that came
before on this connection, octet for octet, means what it meant then and is not read again.
"""

from collections import deque
from string import ascii_letters, digits
from typing import Final

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from tashika.pki.limits import MAX_REQUEST_BYTES
from tashika_server.refusal import BadHttp, Refusal, TooLarge, UnmetExpectation

__all__ = ["CONTINUE", "NO_HEAD", "Framing", "Head", "Heard", "Request"]

MAX_TARGET_BYTES: Final = 16 * 1024
"""The largest question in base64 is under 11 kB; some clients escape parts of it."""
MAX_FIELD_BYTES = 4096
MAX_FIELDS = 64
"""Browsers send about 20 header fields; proxies add some (T35: trailers count too)."""
MAX_HEAD_BYTES = 64 * 1024
MAX_MESSAGE_BYTES = 256 * 1024
"""A question of 8 kB in chunks of one octet, with extensions to spare."""
MAX_FAMILIAR = 4
"""Heads kept of one connection: a serial or a nonce of another length makes another head."""
MAX_FAMILIAR_BYTES = 2048
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_END = b"\r\n\r\n"
_GET: Final = b"GET "
_VERSION: Final = b" HTTP/1.1"
_USUAL: Final = f"{ascii_letters}{digits}/+=%._~-".encode()
_TO_USUAL: Final = bytes(octet if octet in _USUAL else _USUAL[0] for octet in range(256))
"""Leaves a target as it is if all its octets are usual, and no other."""
_UNUSUAL = ("transfer-encoding", "expect", "upgrade")


class Head:
    """The head of a request, save its target; one object for all alike on a connection."""

    __slots__ = ("fields", "keep_alive", "method", "plain", "shown", "version")

    def __init__(
        self, method: str, version: str, fields: dict[str, str], *, keep_alive: bool
    ) -> None:
        """`fields` go by lower-case name; those that came twice are joined."""
        self.method = method
        self.version = version
        self.fields = fields
        self.keep_alive = keep_alive
        self.plain = version == "1.1" and method != "HEAD"
        """Whether a reply to it is written as usual."""
        self.shown: object = None
        """For whoever reads the head: what it showed, on this connection."""


NO_HEAD: Final = Head("", "1.1", {}, keep_alive=False)
"""That of what is no request."""


class Request:
    """One request, whole."""

    __slots__ = ("body", "head", "target")

    def __init__(self, head: Head, target: str, body: bytes) -> None:
        self.head, self.target, self.body = head, target, body


Heard = Request | Refusal | bytes
"""What has come: a request, what is none, or what is to be said before more comes."""


_NOBODYS: Final = HttpRequestParser(None)


class Framing:
    """Reads one connection. For its thread alone."""

    def __init__(self) -> None:
        self.heard: deque[Heard] = deque()
        """What has come, in order; for the caller to take out."""
        self.over = False
        """True once nothing more is read: what comes is no HTTP, or not for us."""
        self.begun = self.in_body = False
        """Whether a message has begun, and whether its head is complete."""
        self._parser = HttpRequestParser(self)
        self._unfinished = 0
        """Octets that have come of a message still unfinished."""
        self._upgrading = False
        self._target = b""
        self._version = ""
        self._fields: dict[str, str] = {}
        self._named = 0
        self._body = bytearray()
        self._familiar: dict[bytes, tuple[Head, str, int]] = {}
        """By their octets: with the target and the length of the body of a POST."""

    def read(self, data: bytes) -> None:
        """Take in what has come, and append what is whole to `heard`."""
        if not self.begun and (request := self._recognise(data)):
            self.heard.append(request)
            return
        fresh, before = not self.begun, len(self.heard)
        self._feed(data)
        if fresh and not self.begun and len(self.heard) == before + 1:
            self._learn(data)

    def _feed(self, data: bytes) -> None:
        self._unfinished += len(data)
        rest: bytes | None = None
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
        except HttpParserCallbackError as stopped:
            if not isinstance(stopped.__context__, Refusal):
                raise
            self.stop(stopped.__context__)
        except HttpParserError:
            self.stop(BadHttp())
        if rest is not None:  # not while an error is handled: that would hide what the next is of
            self._decline_upgrade(rest)
        if self._unfinished > (MAX_MESSAGE_BYTES if self.in_body else MAX_HEAD_BYTES):
            self.stop(BadHttp())

    def stop(self, refusal: Refusal) -> None:
        """Read no more; this is why."""
        self.over = True
        self.heard.append(refusal.by_itself())

    def close(self) -> None:
        """Let go of what refers to us; nothing is read any more."""
        self.heard.clear()
        self._parser = _NOBODYS

    # --- Familiar heads ---------------------------------------------------------------------

    def _recognise(self, data: bytes) -> Request | None:
        """Read exactly one request whose head is familiar; None for anything else.

        What is familiar ends with an empty line and has none before: so data that begins with
        it, or has but a request line before it, have no other head.
        """
        for octets, (head, target, length) in self._familiar.items():
            if head.method == "POST":
                if data.startswith(octets):
                    body = data[len(octets) :]
                    return Request(head, target, body) if len(body) == length else None
            elif data.endswith(octets):
                line = len(data) - len(octets)
                if line <= MAX_TARGET_BYTES and (asked := _target_of(data[:line])):
                    return Request(head, asked.decode(), b"")
        return None

    def _learn(self, data: bytes) -> None:
        """Remember the head of the one request that `data` was, unless it is unusual."""
        request = self.heard[-1]
        end = data.find(_END) + len(_END)
        if not isinstance(request, Request) or end > MAX_FAMILIAR_BYTES:
            return
        head = request.head
        plain = head.keep_alive and head.version == "1.1"
        if not plain or any(name in head.fields for name in _UNUSUAL):
            return
        if len(self._familiar) >= MAX_FAMILIAR:
            self._familiar.clear()
        length = int(head.fields.get("content-length", -1))
        line = data.find(b"\r\n")
        if head.method == "POST" and data.startswith(b"POST ") and end + length == len(data):
            self._familiar[data[:end]] = head, request.target, length
        elif length < 0 and end == len(data) and _target_of(data[:line]):
            self._familiar[data[line:]] = head, "", 0

    # --- What httptools reads ---------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request."""
        self.begun = True
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
        if self.in_body:
            return
        key, text = name.lower().decode("latin-1"), value.decode("latin-1")
        if key in self._fields:
            if key == "host":  # RFC 9112 3.2
                raise BadHttp
            text = f"{self._fields[key]}, {text}"
        self._fields[key] = text

    def on_headers_complete(self) -> None:
        """Decide whether to hear the rest of the request."""
        self.in_body = True
        self._upgrading = self._parser.should_upgrade()
        self._version = self._parser.get_http_version()
        self._mind_the_host()
        self._mind_the_coding()
        if int(self._fields.get("content-length", 0)) > MAX_REQUEST_BYTES:
            raise TooLarge
        # RFC 9110 10.1.1: 1.0 knows no expectations.
        if self._version == "1.1" and (expected := self._fields.get("expect")):
            if expected.lower() != "100-continue":
                raise UnmetExpectation
            self.heard.append(CONTINUE)

    def on_body(self, piece: bytes) -> None:
        """Take a piece of the body, up to what a question can need (T22)."""
        self._body += piece
        if len(self._body) > MAX_REQUEST_BYTES:
            raise TooLarge

    def on_message_complete(self) -> None:
        """Hand the request on."""
        self.begun = self.in_body = False
        self._unfinished = 0
        method = self._parser.get_method()
        if self._upgrading and method != b"CONNECT":
            return  # see _decline_upgrade
        keep_alive = self._parser.should_keep_alive()
        if not keep_alive:
            self._familiar.clear()  # RFC 9112 9.6: nothing more is read, however familiar
        head = Head(method.decode(), self._version, self._fields, keep_alive=keep_alive)
        self.heard.append(Request(head, self._target.decode("latin-1"), bytes(self._body)))

    def _mind_the_host(self) -> None:
        """Refuse a version that is not ours, and a host not said, or said in two ways."""
        host = self._fields.get("host")
        if self._version not in ("1.0", "1.1") or (host is None and self._version == "1.1"):
            raise BadHttp
        if self._target[:1] != b"/":  # absolute form (RFC 9112 3.2.2)
            _, absolute, rest = self._target.decode("latin-1").partition("://")
            if absolute and rest.partition("/")[0].lower() != (host or "").lower():
                raise BadHttp

    def _mind_the_coding(self) -> None:
        """Refuse a body in another coding than chunks, and in any from a client that knows none.

        Such a client, or a proxy that speaks 1.0, may see another end of it (RFC 9112 6.1).
        """
        coding = self._fields.get("transfer-encoding")
        if coding is not None and (self._version == "1.0" or coding.lower() != "chunked"):
            raise BadHttp

    def _decline_upgrade(self, rest: bytes) -> None:
        """Read a request that wants another protocol as if it had not said so (RFC 9110 7.8).

        llhttp leaves off after its head. Java's client asks so for HTTP/2.
        """
        method = self._parser.get_method()
        if method == b"CONNECT":
            self.over = True
            return
        if self.heard and self.heard[-1] is CONTINUE:
            self.heard.pop()  # it will be asked for again
        fields = {k: v for k, v in self._fields.items() if k not in ("connection", "upgrade")}
        if not self._parser.should_keep_alive():
            fields["connection"] = "close"
        lines = (f"{name}: {value}\r\n".encode("latin-1") for name, value in fields.items())
        first = b"%b %b HTTP/%b\r\n" % (method, self._target, self._version.encode())
        self._parser = HttpRequestParser(self)
        self._feed(b"".join((first, *lines, b"\r\n", rest)))


def _target_of(line: bytes) -> bytes:
    """Return the target of a line `GET /... HTTP/1.1` of usual octets; nothing of any other.

    A regular expression would say the same, and take three times as long.
    """
    if not line.startswith(_GET + b"/") or not line.endswith(_VERSION):
        return b""
    target = line[len(_GET) : -len(_VERSION)]
    return target if target.translate(_TO_USUAL) == target else b""
