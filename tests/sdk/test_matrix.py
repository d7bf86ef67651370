"""Every fault through every way in: never good, never valid (C1, T23).

Ways are a relying party's: clients, commands, signatures and logins. The same faults under every
policy, without input and output: tests/status/test_matrix.py.
"""

import asyncio
import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.sdk import checked, patience, write_pems
from tashika import AsyncClient, Cause, Client, Report
from tashika.cli import main
from tashika.path import Outcome
from tashika.pki.algorithms import algorithm_for, sign
from tashika.signature import (
    Challenge,
    ChallengesInMemory,
    Login,
    OneTier,
    RelyingParty,
    SignatureReport,
    Submitted,
    Terms,
)
from tashika.testing import FakeResponder, Fault

PARTY = RelyingParty(name="bank.example")


def by_the_client(responder: FakeResponder, _: Path) -> str:
    return said(checked(responder))


def by_the_async_client(responder: FakeResponder, _: Path) -> str:
    async def asked() -> Report:
        async with AsyncClient(
            responder.url, transport=responder, policy=patience(responder)
        ) as client:
            return await client.check(responder.pki.certificate, responder.pki.issuer)

    return said(asyncio.run(asked()))


def over_http(responder: FakeResponder, _: Path) -> str:
    with responder.serve() as url, Client(url, policy=patience(responder)) as client:
        return said(client.check(responder.pki.certificate, responder.pki.issuer))


def over_http_in_a_loop(responder: FakeResponder, _: Path) -> str:
    async def asked(url: str) -> Report:
        async with AsyncClient(url, policy=patience(responder)) as client:
            return await client.check(responder.pki.certificate, responder.pki.issuer)

    with responder.serve() as url:
        return said(asyncio.run(asked(url)))


def by_the_command(responder: FakeResponder, folder: Path) -> str:
    certificate, issuer = write_pems(responder, folder)
    seconds = str(patience(responder).deadlines.total.total_seconds())
    files = ("--cert", certificate, "--issuer", issuer)
    with responder.serve() as url, redirect_stdout(io.StringIO()) as shown:
        code = main(["check", "--json", *files, "--url", url, "--timeout", seconds])
    status = json.loads(shown.getvalue())["status"]
    assert code == {"good": 0, "revoked": 1, "undetermined": 2}[status]
    return str(status)


def by_a_signature(responder: FakeResponder, _: Path) -> str:
    document = b"a form"
    submitted = Submitted(
        document=document,
        signature=signed(responder, document),
        certificate=responder.pki.certificate,
    )
    with Client(responder.url, transport=responder, policy=patience(responder)) as client:
        return told(client.verify_signature(submitted, terms(responder)))


def by_a_login(responder: FakeResponder, _: Path) -> str:
    now = datetime.now(UTC)
    challenge = Challenge.mint(PARTY, at=now, random=bytes)
    challenges = ChallengesInMemory(clock=lambda: now)
    challenges.put(challenge)
    login = Login(
        challenge=challenge.message,
        signature=signed(responder, challenge.message),
        certificate=responder.pki.certificate,
    )

    async def asked() -> SignatureReport:
        async with AsyncClient(
            responder.url, transport=responder, policy=patience(responder)
        ) as client:
            return await client.verify_authentication(
                login, PARTY, terms(responder), challenges=challenges
            )

    return told(asyncio.run(asked()))


def terms(responder: FakeResponder) -> Terms:
    return Terms(judge=OneTier((responder.pki.issuer,)), purpose="a test")


def signed(responder: FakeResponder, data: bytes) -> bytes:
    key = responder.pki.end_entity.key
    return sign(key, algorithm_for(key.public_key()), data)


def said(report: Report) -> str:
    assert bool(report) is (report.cause is Cause.GOOD)
    return report.status.value


def told(report: SignatureReport) -> str:
    assert bool(report) is (report.outcome is Outcome.VALID)
    return {
        Outcome.VALID: "good",
        Outcome.INVALID: str(report.because),
        Outcome.UNDETERMINED: "undetermined",
    }[report.outcome]


WAYS: tuple[Callable[[FakeResponder, Path], str], ...] = (
    by_the_client,
    by_the_async_client,
    over_http,
    over_http_in_a_loop,
    by_the_command,
    by_a_signature,
    by_a_login,
)
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


@pytest.fixture(scope="module")
def responder() -> FakeResponder:
    return FakeResponder()


@every_way
def test_the_right_answers_pass_each_way_in(
    responder: FakeResponder, way: Callable[[FakeResponder, Path], str], tmp_path: Path
) -> None:
    responder.order(None)
    good = way(responder, tmp_path)
    responder.revoke(responder.pki.certificate)
    revoked = way(responder, tmp_path)
    responder.release(responder.pki.certificate)
    assert (good, revoked) == ("good", "revoked")


@every_way
@pytest.mark.parametrize("fault", Fault)
def test_c1_t23_t26_no_fault_is_ever_good(
    responder: FakeResponder,
    way: Callable[[FakeResponder, Path], str],
    fault: Fault,
    tmp_path: Path,
) -> None:
    responder.order(fault)
    assert way(responder, tmp_path) == "undetermined"
