"""A head that came before is read as llhttp reads it, and nothing is taken for one that is not."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.asking import get, post
from tashika.pki.limits import MAX_REQUEST_BYTES
from tashika_server.refusal import BadHttp, Refusal
from tashika_server.responder.framing import (
    MAX_FAMILIAR,
    MAX_FAMILIAR_BYTES,
    MAX_TARGET_BYTES,
    Framing,
    Request,
)

FIELDS = st.sampled_from(
    [
        "Connection: close",
        "Connection: keep-alive",
        "Connection: Upgrade\r\nUpgrade: h2c",
        "Expect: 100-continue",
        "Expect: miracles",
        "Transfer-Encoding: chunked",
        "Content-Length: 3",
        "Content-Length: 0",
        "Host: elsewhere",
        "Authorization: Bearer a",
        "X: " + "x" * 3000,
        "X: y",
        "X:",
    ]
)
BODIES = st.sampled_from(
    [
        b"",
        b"abc",
        b"abd",
        b"abcd",
        b"3\r\nabc\r\n0\r\n\r\n",
        b"0\r\n\r\n",
        b"\r\n\r\n",
        b"P\r\n\r\n",
    ]
)
PATHS = st.sampled_from(["/ocsp", "/ocsp/TQ==", "/ocsp/TR==", "//", "/a b", "/ü", "*", "http://x/"])
VERSIONS = st.sampled_from(["1.1", "1.1", "1.1", "1.0"])


@st.composite
def written(draw):
    """Write a request, most often one like the others; perhaps with an octet changed."""
    fields = draw(st.lists(FIELDS, max_size=2)) if draw(st.booleans()) else []
    path, version = draw(PATHS), draw(VERSIONS)
    if draw(st.booleans()):
        data = post(draw(BODIES), *fields, path=path, version=version)
    else:
        method = draw(st.sampled_from(["GET", "GET", "HEAD", "PUT", "CONNECT"]))
        data = get(path, *fields, method=method, version=version)
    if draw(st.integers(0, 3)):
        return data
    at, to = draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))
    changes = [b"", b"\r\n", b"\n", b"\r", b" ", b"\0", b"P", data[:to]]
    return data[:at] + draw(st.sampled_from(changes)) + data[at + draw(st.integers(0, 2)) :]


def hear(pieces, *, familiar=True):
    """Read pieces as one connection does, until it is deaf; refusals go by their kind."""
    framing, heard = Framing(), []
    for each in pieces:
        if framing.over:
            break
        framing.read(each)
        if not familiar:
            framing._familiar.clear()
        heard += map(meaning, framing.heard)
        framing.heard.clear()
    return heard, framing.begun, framing.in_body, framing.over


def meaning(heard):
    if isinstance(heard, Request):
        head = heard.head
        said = head.method, head.version, head.fields, head.keep_alive, head.plain
        return said, heard.target, heard.body
    return type(heard) if isinstance(heard, Refusal) else heard


def cut(data, places):
    borders = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(borders)]


KNOWN = post(b"abc"), get("/ocsp/TQ==")
CLOSING = post(b"abc", "Connection: close")
UPGRADING = b"GET /ocsp HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


@settings(max_examples=100)
@given(st.lists(written(), min_size=1, max_size=6), st.data())
@example([post(b"abc"), CLOSING, post(b"abc")], None)
def test_a_connection_with_memory_hears_what_one_without_hears(requests, data):
    pieces = []
    for each in requests * 2:  # so that most heads come again
        places = data.draw(st.lists(st.integers(0, 4000), max_size=2)) if data else ()
        pieces += cut(each, places)
    assert hear(pieces) == hear(pieces, familiar=False)


@settings(max_examples=60)
@given(st.lists(written(), min_size=1, max_size=4), st.lists(st.integers(0, 9999), max_size=6))
@example([UPGRADING, b"GET http://x/ HTTP/1.1\r\nHost: localhost\r\n\r\n"], [])
def test_so_it_does_where_requests_and_pieces_have_other_borders(requests, places):
    pieces = [*KNOWN, *cut(b"".join(requests), places), *KNOWN]
    assert hear(pieces) == hear(pieces, familiar=False)


@settings(max_examples=30)
@given(st.binary(max_size=MAX_REQUEST_BYTES), st.binary(max_size=300))
def test_a_body_is_what_came(first, second):
    heard, *_ = hear([post(first), post(second), post(second)])
    assert [body for _, _, body in heard] == [first, second, second]


def test_a_head_is_one_object_for_all_alike():
    """By which the rim knows that it has met the asker."""
    framing = Framing()
    for each in (post(b"abc"), post(b"abd"), get("/ocsp/TQ=="), get("/ocsp/TR==")):
        framing.read(each)
    first, second, third, fourth = (each.head for each in framing.heard)
    assert first is second
    assert third is fourth
    assert first is not third
    assert [each.target for each in framing.heard][2:] == ["/ocsp/TQ==", "/ocsp/TR=="]


def test_another_token_is_another_head():
    framing = Framing()
    for token in ("a", "b", "a"):
        framing.read(post(b"abc", f"Authorization: Bearer {token}"))
    said = [each.head.fields["authorization"] for each in framing.heard]
    assert said == ["Bearer a", "Bearer b", "Bearer a"]


# --- Memory ---------------------------------------------------------------------------------


def test_few_heads_are_kept_and_none_that_is_large():
    framing = Framing()
    for number in range(50):
        framing.read(post(b"abc", f"X: {number}"))
        framing.read(get("/ocsp/TQ==", f"X: {number}"))
        assert len(framing._familiar) <= MAX_FAMILIAR
    framing._familiar.clear()
    framing.read(post(b"abc", "X: " + "x" * MAX_FAMILIAR_BYTES))
    framing.read(get("/ocsp/TQ==", "X: " + "x" * MAX_FAMILIAR_BYTES))
    assert not framing._familiar


@pytest.mark.parametrize(
    "unusual",
    [
        post(b"3\r\nabc\r\n0\r\n\r\n", "Transfer-Encoding: chunked").replace(
            b"Content-Length", b"X"
        ),
        post(b"abc", "Expect: 100-continue"),
        post(b"abc", "Connection: close"),
        post(b"abc", version="1.0"),
        post(b"abc", "Connection: keep-alive", version="1.0"),
        get("/ocsp/TQ==", "Content-Length: 0"),
        get("/ocsp/TQ==", method="HEAD"),
        get("http://localhost/ocsp"),
        post(b"abc") + b"\r\n",
    ],
)
def test_what_is_unusual_is_read_anew_each_time(unusual):
    framing = Framing()
    framing.read(unusual)
    assert not framing._familiar


# --- What resembles a familiar head ---------------------------------------------------------


def after_the_known(*pieces: bytes):
    """Say what is heard after two requests that are familiar by then."""
    heard, *_ = hear([*KNOWN, *KNOWN, *pieces])
    return heard[4:]


def one(data):
    """Say what a single request is to a new connection."""
    ((heard,), *_) = hear([data])
    return heard


def test_two_requests_in_the_same_octets_are_two():
    for pair in (KNOWN, KNOWN[::-1], KNOWN[:1] * 2, KNOWN[1:] * 2):
        assert after_the_known(b"".join(pair)) == [one(each) for each in pair]


def test_a_longer_body_is_the_beginning_of_what_follows():
    assert after_the_known(KNOWN[0] + b"GE", KNOWN[1][2:]) == [one(each) for each in KNOWN]
    assert after_the_known(KNOWN[0] + b"nonsense\r\n\r\n") == [one(KNOWN[0]), BadHttp]


def test_a_shorter_body_is_waited_for():
    assert after_the_known(KNOWN[0][:-1]) == []
    assert after_the_known(KNOWN[0][:-1], KNOWN[0]) == [
        one(KNOWN[0][:-1] + b"P"),
        BadHttp,  # the rest of the second is no method
    ]


@pytest.mark.parametrize(
    "like",
    [
        post(b"abc", "Transfer-Encoding: chunked"),
        post(b"abc", "Content-Length: 3"),
        post(b"abc", "Content-Length: 4"),
        post(b"abc", "Host: localhost"),
        KNOWN[0].replace(b"\r\n", b"\n"),
        KNOWN[0].replace(b"\r\n\r\n", b"\n\n"),
        KNOWN[0].replace(b"\r\n", b"\n", 1),
        KNOWN[0].replace(b": 3", b" : 3"),
        KNOWN[0].replace(b": 3", b": +3"),
        KNOWN[1].replace(b"\r\n", b"\n", 1),
        KNOWN[1].replace(b"HTTP/1.1", b"HTTP/2.0", 1),
        KNOWN[1].replace(b"GET /ocsp", b"GET\t/ocsp", 1),
    ],
)
def test_what_is_refused_of_a_stranger_is_refused_of_one_who_is_known(like):
    (refused, *_), *_ = hear([like])
    assert issubclass(refused, Refusal)
    assert after_the_known(like)[0] is refused


PLAIN = re.compile(rb"GET (/[A-Za-z0-9/+=%._~-]*) HTTP/1\.1")
"""What may stand before a head that came before; anything else is read in full."""
LINES = st.lists(
    st.sampled_from([b"GET ", b"/", b" HTTP/1.1", b" HTTP/1.", b"1", b" ", b"Tk==", b"%2B~._-"])
    | st.binary(max_size=3),
    max_size=6,
).map(b"".join)


def mind_a_line_before_a_known_head(line):
    framing = Framing()
    framing.read(KNOWN[1])
    known = framing.heard.pop().head
    data = line + KNOWN[1][KNOWN[1].index(b"\r\n") :]
    framing.read(data)
    said = [each.head is known for each in framing.heard if isinstance(each, Request)]
    plain = PLAIN.fullmatch(line)
    assert (True in said) is bool(plain)
    if plain:
        assert [each.target for each in framing.heard] == [plain[1].decode()]
    assert hear([KNOWN[1], data]) == hear([KNOWN[1], data], familiar=False)


@pytest.mark.parametrize("octet", range(256))
def test_every_octet_of_a_target_is_plain_or_read_in_full(octet):
    for target in (b"/%c", b"/ocsp/%cTQ==", b"%c/"):
        mind_a_line_before_a_known_head(b"GET " + target % octet + b" HTTP/1.1")


@settings(max_examples=200)
@given(LINES)
@example(b"GET / HTTP/1.1")
@example(b"GET /HTTP/1.1")
@example(b"GET /  HTTP/1.1")
@example(b"GET / HTTP/1.1 HTTP/1.1")
@example(b"GET /a HTTP/1.1\r\nX: y\r\nGET /b HTTP/1.1")
@example(b"GET / HTTP/1.0")
@example(b"GET " + b"/" * (MAX_TARGET_BYTES - 13) + b" HTTP/1.1")
def test_so_is_every_line(line):
    mind_a_line_before_a_known_head(line)


def test_another_length_is_another_head():
    longer = post(b"abcd")
    assert after_the_known(longer, longer[:-1], b"e") == [one(longer), one(longer[:-1] + b"e")]


def test_a_head_that_begins_like_a_familiar_one_is_not_that():
    more = KNOWN[0].replace(b"\r\n\r\n", b"\r\nX: y\r\n\r\n")
    assert after_the_known(more) == [one(more)]
    cut_short = KNOWN[0].replace(b"Content-Length: 3\r\n", b"")
    assert after_the_known(cut_short)[:1] == hear([cut_short])[0][:1]


def test_a_familiar_head_within_a_body_is_the_body():
    body = KNOWN[0] + KNOWN[1]
    assert after_the_known(post(body)) == [one(post(body))]
    head = post(body)[: -len(body)]
    assert after_the_known(head, KNOWN[0], KNOWN[1]) == [one(post(body))]


def test_nothing_is_familiar_any_more_behind_the_last_request():
    """RFC 9112 9.6: what follows a `Connection: close` is not read."""
    assert after_the_known(CLOSING, KNOWN[0]) == [one(CLOSING), BadHttp]
