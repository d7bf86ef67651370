"""A judge's bench: one CA, its responder, and a network that is a table of URLs."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from support.clock import FakeClock
from support.sdk import AT
from tashika import Policy, verify_issued
from tashika.causes import Cause
from tashika.errors import SourceFailed
from tashika.ocsp import ask
from tashika.path import PathCertificate, PathReport, TrustAnchor, read_certificate
from tashika.pki.certid import IssuerIdentity
from tashika.policy import Nonce
from tashika.status import (
    Addresses,
    Configured,
    Means,
    RevocationPolicy,
    Stapled,
    by_fetch,
    drive,
    judge,
)
from tashika.testing import FakeResponder, Fault, KeyPair, Pki
from tashika.testing.faults import WIRE
from tashika.transport import Reply

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ONE, TWO = "http://one.test/", "https://two.test/ocsp"
LIST, OTHER_LIST = "http://crl.test/1", "http://crl.test/2"
PKI = Pki(at=AT)
"""One for all tests: keys take time."""

Page = bytes | SourceFailed | Callable[[bytes], bytes]


class Net:
    """Fetches from a table; what is not there cannot be reached."""

    def __init__(self, pages: dict[str, Page]) -> None:
        self.pages = pages
        self.asked: list[str] = []

    def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        self.asked.append(url)
        page = self.pages.get(url, SourceFailed(Cause.UNREACHABLE))
        if isinstance(page, SourceFailed):
            raise page
        return Reply((page if isinstance(page, bytes) else page(body))[: limit + 1])

    def get(self, url: str, *, limit: int) -> Reply:
        return self.post(url, b"", limit=limit)


class Bench:
    """Judges PKI's certificate at AT, by a responder and lists that do as told."""

    def __init__(self, pki: Pki = PKI, **policy: Any) -> None:
        self.pki = pki
        self.clock = FakeClock(AT)
        self.responder = FakeResponder(pki, clock=self.clock.now)
        self.net = Net({})
        self.policy = RevocationPolicy(**policy)
        self.addresses = Configured(otherwise=Addresses(responders=(ONE,), lists=(LIST,)))
        self.sets: tuple[Any, ...] = ()
        self.demands: dict[str, Any] = {}

    def answering(self, fault: Fault | None = None) -> Page:
        """Return what a responder with this fault is on the network."""
        if fault in (Fault.HTTP_ERROR, Fault.REDIRECT):
            return SourceFailed(Cause.HTTP_STATUS, "ordered")
        if fault in (Fault.SLOW, Fault.TRICKLE):
            return SourceFailed(Cause.TIMED_OUT, "ordered")
        if fault is Fault.ENDLESS:
            return bytes(1 << 17)
        if fault in WIRE:
            return SourceFailed(Cause.UNREACHABLE, "ordered")
        return lambda body: self.responder.answer(body, fault=fault)

    def stapled(self, fault: Fault | None = None, *, at: datetime | None = None) -> bytes:
        """Return an answer to a question that nobody here asked."""
        self.clock.at = at or AT
        question = asked(self.pki, Policy(nonce=Nonce.OFF))
        body = self.responder.answer(question, fault=fault)
        self.clock.at = AT
        return body

    def judge(self, *, at: datetime = AT, **given: Any) -> PathReport:
        stapled = given.pop("stapled", Stapled())
        certificate = given.pop("certificate", None) or read(self.pki)
        now, candidates = given.pop("now", None), given.pop("candidates", ())
        judging = judge(
            certificate,
            candidates=candidates,
            trust=[anchor_of(self.pki)],
            stapled=stapled,
            at=at,
            now=now,
            means=self.means(**given),
        )
        return drive(judging, by_fetch(self.net, public=self.net))

    def means(self, **different: Any) -> Means:
        means = Means(
            policy=self.policy,
            addresses=self.addresses,
            sets=self.sets,
            nonces=lambda length: b"n" * length,
        )
        return replace(means, **different)


@cache
def anchor_of(pki: Pki) -> TrustAnchor:
    return TrustAnchor.of(pki.issuer)


@cache
def read(pki: Pki) -> PathCertificate:
    return read_certificate(pki.certificate)


def asked(pki: Pki, policy: Policy) -> bytes:
    subject = verify_issued(pki.certificate, pki.issuer, at=AT)
    return ask(subject, policy, lambda length: b"s" * length).body


def crl(
    *revoked: int,
    by: KeyPair = PKI.ca,
    key: KeyPair | None = None,
    at: datetime = AT - HOUR,
    holds: timedelta = DAY,
    since: datetime = AT - 2 * HOUR,
    reason: x509.ReasonFlags | None = None,
    invalid_since: datetime | None = None,
    number: int = 1,
    extra: Iterable[tuple[x509.ExtensionType, bool]] = (),
) -> bytes:
    """Write a CRL of a CA made by tashika.testing."""
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=by.certificate.subject, last_update=at, next_update=at + holds
    ).add_extension(x509.CRLNumber(number), critical=False)
    for each, critical in extra:
        builder = builder.add_extension(each, critical=critical)
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder(serial, since)
        if reason:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        if invalid_since:
            entry = entry.add_extension(x509.InvalidityDate(invalid_since), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign((key or by).key, SHA256()).public_bytes(Encoding.DER)


IDENTITY = IssuerIdentity.of(PKI.issuer)
SERIAL = PKI.certificate.serial_number
