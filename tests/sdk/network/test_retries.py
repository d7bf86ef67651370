"""Connections that break: the same question again, which is not billed twice."""

import asyncio
from pathlib import Path

import pytest

from support.asking import AT, GOOD, ec_key
from support.metered import till
from support.party import ONE, TWO, Heard, Party
from support.sdk import Bench
from support.talking import as_http, read_question, speaking
from tashika import AsyncClient, Cause, Nonce, Policy, Reply, RequestSigner
from tashika.errors import ConnectionLost, SourceFailed, WrongUse
from tashika.observing import Happening
from tashika.pki.request import parse_request
from tashika.testing import Pki
from tashika_server.agreements.terms import Method
from tashika_server.ledger.billable import Fact, shipped_billable
from tashika_server.metering.usage import Delivery, Occasion


class Losing:
    """A transport whose connections break after the question, so many times."""

    def __init__(self, bench: Bench, times: int, failure: type[SourceFailed]) -> None:
        self.asked: list[tuple[str, bytes]] = []
        self._bench, self._times, self._failure = bench, times, failure

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        self.asked.append((url, body))
        if len(self.asked) <= self._times:
            raise self._failure(Cause.UNREACHABLE)
        return await self._bench.responder.post(url, body, limit=limit)


def losing(
    times: int, *urls: str, failure: type[SourceFailed] = ConnectionLost, **parts: object
) -> tuple[Party, Losing]:
    here = Party(*urls, **parts)
    transport = Losing(here, times, failure)
    here.client = here.another(transport=transport)
    return here, transport


async def test_a_retry_is_the_same_bytes() -> None:
    here, lines = losing(1)
    assert await here.check()
    first, second = lines.asked
    assert first == second
    assert here.heard.whats(Happening.RETRIED) == [Happening.RETRIED]


async def test_a_signed_question_is_signed_once() -> None:
    """ECDSA signs differently each time; the responder knows a replay by its bytes."""
    bank = Pki(at=AT).make("Bank")
    here, lines = losing(1, credential=RequestSigner(bank.key, bank.certificate))
    assert await here.check()
    first, second = lines.asked
    assert first == second
    assert parse_request(first[1]).signed


async def test_the_next_source_gets_a_nonce_of_its_own_after_the_last_retry() -> None:
    here, lines = losing(2, ONE, TWO)
    assert (await here.check()).source == TWO
    (one, first), (again, second), (two, third) = lines.asked
    assert (one, again, two) == (ONE, ONE, TWO)
    assert parse_request(first).nonce == parse_request(second).nonce != parse_request(third).nonce


@pytest.mark.parametrize(
    ("policy", "failure"),
    [
        (Policy(nonce=Nonce.OFF), ConnectionLost),
        (Policy(retries=0), ConnectionLost),
        (Policy(), SourceFailed),
    ],
    ids=["without a nonce it would be billed anew", "by policy", "nothing was asked"],
)
async def test_what_is_not_retried(policy: Policy, failure: type[SourceFailed]) -> None:
    here, lines = losing(1, policy=policy, failure=failure)
    assert (await here.check()).cause is Cause.UNREACHABLE
    assert len(lines.asked) == 1


async def test_a_breaker_counts_a_question_with_its_retries_once() -> None:
    here, lines = losing(99, policy=Policy(retries=3))
    for _ in range(5):
        await here.check()
    assert len(lines.asked) == 20
    assert (await here.check()).cause is Cause.RESTING
    assert here.heard.whats(Happening.LEFT_ALONE) == [Happening.LEFT_ALONE]


def test_retries_have_a_bound() -> None:
    for wrong in (-1, 4):
        with pytest.raises(WrongUse, match="retries"):
            Policy(retries=wrong)


@pytest.mark.parametrize("heard", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n0"])
async def test_a_connection_that_breaks_is_made_again(heard: bytes) -> None:
    here, bodies = Bench(), list[bytes]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, body = await read_question(reader)
        bodies.append(body)
        writer.write(heard if len(bodies) == 1 else as_http(here.responder.answer(body)))
        await writer.drain()

    async with (
        speaking(talk) as url,
        AsyncClient(url, clock=here.clock.now) as client,
    ):
        assert await client.check(here.pki.certificate, here.pki.issuer)
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]


# --- billed by the real service -------------------------------------------------------------


async def test_an_answer_lost_on_the_way_and_asked_for_again_is_billed_once(
    tmp_path: Path,
) -> None:
    with till(tmp_path) as shop:
        lost = 0

        async def drop_the_first_reply(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            nonlocal lost
            head, body = await read_question(reader)
            inward, outward = await asyncio.open_connection("127.0.0.1", shop.port)
            outward.write(head + body)
            answer = await inward.readuntil(b"\r\n\r\n")
            length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            answer += await inward.readexactly(length)
            outward.close()
            if lost:
                writer.write(answer)
                await writer.drain()
            lost += 1

        authority, heard = shop.counter.authority, Heard()
        citizen = authority.issue(ec_key("citizen"), at=AT, serial=GOOD, subject="Citizen")
        async with (
            speaking(drop_the_first_reply) as url,
            AsyncClient(url + "ocsp", clock=lambda: AT, observer=heard) as client,
        ):
            assert await client.check(citizen, authority.certificate)
        assert heard.whats(Happening.RETRIED) == [Happening.RETRIED]
    usages = [*shop.books.read()]
    assert [(each.occasion, each.delivery) for each in usages] == [
        (Occasion.FRESH, Delivery.HANDED_OVER),
        (Occasion.RETRY, Delivery.HANDED_OVER),
    ]
    billed = [
        shipped_billable().decide(Fact(Method.OCSP, each.standing, each.occasion, each.delivery))
        for each in usages
    ]
    assert [each.billable for each in billed] == [True, False]
