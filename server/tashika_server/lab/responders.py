"""Delegated OCSP responders: short-lived certificates for the service that answers.

Each issuer has two, one with its own kind of key and one with P-256, so that a client's
preferred signature algorithms (RFC 6960 4.4.7) find a choice. A renewal certifies the same key:
replacing one file is then the whole roll-over, and no crash leaves a pair that does not match.
"""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from tashika.pki.algorithms import PrivateKey, PublicKey
from tashika.pki.profile_shape import key_usage
from tashika_server.lab.authorities import Authority
from tashika_server.lab.keys import KeyStock
from tashika_server.lab.naming import responder_name

__all__ = ["RENEWED_BEFORE", "SECOND", "SIGNERS", "responder_certificate", "responder_key"]

LIFETIME = timedelta(days=30)
"""Nobody can revoke a certificate with ocsp-nocheck, so it is short (RFC 6960 4.2.2.2.1)."""

BACKDATED = timedelta(minutes=5)
"""Relying parties whose clock is behind would refuse a responder that begins just now (C13)."""

RENEWED_BEFORE = timedelta(days=10)
"""Long enough that a service which was down for a week still finds it in force."""

SECOND = "-p256"
SIGNERS = ("", SECOND)
"""What the file names of an issuer's signers add to its name, the default one first."""


def responder_key(suffix: str, keys: KeyStock) -> PrivateKey:
    """Make the key of one of an issuer's SIGNERS."""
    return ec.generate_private_key(ec.SECP256R1()) if suffix == SECOND else keys.take()


def responder_certificate(
    authority: Authority, suffix: str, public_key: PublicKey, *, serial: int, at: datetime
) -> x509.Certificate:
    """Certify a responder: a leaf that may sign OCSP answers and nothing else (T20)."""
    return authority.certify(
        responder_name(authority.family, f"{authority.name}{suffix} OCSP Responder"),
        public_key,
        serial=serial,
        at=max(at - BACKDATED, authority.certificate.not_valid_before_utc),
        not_after=min(at - BACKDATED + LIFETIME, authority.certificate.not_valid_after_utc),
        extensions=(
            (key_usage("digital_signature"), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False),
            (x509.OCSPNoCheck(), False),
        ),
    )
