"""A relying party's bench: a responder that does as told, and its answers verified."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from support.clock import FakeClock
from tashika import (
    Cause,
    CheckedAnswer,
    Client,
    Deadlines,
    Policy,
    Question,
    Report,
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


def patience(responder: FakeResponder) -> Policy:
    """Return the default policy, with short deadlines for a responder that is slow."""
    slow = responder.fault_at(responder.url) in (Fault.SLOW, Fault.TRICKLE)
    return Policy(deadlines=QUICK) if slow else STRICT


def checked(responder: FakeResponder) -> Report:
    """Check the responder's own certificate, without a network."""
    with Client(responder.url, transport=responder, policy=patience(responder)) as client:
        return client.check(responder.pki.certificate, responder.pki.issuer)


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
