"""The responder at its socket, spoken to in raw bytes."""

import asyncio
import base64
import contextlib
import gc
import os
import random
import re
import resource
import signal
import socket
import time
from dataclasses import replace
from datetime import timedelta
from functools import cache
from importlib.metadata import version
from urllib.parse import quote

import pytest

from support.asking import (
    AT,
    DAY,
    GOOD,
    HASTE,
    NO_PROXIES,
    NOTEBOOK,
    REVOKED,
    Relief,
    Wire,
    ec_key,
    get,
    live,
    open_counter,
    post,
    talk,
    write_signer,
)
from support.clock import FakeClock
from support.service import wait_until
from tashika.pki.limits import MAX_REQUEST_BYTES
from tashika.pki.response import BasicResponse, ErrorResponse, ResponseStatus, parse_response
from tashika.pki.standing import Good, Revoked
from tashika_server.index import IndexMissing
from tashika_server.responder import Patience, WorkerParts, run, worker
from tashika_server.responder.connection import Connection
from tashika_server.responder.framing import MAX_HEAD_BYTES, MAX_MESSAGE_BYTES

NONCE = b"n" * 32


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    return open_counter(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def port(counter):
    with live(counter.desk, patience=Patience()) as port:
        yield port


@pytest.fixture(scope="module")
def hasty(counter):
    """A server that waits for nobody long."""
    with live(counter.desk, patience=HASTE) as port:
        yield port


@pytest.fixture(scope="module")
def question(counter):
    return counter.question(GOOD, nonce=NONCE)


def standing(message):
    answer = parse_response(message.body)
    assert isinstance(answer, BasicResponse)
    return answer.responses[0].standing


def refusal(message):
    answer = parse_response(message.body)
    assert isinstance(answer, ErrorResponse)
    assert message.headers["cache-control"] == "no-store"
    return answer.status


def in_path(question, *, escape=""):
    return "/ocsp/" + quote(base64.b64encode(question).decode(), safe=escape or "/+=")


@pytest.fixture(autouse=True)
def _unharmed(port, question):
    """Whatever one caller did, the next is answered at once."""
    yield
    begun = time.monotonic()
    assert standing(talk(port, post(question))) == Good()
    assert time.monotonic() - begun < 5


# --- the plain ways -------------------------------------------------------------------------


def test_post(port, question):
    heard = talk(port, post(question))
    assert heard.status == 200
    assert standing(heard) == Good()
    assert heard.headers["content-type"] == "application/ocsp-response"
    assert heard.headers["cache-control"] == "no-store"
    assert heard.headers["server"] == "tashika"


def test_get_and_its_caching(port, counter):
    path = in_path(counter.question(REVOKED))
    heard = talk(port, get(path))
    assert isinstance(standing(heard), Revoked)
    assert heard.headers["cache-control"].startswith("max-age=300, public")
    again = talk(port, get(path, f"If-None-Match: {heard.headers['etag']}"))
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == heard.headers["etag"]
    assert "content-length" not in again.headers


def test_head_is_get_without_the_body(port, counter):
    path = in_path(counter.question(GOOD))
    with Wire(port) as wire:
        wire.say(get(path, method="HEAD") + get(path))
        head, body = wire.hear(head=True), wire.hear()
    assert head.status == body.status == 200
    assert head.headers["etag"] == body.headers["etag"]
    assert abs(int(head.headers["content-length"]) - len(body.body)) < 4  # ECDSA varies


def test_many_questions_on_one_connection(port, counter):
    with Wire(port) as wire:
        for number in range(50):
            nonce = number.to_bytes(4, "big")
            wire.say(post(counter.question(GOOD, nonce=nonce)))
            assert parse_response(wire.hear().body).nonce == nonce


def test_pipelined_questions_are_answered_in_order(port, counter):
    """More of them than the server holds unread at a time."""
    nonces = [number.to_bytes(4, "big") for number in range(100)]
    with Wire(port) as wire:
        wire.say(b"".join(post(counter.question(GOOD, nonce=nonce)) for nonce in nonces))
        assert [parse_response(wire.hear().body).nonce for _ in nonces] == nonces


def test_http_1_0_is_answered_and_closed(port, question):
    """nginx asks so, and Java may."""
    for asked in (post(question, version="1.0"), get(in_path(question), version="1.0")):
        with Wire(port) as wire:
            wire.say(asked)
            assert standing(wire.hear()) == Good()
            assert wire.hear() is None


def test_http_1_0_keeps_alive_on_request(port, question):
    with Wire(port) as wire:
        for _ in range(3):
            wire.say(post(question, "Connection: keep-alive", version="1.0"))
            assert standing(wire.hear()) == Good()


def test_a_chunked_question(port, question):
    head = b"POST /ocsp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    half = len(question) // 2
    with Wire(port) as wire:
        wire.say(head + b"%x\r\n" % half + question[:half] + b"\r\n")
        wire.say(b"%x;name=value\r\n" % (len(question) - half) + question[half:] + b"\r\n0\r\n\r\n")
        assert standing(wire.hear()) == Good()


def test_any_content_type_is_taken(port, question):
    """The bytes say what they are; clients forget the header."""
    bare = b"POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(question)
    assert standing(talk(port, bare + question)) == Good()


# --- T1 and T2: slashes ---------------------------------------------------------------------


SPECIAL = ("/", "+", "//", "++", "/+", "+/", "///", "=")


@cache
def questions_by_special(counter):
    """Generate nonces and serials until each special run has stood in every base64 position."""
    chance, found, wanted = random.Random(1), {}, 7 * 4 + 3
    while len(found) < wanted:
        nonce = bytes(chance.choices(b"\xff\xfb\xef\xbe\xbf\xfe\x00", k=chance.randint(20, 40)))
        question = counter.question(chance.randint(1000, 1999), nonce=nonce)
        text = base64.b64encode(question).decode()
        for special in SPECIAL[:-1]:
            for place in re.finditer(re.escape(special), text):
                found.setdefault((special, place.start() % 4), question)
        found.setdefault(("=", text.count("=")), question)
    return found


def test_t2_every_special_character_in_every_position(port, counter):
    """Vault's unit tests were too low-level to see it; this is at the socket."""
    found = questions_by_special(counter)
    with Wire(port) as wire:
        for question in found.values():
            for escape in ("/+=", "+", "/"):
                wire.say(get(in_path(question, escape=escape)))
                heard = parse_response(wire.hear().body)
                assert isinstance(heard, BasicResponse)
                assert heard.responses[0].cert_id.der in question
                assert heard.nonce in question


@pytest.mark.parametrize(
    "form",
    [
        "/ocsp/{}",
        "/ocsp//{}",
        "/ocsp///{}",
        "//ocsp/{}",
        "///ocsp///{}",
        "http://localhost/ocsp/{}",
        "http://localhost//ocsp//{}",
    ],
)
def test_t1_slashes_around_the_question(port, counter, form):
    question = questions_by_special(counter)["///", 1]
    text = base64.b64encode(question).decode()
    for path in (
        form.format(text),
        form.format(quote(text, safe="")),
        form.format(text.rstrip("=")),
    ):
        heard = parse_response(talk(port, get(path)).body)
        assert isinstance(heard, BasicResponse)
        assert heard.responses[0].cert_id.der in question


def test_t1_a_post_to_many_slashes(port, question):
    for path in ("/ocsp/", "//ocsp", "//ocsp//"):
        assert standing(talk(port, post(question, path=path))) == Good()


# --- T5: Expect -----------------------------------------------------------------------------


def test_t5_expect_100_continue(port, counter):
    """Akamai answered such a POST with another certificate's response."""
    with Wire(port) as wire:
        for serial in (GOOD, REVOKED, GOOD):
            question = counter.question(serial, nonce=NONCE)
            asked = post(question, "Expect: 100-continue")
            head, body = asked[: -len(question)], asked[-len(question) :]
            wire.say(head)
            assert wire.hear().status == 100
            wire.say(body)
            heard = parse_response(wire.hear().body)
            assert heard.responses[0].cert_id.serial == serial


def test_t5_expect_with_the_body_at_once(port, question):
    with Wire(port) as wire:
        wire.say(post(question, "Expect: 100-Continue"))
        assert wire.hear().status == 100
        assert standing(wire.hear()) == Good()


def test_t5_no_leave_is_given_for_a_body_that_is_too_large(port):
    with Wire(port) as wire:
        wire.say(post(bytes(9999), "Expect: 100-continue")[:-9999])
        assert wire.hear().status == 413


def test_t5_http_1_0_knows_no_expectation(port, question):
    assert standing(talk(port, post(question, "Expect: 100-continue", version="1.0"))) == Good()


def test_t5_another_expectation_is_not_met(port, question):
    assert talk(port, post(question, "Expect: miracles")).status == 417


# --- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (get("/"), 404),
        (get("/favicon.ico"), 404),
        (post(b"x", path="/other"), 404),
        (get("/ocsp", method="PUT"), 405),
        (get("/ocsp", method="DELETE"), 405),
        (get("/ocsp", method="OPTIONS"), 405),
        (get("*", method="OPTIONS"), 404),
        (get("/ocsp", method="BREW"), 400),
        (b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS greeting\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"\x00\xff\x80\r\n\r\n", 400),
        (b"GET /ocsp HTTP/9.9\r\nHost: x\r\n\r\n", 400),
        (b"GET /ocsp HTTP/1.1\r\n\r\n", 400),
        (b"GET /ocsp with spaces HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (get("/ocsp", "Bad Header: x"), 400),
        (get("/ocsp/" + "M" * 20_000), 400),
        (get("/ocsp", "X: " + "x" * 20_000), 400),
        (get("/ocsp", *[f"X-{number}: x" for number in range(200)]), 400),
        (post(b"x" * 10, "Content-Length: 20"), 400),
        (post(b"x", "Content-Length: 99999999999999999999999"), 400),
        (b"POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (post(b"0\r\n\r\n", "Transfer-Encoding: chunked"), 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ],
)
def test_what_is_no_question_is_refused_at_once(port, asked, status):
    begun = time.monotonic()
    heard = talk(port, asked)
    assert heard.status == status
    assert heard.headers["cache-control"] == "no-store"
    row = NOTEBOOK.read(heard.headers["tashika-refusal"]).refusal.reply
    assert heard.body.decode() == f"{row.ja}\n{row.en}\n"
    assert time.monotonic() - begun < 5


SMUGGLED = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "asked",
    [
        post(SMUGGLED, "Transfer-Encoding: chunked"),
        post(SMUGGLED, f"Content-Length: {len(SMUGGLED)}"),
        post(SMUGGLED, "Content-Length: 5"),
        post(SMUGGLED).replace(b"Content-Length: ", b"Content-Length: +"),
        post(SMUGGLED).replace(b"Content-Length: ", b"Content-Length : "),
        post(SMUGGLED).replace(b"Content-Length:", b"Content-Length:\n "),
        post(SMUGGLED).replace(b"\r\n", b"\n"),
        post(SMUGGLED).replace(b"Host: ", b"Host: y\r\nHost: "),
        get("/healthz").replace(b"/healthz", b"http://elsewhere/healthz"),
        get("/healthz", "Transfer-Encoding: identity"),
        get("/healthz", "Transfer-Encoding: chunked, identity"),
        post(SMUGGLED, "Transfer-Encoding: chunked", version="1.0").replace(
            b"Content-Length", b"X"
        ),
        get("/healthz", "Transfer-Encoding: gzip, chunked") + SMUGGLED,
        get("/healthz").replace(b"HTTP/1.1", b"HTTP/2.0"),
        b"GET /healthz\r\n\r\n",
    ],
)
def test_what_two_could_read_in_two_ways_is_refused(port, asked):
    """Nothing behind it is read as a request, either."""
    with Wire(port) as wire:
        wire.say(asked)
        assert wire.hear().status == 400
        assert wire.hear() is None


@pytest.mark.parametrize("keep", ["", ", close"])
def test_an_upgrade_to_http_2_is_declined_with_all_that_follows(port, question, keep):
    """As Java's client asks; the body is the question's, and the next request is the next."""
    offer = ("Connection: Upgrade, HTTP2-Settings" + keep, "Upgrade: h2c", "HTTP2-Settings: AAMA")
    with Wire(port) as wire:
        wire.say(post(question, *offer) + post(question))
        assert standing(wire.hear()) == Good()
        following = wire.hear()
        assert following is None if keep else standing(following) == Good()


def test_a_wrong_method_is_told_the_right_ones(port):
    assert talk(port, get("/ocsp", method="PUT")).headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    "body", [b"", b"\x30", b"\x30\x00", b"nonsense", b"\x1f\x8b\x08" + b"\x00" * 50]
)
def test_a_malformed_question_is_malformed_and_the_connection_lives(port, question, body):
    with Wire(port) as wire:
        wire.say(post(body))
        heard = wire.hear()
        assert heard.status == 200
        assert refusal(heard) is ResponseStatus.MALFORMED_REQUEST
        wire.say(post(question))
        assert standing(wire.hear()) == Good()


