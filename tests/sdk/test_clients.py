"""The two clients and their sockets: bounds, lifetimes, threads."""

import asyncio
import os
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.sdk import QUICK
from support.talking import CRLF, as_http, read_question, speaking
from tashika import AsyncClient, Cause, Client, Deadlines, Policy
from tashika.errors import WrongUse
from tashika.testing import FakeResponder, Fault, KeyPair, Pki
from tashika.transport import Reply


@pytest.fixture
def responder() -> FakeResponder:
    return FakeResponder()


async def ask_once(url: str, responder: FakeResponder, policy: Policy | None = None) -> Cause:
    async with AsyncClient(url, policy=policy or Policy(deadlines=QUICK)) as client:
        return (await client.check(responder.pki.certificate, responder.pki.issuer)).cause


async def test_c8_the_question_asks_for_nothing_packed(responder: FakeResponder) -> None:
    heads: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await read_question(reader)
        heads.append(head.lower())
        writer.write(as_http(responder.answer(body)))
        await writer.drain()

    async with speaking(talk) as url:
        assert await ask_once(url, responder, Policy()) is Cause.GOOD
    (head,) = heads
    assert head.startswith(b"post / http/1.1\r\n")
    for line in (
        b"content-type: application/ocsp-request",
        b"accept: application/ocsp-response",
        b"accept-encoding: identity",
    ):
        assert line in head.split(CRLF)
    assert b"cookie" not in head


@pytest.mark.parametrize("framing", [b"Transfer-Encoding: chunked", b"Content-Length: 99999999999"])
async def test_c8_an_endless_body_costs_little_of_anything(
    responder: FakeResponder, framing: bytes
) -> None:
    sent = 0
    chunk = b"4000\r\n" + bytes(0x4000) + CRLF

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_question(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + CRLF * 2)
        while True:
            writer.write(chunk)
            await writer.drain()
            sent += len(chunk)

    async with speaking(talk) as url:
        assert await ask_once(url, responder, Policy()) is Cause.TOO_LARGE
    # What kernel buffers swallow comes on top of the 64 KiB that are read.
    assert sent < 32 * 1024 * 1024


