"""Lines over real sockets, against a service whose every octet the test decides."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.load.deck import Question
from benchmarks.load.envelope import Envelope
from benchmarks.load.lines import Heard, NotConnected, Service, SocketLines

QUESTION = Question((), b"0\x00", nonced=False, get=False)
IN_PATH = Question((), b"0\x00\xff\xef", nonced=True, get=True)
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
PATIENCE = 5.0


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@contextmanager
def connected(
    listener: socket.socket, depth: int = 1
) -> Iterator[tuple[SocketLines, socket.socket]]:
    service = Service(host="127.0.0.1", port=listener.getsockname()[1])
    with SocketLines(service, [Envelope("host:1", "/ocsp", token="t")], depth=depth) as lines:
        theirs, _ = listener.accept()
        with theirs:
            yield lines, theirs


def hear(lines: SocketLines) -> list[Heard]:
    return list(lines.hear(PATIENCE))


def test_a_question_by_post_is_a_whole_request(listener: socket.socket) -> None:
    with connected(listener) as (lines, theirs):
        lines.ask(lines.slots[0], QUESTION, b"")
        assert theirs.recv(4096) == (
            b"POST /ocsp HTTP/1.1\r\nHost: host:1\r\nAuthorization: Bearer t\r\n"
            b"Content-Type: application/ocsp-request\r\nContent-Length: 2\r\n\r\n0\x00"
        )


def test_a_question_by_get_is_in_the_path_escaped(listener: socket.socket) -> None:
    with connected(listener) as (lines, theirs):
        lines.ask(lines.slots[0], IN_PATH, b"\xfe")
        assert theirs.recv(4096).startswith(b"GET /ocsp/MAD%2F7%2F4%3D HTTP/1.1\r\nHost: host:1")


def test_replies_are_heard_however_they_are_cut(listener: socket.socket) -> None:
    with connected(listener, depth=3) as (lines, theirs):
        theirs.sendall(REPLY + REPLY + REPLY[:-1])
        assert [each.body for each in hear(lines)] == [b"abc", b"abc"]
        theirs.sendall(REPLY[-1:])
        assert [each.body for each in hear(lines)] == [b"abc"]


def test_a_line_that_was_closed_is_opened_by_the_next_question(listener: socket.socket) -> None:
    with connected(listener) as (lines, theirs):
        theirs.close()
        (end,) = hear(lines)
        assert end.head is None
        lines.ask(end.line, QUESTION, b"")
        again, _ = listener.accept()
        with again:
            assert again.recv(4096).endswith(b"0\x00")
        assert lines.opened == 2


def test_a_reply_that_closes_leaves_the_line_ready_to_be_asked(listener: socket.socket) -> None:
    with connected(listener) as (lines, theirs):
        theirs.sendall(REPLY.replace(b"200 OK", b"200 OK\r\nConnection: close"))
        for heard in lines.hear(PATIENCE):
            lines.ask(heard.line, QUESTION, b"")
        again, _ = listener.accept()
        with again:
            again.sendall(REPLY)
            assert [each.body for each in hear(lines)] == [b"abc"]


def test_what_the_kernel_does_not_take_follows(listener: socket.socket) -> None:
    large = Question((), bytes(8_000_000), nonced=False, get=False)
    with connected(listener) as (lines, theirs):
        lines.ask(lines.slots[0], large, b"")
        got = 0
        while got < 8_000_000:
            got += len(theirs.recv(1 << 20))
            list(lines.hear(0))


def test_a_service_that_is_not_there_is_named(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    service = Service(host="127.0.0.1", port=port)
    with (
        pytest.raises(NotConnected, match=str(port)),
        SocketLines(service, [Envelope("host", "/")], depth=1),
    ):
        pass