def test_a_compressed_question_is_not_unpacked(port, question):
    heard = talk(port, post(question, "Content-Encoding: gzip"))
    assert standing(heard) == Good()  # the header is not believed; the bytes are DER


def test_an_upgrade_is_not_made(port, question):
    asked = post(question, "Connection: Upgrade", "Upgrade: websocket")
    assert standing(talk(port, asked)) == Good()


def test_t22_a_body_that_is_too_large_is_refused_before_it_is_read(port):
    with Wire(port) as wire:
        wire.say(b"POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        heard = wire.hear()
        assert (heard.status, heard.headers["connection"]) == (413, "close")
        assert wire.hear() is None


def test_t22_a_body_one_byte_too_large(port):
    assert refusal(talk(port, post(bytes(MAX_REQUEST_BYTES)))) is ResponseStatus.MALFORMED_REQUEST
    assert talk(port, post(bytes(MAX_REQUEST_BYTES + 1))).status == 413


def test_t22_a_chunked_body_without_end_is_cut_off(port):
    with Wire(port) as wire, contextlib.suppress(ConnectionError):
        wire.say(b"POST /ocsp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(MAX_REQUEST_BYTES // 1000 + 1):
            wire.say(b"3e8\r\n" + bytes(1000) + b"\r\n")
        assert wire.hear().status == 413
        assert wire.hear() is None


# --- T35: absurd chunks and trailers --------------------------------------------------------

CHUNKED = b"POST /ocsp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_t35_a_question_in_chunks_of_one_byte(port, question):
    begun = time.process_time()
    body = b"".join(b"1\r\n%c\r\n" % octet for octet in question) + b"0\r\n\r\n"
    assert standing(talk(port, CHUNKED + body)) == Good()
    assert time.process_time() - begun < 1


def test_t35_a_flood_of_chunks_costs_no_square_time(port):
    begun = time.process_time()
    assert talk(port, CHUNKED + b"1\r\nx\r\n" * (MAX_REQUEST_BYTES + 1)).status == 413
    assert time.process_time() - begun < 2


def test_t35_a_long_chunk_extension_harms_nobody(port, question):
    extension = b";" + b"x" * 100_000
    body = b"%x%b\r\n%b\r\n0\r\n\r\n" % (len(question), extension, question)
    assert standing(talk(port, CHUNKED + body)) == Good()


def test_t35_t36_aiohttp_has_its_repairs():
    """Chunk floods and trailers: 3.13.4. Closing half-sent heads in time: 3.14.5."""
    assert tuple(map(int, version("aiohttp").split(".")[:3])) >= (3, 14, 5)


@pytest.mark.parametrize(
    "trailers",
    [b"X: y\r\n" * 5000, b"X: " + b"y" * 100_000 + b"\r\n", b"X" * 100_000 + b": y\r\n"],
    ids=["many", "long", "long name"],
)
def test_t35_a_flood_of_trailers(port, question, trailers):
    begun = time.process_time()
    with Wire(port) as wire, contextlib.suppress(ConnectionError):
        wire.say(CHUNKED + b"%x\r\n" % len(question) + question + b"\r\n0\r\n" + trailers + b"\r\n")
        assert wire.hear().status == 400
        assert wire.hear() is None
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("beginning", "most"),
    [
        (b"GET /ocsp HTTP/1.1\r\nX: ", MAX_HEAD_BYTES),
        (b"GET /ocsp HTTP/1.1\r\n", MAX_HEAD_BYTES),
        (CHUNKED + b"1;", MAX_MESSAGE_BYTES),
    ],
    ids=["field", "name", "chunk extension"],
)
def test_t35_what_does_not_end_is_cut_off(port, beginning, most):
    """Each octet of a field that has no end yet is kept."""
    with Wire(port, timeout=4) as wire, contextlib.suppress(ConnectionError):
        wire.say(beginning + b"x" * most)
        assert wire.hear().status == 400
        assert wire.hear() is None


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\nx\r\n",
        b"-1\r\nx\r\n",
        b"ffffffffffffffffff\r\nx\r\n",
        b"1\r\nxyz\r\n",
        b"1\nx\n0\n\n",
        b"0x1\r\nx\r\n",
    ],
)
@pytest.mark.parametrize("after_leave", [False, True])
def test_t35_absurd_chunk_framing_is_refused_at_once(counter, body, after_leave):
    with live(counter.desk, patience=Patience()) as port, Wire(port, timeout=4) as wire:
        if after_leave:
            wire.say(CHUNKED.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
            assert wire.hear().status == 100
            wire.say(body)
        else:
            wire.say(CHUNKED + body)
        assert wire.hear().status == 400
        assert wire.hear() is None


# --- T36: slowness --------------------------------------------------------------------------


def trickle(wires, *data: bytes, every=0.05):
    """Send each a byte at a time, to all at once, until the server has had enough of all."""
    rest = [(wire, iter(each)) for wire, each in zip(wires, data, strict=True)]
    while rest:
        for pair in list(rest):
            wire, octets = pair
            try:
                wire.say(bytes((next(octets),)))
            except (ConnectionError, StopIteration):
                rest.remove(pair)
        time.sleep(every)


def closes_within(wire, seconds):
    """Tell whether the server ends the connection in time, and what it said first."""
    wire.socket.settimeout(seconds)
    begun = time.monotonic()
    heard = wire.hear_all()
    assert time.monotonic() - begun < seconds
    return [each.status for each in heard]


def test_t36_who_says_no_more_is_refused_or_let_go(hasty, question):
    asked = post(question)
    silences = {
        b"": [],
        asked: [200],
        b"P": [],
        b"POST /ocsp HTTP/1.1\r\nHost:": [],
        b"\r\n": [],
        asked[:-1]: [408],
        asked + asked[:-1]: [200, 408],
    }
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(hasty)) for _ in silences]
        for wire, said in zip(wires, silences, strict=True):
            wire.say(said)
        assert [closes_within(wire, 5) for wire in wires] == list(silences.values())


