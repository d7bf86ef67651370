"""Whether a certificate comes from its issuer and is in its validity: checked first.

One tier only: path validation beyond the issuer given is not done here.
"""

from dataclasses import InitVar, dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509

from tashika.causes import Cause
from tashika.errors import CertificateRefused, PkiError, WrongUse
from tashika.pki.algorithms import algorithm_for
from tashika.pki.certid import IssuerIdentity
from tashika.pki.certificates import (
    extension,
    load_certificate,
    public_key,
    require_issued_by,
    validity,
)

_ISSUERS = 64
"""Whose certificates are known again: a relying party has a few, and a batch one."""

SEAL = object()
"""Held by the two that know who issued what: here, and :mod:`tashika.status` for paths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom a question is about: a serial number under the name and key known to have issued it."""

    serial: int = field(repr=False)
    identity: IssuerIdentity = field(repr=False)
    """Name and key of the issuer, as CertIDs hash them."""
    key: object = field(repr=False)
    """The issuer's public key as pyca has it."""
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not SEAL:
            raise WrongUse("who issued a certificate is known from verify_issued() or a path only")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCertificate(Subject):
    """A certificate known to come from its issuer; only verify_issued makes one."""

    issuer: x509.Certificate = field(repr=False)


def verify_issued(
    certificate: x509.Certificate | bytes, issuer: x509.Certificate | bytes, *, at: datetime
) -> IssuedCertificate:
    """Check a certificate against the issuer that the caller trusts.

    1. The issuer's certificate can be read, is a CA's that may sign
       certificates, has a key of an accepted kind, and is in its validity.
    2. The certificate can be read.
    3. The issuer's name and key are on it, by an accepted algorithm.
    4. It is in its validity, both ends included, without any tolerance.

    Raises CertificateRefused, and WrongUse for arguments that are neither
    certificates nor bytes, and for a time without a zone.
    """
    if at.tzinfo is None:
        raise WrongUse("pass a time with its zone, such as datetime.now(UTC)")
    # 1
    trusted = _load(issuer, Cause.ISSUER_UNSUITABLE)
    ca = _fit(trusted, at)
    # 2
    subject = _load(certificate, Cause.CERTIFICATE_MALFORMED)
    # 3
    try:
        require_issued_by(subject, ca.identity, ca.key)
        begins, ends = validity(subject)
    except PkiError as wrong:
        raise CertificateRefused(Cause.NOT_ISSUED_BY_ISSUER, str(wrong)) from wrong
    # 4
    if at < begins:
        raise CertificateRefused(Cause.NOT_YET_VALID)
    if at > ends:
        raise CertificateRefused(Cause.EXPIRED)
    return IssuedCertificate(
        serial=subject.serial_number,
        issuer=trusted,
        identity=ca.identity,
        key=ca.key,
        seal=SEAL,
    )


def _load(given: x509.Certificate | bytes, cause: Cause) -> x509.Certificate:
    if isinstance(given, x509.Certificate):
        return given
    if not isinstance(given, bytes):
        raise WrongUse(f"pass an x509.Certificate or PEM or DER bytes, not {type(given).__name__}")
    try:
        return load_certificate(given)
    except PkiError as wrong:
        raise CertificateRefused(cause, str(wrong)) from wrong


def require_ca(issuer: x509.Certificate, at: datetime) -> IssuerIdentity:
    """Return who an issuer is; raises CertificateRefused unless it is fit to be one at `at`."""
    return _fit(issuer, at).identity


class _Ca(NamedTuple):
    """An issuer's certificate: all that no time changes."""

    identity: IssuerIdentity
    key: object
    begins: datetime
    ends: datetime
    fault: str
    """What keeps it from being an issuer's, if anything."""


def _fit(issuer: x509.Certificate, at: datetime) -> _Ca:
    try:
        ca = _read_ca(issuer)
    except PkiError as wrong:
        raise CertificateRefused(Cause.ISSUER_UNSUITABLE, str(wrong)) from wrong
    fault = ca.fault or ("" if ca.begins <= at <= ca.ends else "it is not in its validity")
    if fault:
        raise CertificateRefused(Cause.ISSUER_UNSUITABLE, fault)
    return ca


# Certificates compare by all that they say: of CAs under one name each is read.
@lru_cache(maxsize=_ISSUERS)
def _read_ca(issuer: x509.Certificate) -> _Ca:
    constraints = extension(issuer, x509.BasicConstraints)
    usage = extension(issuer, x509.KeyUsage)
    key, (begins, ends) = public_key(issuer), validity(issuer)
    algorithm_for(key)
    fault = ""
    if constraints is None or not constraints.ca:
        fault = "it is not a CA certificate"
    elif usage is not None and not usage.key_cert_sign:
        fault = "it may not sign certificates"
    return _Ca(IssuerIdentity.of(issuer), key, begins, ends, fault)
