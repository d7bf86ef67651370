import pytest

from benchmarks.load.framing import MAX_HEAD_BYTES, Framer, Head, Unframed

REPLY = b"HTTP/1.1 200 OK\r\nDate: now\r\ncontent-LENGTH: 3\r\n\r\n"


def test_a_head_says_status_and_length_whatever_the_case_of_its_letters() -> None:
    assert Framer().head(REPLY + b"abc") == Head(200, len(REPLY), 3, closes=False)


def test_a_head_that_is_known_is_the_same_again() -> None:
    framer = Framer()
    assert framer.head(REPLY) is framer.head(REPLY + b"abc")


def test_an_unfinished_head_is_waited_for_but_not_for_ever() -> None:
    framer = Framer()
    assert all(framer.head(REPLY[:end]) is None for end in range(len(REPLY)))
    with pytest.raises(Unframed):
        framer.head(b"HTTP/1.1 200 OK\r\nX: " + bytes(MAX_HEAD_BYTES))


KEPT = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\n\r\n",
)
CLOSED = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
)


def test_it_is_known_whether_another_reply_follows() -> None:
    heads = [Framer().head(each) for each in (*KEPT, *CLOSED)]
    assert [each and each.closes for each in heads] == [False] * 3 + [True] * 2


@pytest.mark.parametrize(
    "head",
    [
        b"SSH-2.0 hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_has_no_length_is_no_reply_to_count(head: bytes) -> None:
    with pytest.raises(Unframed):
        Framer().head(head)