def test_t36_who_trickles_is_refused_or_let_go(hasty):
    """The deadlines are absolute: each byte does not start them anew."""
    body = bytes(2000)
    trickled = {
        (b"", get("/ocsp", "X: " + "x" * 200)): [],
        (post(body)[: -len(body)], body): [408],
        (CHUNKED, b"1\r\nx\r\n" * 300): [408],
    }
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(hasty)) for _ in trickled]
        for wire, (at_once, _) in zip(wires, trickled, strict=True):
            wire.say(at_once)
        begun = time.monotonic()
        trickle(wires, *(slowly for _, slowly in trickled))
        assert time.monotonic() - begun < 10
        assert [closes_within(wire, 5) for wire in wires] == list(trickled.values())


def test_t36_who_takes_no_answers_is_dropped(hasty, question):
    """A caller that asks and asks and never reads would hold memory for good."""
    with socket.create_connection(("127.0.0.1", hasty), 10) as deaf:
        asked = post(question) * 64
        begun = time.monotonic()
        with pytest.raises(ConnectionError):
            deaf.sendall(asked * 1000)
        assert time.monotonic() - begun < 10


async def test_t18_replies_left_unread_are_few_however_much_the_kernel_would_keep():
    made, listener = asyncio.Queue(), socket.create_server(("127.0.0.1", 0))

    class Deaf(asyncio.Protocol):
        def connection_made(self, transport):
            made.put_nowait(transport)

    (server,) = await worker._listen(Deaf, [listener], HASTE)
    with listener, socket.create_connection(listener.getsockname()) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        transport = await made.get()
        transport.write(bytes(100 * worker.SEND_BUFFER_BYTES))
        left = transport.get_write_buffer_size()
        transport.abort()
        server.close()
    assert left > 92 * worker.SEND_BUFFER_BYTES


