"""Certificates that were verified against their issuer before: known again by their bytes."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tashika.issuance import IssuedCertificate, verify_issued
from tashika.network.recent import Recent
from tashika.pki.certificates import load_certificate, validity

_GIVEN = (bytes, x509.Certificate)
_ISSUERS = 64
"""Whoever checks has a few issuers; a PEM file that is read anew each time is another object."""


class Known(NamedTuple):
    """A certificate that its issuer issued, and when both are in their validity."""

    subject: IssuedCertificate
    key: bytes
    """32 octets that stand for the certificate: the hash of its issuer and serial."""
    begins: datetime
    ends: datetime


class Subjects:
    """Verifies certificates, each pair of certificate and issuer once; for any thread.

    No certificate is kept: only hashes, and what verify_issued makes of them.
    """

    def __init__(self, *, entries: int) -> None:
        self._known: Recent[Known] = Recent(entries)

    def recall(
        self, certificate: x509.Certificate | bytes, issuer: x509.Certificate | bytes, at: datetime
    ) -> Known | None:
        """Return what was verified before and is in its validity now."""
        known = self._known.get(_name(certificate, issuer))
        return known if known and known.begins <= at <= known.ends else None

    def verify(
        self, certificate: x509.Certificate | bytes, issuer: x509.Certificate | bytes, at: datetime
    ) -> Known:
        """Do as verify_issued does, unless that was done; raises what it raises."""
        known = self.recall(certificate, issuer, at)
        if known is None:
            subject = verify_issued(certificate, issuer, at=at)
            known = Known(subject, key_of(subject), *_window(certificate, subject.issuer))
            self._known.put(_name(certificate, issuer), known)
        return known


def key_of(subject: IssuedCertificate) -> bytes:
    """Return the 32 octets that stand for a certificate: the hash of its issuer and serial."""
    serial = subject.serial
    return sha256(
        subject.identity.fingerprint + serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    ).digest()


def _window(given: x509.Certificate | bytes, issuer: x509.Certificate) -> tuple[datetime, datetime]:
    certificate = load_certificate(given) if isinstance(given, bytes) else given
    (begins, ends), (first, last) = validity(certificate), validity(issuer)
    return max(begins, first), min(ends, last)


def _name(certificate: object, issuer: object) -> bytes:
    # What is neither is for verify_issued to refuse.
    if not (isinstance(certificate, _GIVEN) and isinstance(issuer, _GIVEN)):
        return b""
    return _digest(certificate) + _digest_of_issuer(issuer)


def _digest(given: x509.Certificate | bytes) -> bytes:
    if isinstance(given, bytes):
        return sha256(given).digest()
    return sha256(given.public_bytes(Encoding.DER)).digest()


_digest_of_issuer: Callable[[x509.Certificate | bytes], bytes] = lru_cache(_ISSUERS)(_digest)
