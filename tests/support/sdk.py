"""A relying party's bench: a responder that does as told, and every way to ask it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from support.clock import FakeClock
from tashika import (
    AsyncClient,
    Cause,
    CheckedAnswer,
    Client,
    Deadlines,
    Policy,
    Question,
    ask,
    verify_answer,
    verify_issued,
)
from tashika.errors import AnswerRefused
from tashika.testing import FakeResponder, Fault, Pki

AT = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
"""A time that no machine's clock shows."""

STRICT = Policy()
QUICK = Deadlines(
    connect=timedelta(seconds=0.3), read=timedelta(seconds=0.3), total=timedelta(seconds=1)
)
"""For the faults that would otherwise take the time of a real deadline."""


class Bench:
    """One responder at a time that stands still."""

    def __init__(self, pki: Pki | None = None) -> None:
        self.clock = FakeClock(AT)
        self.responder = FakeResponder(pki, clock=self.clock.now)
        self.pki = self.responder.pki

    def question(self, policy: Policy = STRICT) -> Question:
        subject = verify_issued(self.pki.certificate, self.pki.issuer, at=self.clock.now())
        return ask(subject, policy, lambda length: b"n" * length)

    def verify(self, fault: Fault | None = None, policy: Policy = STRICT) -> CheckedAnswer:
        """Ask and verify without any transport."""
        question = self.question(policy)
        body = self.responder.answer(question.body, fault=fault)
        return verify_answer(body, question, policy, at=self.clock.now())

    def refusal(self, fault: Fault | None = None, policy: Policy = STRICT) -> Cause | None:
        """Return why an answer is refused, None if it is not."""
        try:
            self.verify(fault, policy)
        except AnswerRefused as refused:
            return refused.cause
        return None


def by_verify_answer(responder: FakeResponder, _: Path) -> Cause:
    at = datetime.now(UTC)
    subject = verify_issued(responder.pki.certificate, responder.pki.issuer, at=at)
    question = ask(subject, STRICT, bytes)
    body = responder.answer(question.body, fault=responder.fault_at(responder.url))
    try:
        return verify_answer(body, question, STRICT, at=at).cause
    except AnswerRefused as refused:
        return refused.cause


def by_async_client(responder: FakeResponder, _: Path) -> Cause:
    async def asked() -> Cause:
        async with AsyncClient(
            responder.url, transport=responder, policy=_patience(responder)
        ) as client:
            return (await client.check(responder.pki.certificate, responder.pki.issuer)).cause

    return asyncio.run(asked())


def by_client(responder: FakeResponder, _: Path) -> Cause:
    with Client(responder.url, transport=responder, policy=_patience(responder)) as client:
        return client.check(responder.pki.certificate, responder.pki.issuer).cause


def by_async_client_over_http(responder: FakeResponder, _: Path) -> Cause:
    async def asked(url: str) -> Cause:
        async with AsyncClient(url, policy=_patience(responder)) as client:
            return (await client.check(responder.pki.certificate, responder.pki.issuer)).cause

    with responder.serve() as url:
        return asyncio.run(asked(url))


def by_client_over_http(responder: FakeResponder, _: Path) -> Cause:
    with responder.serve() as url, Client(url, policy=_patience(responder)) as client:
        return client.check(responder.pki.certificate, responder.pki.issuer).cause


def by_command(responder: FakeResponder, folder: Path) -> Cause:
    """Ask with the command; its exit code must fit what it prints."""
    certificate, issuer = write_pems(responder, folder)
    seconds = _patience(responder).deadlines.total.total_seconds()
    with responder.serve() as url:
        done = subprocess.run(
            [
                *(sys.executable, "-W", "error", "-m", "tashika", "check", "--json"),
                *("--cert", certificate, "--issuer", issuer, "--url", url),
                *("--timeout", str(seconds)),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert not done.stderr
    told = json.loads(done.stdout)
    assert done.returncode == {"good": 0, "revoked": 1, "undetermined": 2}[told["status"]]
    return Cause(told["cause"])


WAYS: tuple[Callable[[FakeResponder, Path], Cause], ...] = (
    by_verify_answer,
    by_async_client,
    by_client,
    by_async_client_over_http,
    by_client_over_http,
)
"""Every way in but the command, which takes a process each."""


def key_usage(*allowed: str) -> x509.KeyUsage:
    """Return a key usage with these bits and no others."""
    bits = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{bit: bit in allowed for bit in bits})


def write_pems(responder: FakeResponder, folder: Path) -> tuple[str, str]:
    """Write the certificate and its issuer; return their paths."""
    certificate, issuer = folder / "certificate.pem", folder / "issuer.pem"
    certificate.write_bytes(responder.pki.certificate.public_bytes(Encoding.PEM))
    issuer.write_bytes(responder.pki.issuer.public_bytes(Encoding.PEM))
    return str(certificate), str(issuer)


def _patience(responder: FakeResponder) -> Policy:
    slow = responder.fault_at(responder.url) in (Fault.SLOW, Fault.TRICKLE)
    return Policy(deadlines=QUICK) if slow else STRICT