def test_a_truncated_question_and_a_hang_up_harm_nobody(hasty, question):
    whole = post(question)
    for length in range(1, len(whole), 7):
        with Wire(hasty) as wire:
            wire.say(whole[:length])


def test_a_reset_in_the_middle_harms_nobody(hasty, question):
    for asked in (post(question) * 20, post(question)[:-1]):
        wire = Wire(hasty)
        wire.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
        )
        wire.say(asked)
        wire.__exit__()


def test_slow_callers_do_not_slow_the_others(hasty, question):
    slow = [Wire(hasty) for _ in range(100)]
    try:
        for wire in slow:
            wire.say(post(question)[:-1])
        begun = time.monotonic()
        for _ in range(20):
            assert standing(talk(hasty, post(question))) == Good()
        assert time.monotonic() - begun < 5
    finally:
        for wire in slow:
            wire.__exit__()


# --- health, faults, signers, draining ------------------------------------------------------


def test_health(port):
    heard = talk(port, get("/healthz"))
    assert (heard.status, heard.body) == (200, b'{"generation": 1}')
    assert talk(port, get("/healthz", method="POST")).status == 405


def test_health_without_an_index(tmp_path):
    counter = open_counter(tmp_path)

    def gone():
        raise IndexMissing("there is none")

    counter.index.snapshot = gone
    with live(counter.desk) as port:
        assert talk(port, get("/healthz")).status == 503
        heard = talk(port, post(counter.question(GOOD)))
        assert refusal(heard) is ResponseStatus.TRY_LATER