async def test_c8_endless_headers_are_cut_off(responder: FakeResponder) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_question(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: " + b"x" * 1000 + CRLF)
            await writer.drain()

    async with speaking(talk) as url:
        assert await ask_once(url, responder, Policy()) is Cause.UNREACHABLE


@pytest.mark.parametrize(
    "words",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n0"],
    ids=["nothing", "half a head", "half a body"],
)
async def test_c12_a_silent_responder_costs_connect_and_read_deadlines(
    responder: FakeResponder, words: bytes
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_question(reader)
        writer.write(words)
        await reader.read()

    async with speaking(talk) as url:
        began = time.monotonic()
        assert await ask_once(url, responder) is Cause.TIMED_OUT
        assert time.monotonic() - began < 5  # 0.6 s, and a busy machine


async def test_c12_a_connection_that_is_never_made_costs_the_connect_deadline(
    responder: FakeResponder,
) -> None:
    hang = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hang.wait()  # The TLS handshake never goes on.

    deadlines = Deadlines(connect=timedelta(seconds=0.2), read=timedelta(seconds=60))
    async with speaking(talk) as url:
        began = time.monotonic()
        secure, policy = url.replace("http", "https"), Policy(deadlines=deadlines)
        assert await ask_once(secure, responder, policy) is Cause.TIMED_OUT
        assert time.monotonic() - began < 10
        hang.set()


async def test_a_refused_connection_is_unreachable_at_once(responder: FakeResponder) -> None:
    async with speaking(_nothing) as url:
        pass
    assert await ask_once(url, responder, Policy()) is Cause.UNREACHABLE


async def _nothing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    return


@pytest.mark.parametrize(
    "words",
    [b"\x00\xff\r\n\r\n", b"HTTP/9.9 200\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"220 mail\r\n"],
)
async def test_c11_a_server_of_another_protocol_is_unreachable(
    responder: FakeResponder, words: bytes
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_question(reader)
        writer.write(words)

    async with speaking(talk) as url:
        assert await ask_once(url, responder, Policy()) is Cause.UNREACHABLE


async def test_c9_a_redirect_is_not_followed(responder: FakeResponder) -> None:
    with responder.serve() as url:
        responder.order(Fault.REDIRECT, url=url)
        assert await ask_once(url, responder, Policy()) is Cause.HTTP_STATUS
        assert responder.asked == [url]


async def test_a_connection_is_kept_and_replaced_when_the_server_drops_it(
    responder: FakeResponder,
) -> None:
    connections, questions = 0, 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections, questions
        connections += 1
        for _ in range(2):
            _, body = await read_question(reader)
            questions += 1
            writer.write(as_http(responder.answer(body)))
            await writer.drain()
        await read_question(reader)  # The third question on a connection finds it dropped.

    async with speaking(talk) as url, AsyncClient(url) as client:
        for _ in range(5):
            assert await client.check(responder.pki.certificate, responder.pki.issuer)
    assert (connections, questions) == (3, 5)


async def test_many_checks_at_once_do_not_mix_their_answers(responder: FakeResponder) -> None:
    issued = [responder.pki.issue("Somebody").certificate for _ in range(40)]
    for certificate in issued[::2]:
        responder.revoke(certificate)
    with responder.serve() as url:
        async with AsyncClient(url) as client:
            reports = await asyncio.gather(
                *(client.check(each, responder.pki.issuer) for each in issued)
            )
    assert [bool(report) for report in reports] == [False, True] * 20


def test_one_client_serves_many_threads(responder: FakeResponder) -> None:
    issued = [responder.pki.issue("Somebody").certificate for _ in range(40)]
    for certificate in issued[::2]:
        responder.revoke(certificate)
    with responder.serve() as url, Client(url) as client, ThreadPoolExecutor(8) as threads:
        reports = list(threads.map(lambda each: client.check(each, responder.pki.issuer), issued))
    assert [bool(report) for report in reports] == [False, True] * 20


async def test_a_cancelled_check_leaves_the_client_usable(responder: FakeResponder) -> None:
    asked = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, body = await read_question(reader)
        if not asked.is_set():
            asked.set()
            await reader.read()
            return
        writer.write(as_http(responder.answer(body)))

    async with speaking(talk) as url, AsyncClient(url) as client:
        check = asyncio.create_task(client.check(responder.pki.certificate, responder.pki.issuer))
        await asked.wait()
        check.cancel()
        with pytest.raises(asyncio.CancelledError):
            await check
        assert await client.check(responder.pki.certificate, responder.pki.issuer)


async def test_closing_an_async_client_ends_its_checks_without_an_answer(
    responder: FakeResponder,
) -> None:
    asked = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_question(reader)
        asked.set()
        await reader.read()

    async with speaking(talk) as url:
        client = AsyncClient(url, url)
        check = asyncio.create_task(client.check(responder.pki.certificate, responder.pki.issuer))
        await asked.wait()
        await client.close()
        report = await check
    assert [each.cause for each in report.tried] == [Cause.UNREACHABLE] * 2


class Hanging:
    """A transport that never comes back."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        self.asked.release()
        await asyncio.Event().wait()
        return Reply(b"")


def test_closing_ends_the_thread_and_the_checks_under_way(responder: FakeResponder) -> None:
    hanging = Hanging()
    client = Client(responder.url, transport=hanging)
    with ThreadPoolExecutor(3) as threads:
        under_way = [
            threads.submit(
                client.check, responder.pki.issue(name).certificate, responder.pki.issuer
            )
            for name in ("One", "Two", "Three")
        ]
        for _ in under_way:
            assert hanging.asked.acquire(timeout=10)
        client.close()
        for each in under_way:
            with pytest.raises(WrongUse, match="closed during"):
                each.result(timeout=10)
    assert not [each for each in threading.enumerate() if each.name == "tashika"]


@pytest.mark.parametrize("face", [Client, AsyncClient])
def test_a_part_that_no_client_has_is_refused(face: type[Client | AsyncClient]) -> None:
    with pytest.raises(WrongUse, match="credentials"):
        face("https://ocsp.example/", credentials=None)  # type: ignore[call-arg]


async def test_a_closed_client_says_so(responder: FakeResponder) -> None:
    async with AsyncClient(responder.url, transport=responder) as client:
        await client.check(responder.pki.certificate, responder.pki.issuer)
    with pytest.raises(WrongUse, match="closed"):
        await client.check(responder.pki.certificate, responder.pki.issuer)
    await client.close()


def test_a_closed_client_for_threads_says_so(responder: FakeResponder) -> None:
    client = Client(responder.url, transport=responder)
    client.close()
    with pytest.raises(WrongUse, match="closed"):
        client.check(responder.pki.certificate, responder.pki.issuer)
    client.close()


def test_a_client_that_was_never_used_has_no_thread(responder: FakeResponder) -> None:
    before = threading.active_count()
    with Client(responder.url, transport=responder):
        assert threading.active_count() == before


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 and later
def test_a_client_used_before_a_fork_refuses_instead_of_hanging(responder: FakeResponder) -> None:
    with Client(responder.url, transport=responder) as client:
        assert client.check(responder.pki.certificate, responder.pki.issuer)
        child = os.fork()
        if child == 0:
            outcome = 1
            try:
                client.check(responder.pki.certificate, responder.pki.issuer)
            except WrongUse:
                client.close()
                outcome = 0
            finally:
                os._exit(outcome)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert client.check(responder.pki.certificate, responder.pki.issuer)


@pytest.fixture
def site(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for a server at 127.0.0.1 and for clients that trust it."""
    pki = Pki(name="Test web CA")
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    pair = pki.make("Test site", issuer=pki.ca, extensions=[(address, False)])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(_write_chain(pair, tmp_path))
    return server, ssl.create_default_context(cadata=pki.ca.pem.decode())


def _write_chain(pair: KeyPair, folder: Path) -> Path:
    path = folder / "site.pem"
    key = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(pair.pem + key)
    return path


def test_https_with_a_private_ca(
    responder: FakeResponder, site: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server, trusting = site
    with responder.serve(tls=server) as url:
        assert url.startswith("https://127.0.0.1:")
        with Client(url, tls=trusting) as client:
            assert client.check(responder.pki.certificate, responder.pki.issuer)
        with Client(url) as client:
            report = client.check(responder.pki.certificate, responder.pki.issuer)
    assert report.cause is Cause.UNREACHABLE
