"""A bank with an agreement, and everything it may show; each test changes one thing of it."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tashika.pki.names import name_text
from tashika.pki.profile import Family
from tashika_server.agreements.gate import Asked, Gate, Permit
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.presented import ClientCertificate, Presented
from tashika_server.agreements.terms import (
    Credential,
    CredentialKind,
    Environment,
    Grant,
    Halt,
    HaltKind,
    Method,
    Purpose,
    Terms,
    key_digest,
    secret_digest,
)

AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ISSUER = "signature-g3"
TOKEN = secret_digest("bank-token")
"""What the bank's bearer token becomes at the rim."""
SOURCE = ip_address("192.0.2.7")

Key = ec.EllipticCurvePrivateKey


class FakeMonotonic:
    """A monotonic clock that a test moves by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def terms(**changes: Any) -> Terms:
    """Make the bank's agreement: signature certificates by OCSP, for both purposes."""
    usual: dict[str, Any] = {
        "agreement": "A-000001",
        "version": 1,
        "verifier": "V-000001",
        "environment": Environment.PRODUCTION,
        "valid_from": AT - 30 * DAY,
        "valid_to": AT + 300 * DAY,
        "grants": (Grant(family=Family.SIGNATURE, method=Method.OCSP),),
        "credentials": (credential(),),
        "rate": 100.0,
        "burst": 200,
        "max_cert_ids": 16,
    }
    return Terms(**(usual | changes))


def credential(**changes: Any) -> Credential:
    """Make the bank's token, or whatever the changes make of it."""
    usual: dict[str, Any] = {
        "id": "C-000001",
        "kind": CredentialKind.TOKEN,
        "digest": TOKEN,
        "valid_from": AT - 30 * DAY,
        "valid_to": AT + 300 * DAY,
    }
    return Credential(**(usual | changes))


def suspension(**changes: Any) -> Halt:
    """Make a suspension of yesterday, until further notice."""
    usual: dict[str, Any] = {
        "kind": HaltKind.SUSPENSION,
        "since": AT - DAY,
        "ground": "breach",
        "article": "2013 18(4)(i)",
        "id": "S-000001",
    }
    return Halt(**(usual | changes))


def pinned(key: Key, **changes: Any) -> Credential:
    """Make a credential of a pinned key."""
    return credential(**({"kind": CredentialKind.MTLS_KEY, "digest": digest_of(key)} | changes))


def of_authority(key: Key, subject: x509.Name, **changes: Any) -> Credential:
    """Make a credential of a CA and a subject."""
    usual: dict[str, Any] = {
        "kind": CredentialKind.MTLS_CA,
        "digest": digest_of(key),
        "authority": public_key_info(key),
        "subject": name_text(subject.public_bytes()),
    }
    return credential(**(usual | changes))


def gate_of(buckets: Buckets, *agreements: Terms) -> Gate:
    return Gate(agreements, environment=Environment.PRODUCTION, buckets=buckets)


def ask(
    gate: Gate,
    presented: Presented | None = None,
    *,
    family: Family = Family.SIGNATURE,
    issuer: str = ISSUER,
    certificates: int = 1,
    method: Method = Method.OCSP,
    purpose: Purpose | None = Purpose.SIGNATURE_VERIFICATION,
    at: datetime = AT,
) -> Permit:
    """Put a question to the gate; by default one that the bank's agreement allows."""
    bearer = gate.identify(presented or Presented(SOURCE, TOKEN))
    return gate.authorise(bearer, Asked(family, issuer, certificates), method, purpose, at)


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def public_key_info(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def digest_of(key: Key) -> bytes:
    return key_digest(public_key_info(key))


def name(text: str) -> x509.Name:
    return x509.Name.from_rfc4514_string(text)


def issue(authority: Any, key: Any, subject: x509.Name, **how: Any) -> ClientCertificate:
    """Issue a client certificate and read it as the gate would."""
    return ClientCertificate.read(issue_der(authority, key, subject, **how))


def issue_der(
    authority: Any,
    key: Any,
    subject: x509.Name,
    *,
    begin: datetime = AT - DAY,
    end: datetime = AT + 365 * DAY,
    usages: tuple[x509.ObjectIdentifier, ...] = (),
) -> bytes:
    issuer = name("CN=Client CA,C=JP")
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), 7, begin, end)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return builder.sign(authority, SHA256()).public_bytes(Encoding.DER)