def test_t18_a_worker_may_open_as_much_as_the_machine_allows():
    """A shell begins with 1,024, and a hundred idle connections a second would take them all."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
        worker.allow_files()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    most = worker.FILES if hard == resource.RLIM_INFINITY else min(worker.FILES, hard)
    assert (soft, hard) == (most, before[1])


def test_t32_connections_leave_no_task_and_no_object_behind(counter, question):
    """Whatever became of them: answered, left half-way, reset, refused or never read."""
    relief = Relief()
    sayings = (post(question), post(question)[:-1], post(question) * 64, b"no HTTP\r\n\r\n", b"")
    with live(counter.desk, relief=relief) as port:

        def left():
            gc.collect()
            tasks = len(asyncio.all_tasks(relief.loop))
            return tasks, sum(isinstance(each, Connection) for each in gc.get_objects())

        talk(port, post(question))
        wait_until(lambda: not left()[1], "the end of the first connection")
        before = left()
        for each in sayings * 5:
            with Wire(port) as wire:
                wire.say(each)
        talk(port, post(question))
        wait_until(lambda: left() == before, f"only {before} left")


def test_t33_a_broken_signer_is_an_internal_error_and_heals(tmp_path, monkeypatch, capfd):
    counter = open_counter(tmp_path)
    envelope, broken = counter.envelope(), True
    signing = envelope.sign

    def sometimes(data: bytes):
        if broken:
            raise RuntimeError("the key is gone")
        return signing(data)

    monkeypatch.setattr(envelope, "sign", sometimes)
    with live(counter.desk) as port, Wire(port) as wire:
        wire.say(post(counter.question(GOOD)))
        assert refusal(wire.hear()) is ResponseStatus.INTERNAL_ERROR
        broken = False
        wire.say(post(counter.question(GOOD)))
        assert standing(wire.hear()) == Good()
    shown = capfd.readouterr()
    assert "signing_failed" in shown.out + shown.err


def test_t17_a_new_signer_signs_without_a_restart(tmp_path):
    counter = open_counter(tmp_path)
    question = counter.question(GOOD)
    renewed = counter.authority.issue_responder(ec_key("renewed"), end=60 * DAY)
    with live(counter.desk) as port, Wire(port) as wire:

        def end():
            wire.say(post(question))
            (certificate,) = parse_response(wire.hear().body).certificates
            return certificate

        before = end()
        new = write_signer(tmp_path, renewed, ec_key("renewed"), "new")
        new.key.replace(counter.files.key)
        new.certificate.replace(counter.files.certificate)
        deadline = time.monotonic() + 10
        while end() == before:
            assert time.monotonic() < deadline


def test_t3_time_passes_and_the_answers_stop(tmp_path):
    counter, clock = open_counter(tmp_path), FakeClock(AT)
    with live(counter.desk, clock=clock) as port, Wire(port) as wire:
        wire.say(post(counter.question(GOOD)))
        assert standing(wire.hear()) == Good()
        clock.advance(DAY)
        wire.say(post(counter.question(GOOD)))
        assert refusal(wire.hear()) is ResponseStatus.TRY_LATER


def test_draining_finishes_what_has_begun(tmp_path, question):
    counter = open_counter(tmp_path)
    patience = replace(HASTE, head=timedelta(seconds=30), body=timedelta(seconds=30))
    asked = post(counter.question(GOOD))
    with contextlib.ExitStack() as stack:
        serving = stack.enter_context(contextlib.ExitStack())
        port = serving.enter_context(live(counter.desk, patience=patience))
        idle, busy = stack.enter_context(Wire(port)), stack.enter_context(Wire(port))
        idle.say(asked)
        assert idle.hear().status == 200
        busy.say(asked + asked[:-1])
        assert busy.hear().status == 200  # and by then the second is being heard
        loop = asyncio.new_event_loop()
        stack.callback(loop.close)
        ended = loop.run_in_executor(None, serving.close)
        assert idle.hear() is None
        busy.say(asked[-1:])
        assert standing(busy.hear()) == Good()
        assert busy.hear() is None
        loop.run_until_complete(ended)
        with pytest.raises(ConnectionError):
            Wire(port)


def test_draining_comes_to_an_end(tmp_path, question, monkeypatch):
    monkeypatch.setattr(worker, "DRAIN", timedelta(seconds=0.2))
    patience = replace(HASTE, head=timedelta(seconds=30), body=timedelta(seconds=30))
    with contextlib.ExitStack() as stack:
        serving = stack.enter_context(contextlib.ExitStack())
        port = serving.enter_context(live(open_counter(tmp_path).desk, patience=patience))
        endless = stack.enter_context(Wire(port))
        endless.say(post(question) + post(question)[:-1])
        assert endless.hear().status == 200
        begun = time.monotonic()
        serving.close()
        assert time.monotonic() - begun < 5
        assert endless.hear() is None


async def test_a_worker_ends_on_sigterm(counter):
    ready = asyncio.Event()
    parts = WorkerParts(
        desk=counter.desk,
        reception=NO_PROXIES,
        notebook=NOTEBOOK,
        clock=FakeClock(AT),
        cache_for=timedelta(0),
        group=None,
        tls=None,
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(run(parts, [listener], ready=ready.set))
        await ready.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(running, 10)
    asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)


def test_a_thousand_probes_in_one_breath_are_answered_in_windows(port):
    """However many are answered at once, they go neither deep nor at the cost of others."""
    with Wire(port) as wire:
        wire.say(get("/healthz") * 3000)
        assert {wire.hear().status for _ in range(3000)} == {200}
