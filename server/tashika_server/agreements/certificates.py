"""Client certificates as a registrar is handed them: read, and refused when weak.

What a client presents later is judged anew in `presented`; here nobody is registered by a
certificate that could not be used.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from tashika.pki.algorithms import BY_OID, algorithm_for
from tashika.pki.certificates import (
    critical_extensions,
    extension,
    load_certificate,
    public_key,
)
from tashika.pki.errors import PkiError
from tashika.pki.names import name_text
from tashika_server.agreements.errors import BadCertificate

__all__ = ["RegisteredKey", "read_authority_certificate", "read_client_certificate"]


_CLIENTS = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredKey:
    """What is kept of a certificate."""

    public_key_info: bytes
    subject: str
    begins: datetime
    ends: datetime


def read_client_certificate(pem: str, at: datetime) -> RegisteredKey:
    """Read the certificate of a TLS client or of a signer of requests; BadCertificate."""
    certificate = _read(pem, at)
    if _is_authority(certificate):
        raise _unfit("it is a CA's certificate", "the certificate of the client itself")
    usage = extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        raise _unfit("its key may not sign (keyUsage)", "one with digitalSignature")
    purposes = extension(certificate, x509.ExtendedKeyUsage)
    if purposes is not None and _CLIENTS.isdisjoint(purposes):
        raise _unfit("it is not for clients (extendedKeyUsage)", "one with clientAuth")
    return _registered(certificate)


def read_authority_certificate(pem: str, at: datetime) -> RegisteredKey:
    """Read the certificate of a CA whose clients are told by their subject; BadCertificate."""
    certificate = _read(pem, at)
    if not _is_authority(certificate):
        raise _unfit("it is not a CA's certificate", "the certificate of the issuing CA")
    return _registered(certificate)


def _read(pem: str, at: datetime) -> x509.Certificate:
    """Load it and demand what every certificate must keep: strength and time."""
    try:
        certificate = load_certificate(pem.encode())
        critical_extensions(certificate)  # parsed lazily, and may be broken
        key = public_key(certificate)
    except PkiError as unreadable:
        raise BadCertificate(
            f"this is no certificate we can read: {unreadable}",
            rule="an X.509 certificate in PEM",
            remedy="give the file that begins with -----BEGIN CERTIFICATE-----",
        ) from unreadable
    try:
        algorithm_for(key)
    except PkiError as weak:
        raise BadCertificate(
            f"the certificate's key is weak: {weak}",
            rule="house rule: RSA from 2048 bits, or P-256, P-384 or P-521",
            remedy="ask for a certificate with a stronger key",
        ) from weak
    if certificate.signature_algorithm_oid.dotted_string not in BY_OID:
        raise BadCertificate(
            f"the certificate is signed by {certificate.signature_algorithm_oid.dotted_string}",
            rule="house rule: RSA or ECDSA with SHA-2",
            remedy="ask for a certificate with a stronger signature",
        )
    if certificate.not_valid_after_utc <= at:
        raise BadCertificate(
            f"the certificate has expired on {certificate.not_valid_after_utc:%Y-%m-%d}",
            rule="a credential is in force when it is registered",
            remedy="ask the verifier for its new certificate",
        )
    return certificate


def _unfit(what: str, wanted: str) -> BadCertificate:
    return BadCertificate(
        f"the certificate is for another use: {what}",
        rule="RFC 5280 4.2.1: a key serves what its certificate says",
        remedy=f"give {wanted}",
    )


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _registered(certificate: x509.Certificate) -> RegisteredKey:
    return RegisteredKey(
        public_key_info=certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        ),
        subject=name_text(certificate.subject.public_bytes()),
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
    )
