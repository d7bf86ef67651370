"""Who signed an answer, and whether they may speak for the issuer (C2, T20).

Not for signatures or dates of the answer itself: :mod:`tashika.ocsp`.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from tashika.causes import Cause
from tashika.errors import AnswerRefused, PkiError
from tashika.issuance import Subject
from tashika.pki.certid import IssuerIdentity
from tashika.pki.certificates import (
    critical_extensions,
    extension,
    load_certificate,
    public_key,
    require_issued_by,
    validity,
)
from tashika.pki.compact.head import COMPACT_SIGNING
from tashika.pki.response import BasicResponse

COMPACT_SET_SIGNING = x509.ObjectIdentifier(COMPACT_SIGNING)
_PURPOSES = {
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSP signing",
    COMPACT_SET_SIGNING: "signing compact sets",
}
_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.OCSP_NO_CHECK,
}

_DELEGATES = 64
"""Certificates of responders that are known again; 64 KiB each at most."""


def identify_responder(answer: BasicResponse, subject: Subject) -> x509.Certificate | None:
    """Return the certificate that the answer's ResponderID names; None for the issuer itself.

    By key it is the SHA-1 of the key, by name the DER of the subject. Raises
    AnswerRefused where nothing fits, and Malformed or Unsupported for an
    embedded certificate that cannot be read.
    """
    if _is_named(answer, subject.identity):
        return None
    for data in answer.certificates:
        candidate, identity = _read(data)
        if _is_named(answer, identity):
            return candidate
    raise AnswerRefused(Cause.RESPONDER_UNIDENTIFIED)


def _is_named(answer: BasicResponse, identity: IssuerIdentity) -> bool:
    if answer.responder_key_hash is not None:
        return answer.responder_key_hash == identity.hashes("sha1")[1]
    return answer.responder_name == identity.name


def authorise_responder(
    responder: x509.Certificate | None, subject: Subject, *, at: datetime
) -> object:
    """Return the key of a responder that may speak for the issuer of the certificate.

    The issuer itself may. Anybody else

    1. was issued directly by the very key of the issuer, not by a namesake;
    2. is in its validity at ``at``;
    3. is no CA;
    4. has OCSPSigning for its extended key usage, and nothing beside it;
    5. may make digital signatures, where its key usage is limited;
    6. carries ocsp-nocheck: its own revocation cannot be asked about here,
       so one that would have to be asked about is refused;
    7. has no critical extension that is not understood.

    Raises AnswerRefused.
    """
    if responder is None:
        return subject.key
    if wrong := fault_of_delegate(
        responder, subject.identity, subject.key, ExtendedKeyUsageOID.OCSP_SIGNING, at=at
    ):
        raise AnswerRefused(Cause.RESPONDER_UNAUTHORISED, wrong)
    return _key_of(responder)


def fault_of_delegate(
    delegate: x509.Certificate,
    issuer: IssuerIdentity,
    key: object,
    purpose: x509.ObjectIdentifier,
    *,
    at: datetime,
) -> str:
    """Say what keeps a certificate from speaking for an issuer to this one purpose, if anything.

    The seven rules of authorise_responder, with `purpose` for OCSPSigning; `key` is the issuer's.
    """
    try:
        begins, ends, wrong = _judge(delegate, issuer, _Key(key), purpose)
    except PkiError as unusable:
        return str(unusable)
    if not begins <= at <= ends:
        wrong = "is not in its validity"
    return wrong and f"its certificate {wrong}"


# A relying party hears few responders, and the same ones again and again.


@lru_cache(maxsize=_DELEGATES)
def _key_of(responder: x509.Certificate) -> object:
    return public_key(responder)


@lru_cache(maxsize=_DELEGATES)
def _read(data: bytes) -> tuple[x509.Certificate, IssuerIdentity]:
    certificate = load_certificate(data)
    return certificate, IssuerIdentity.of(certificate)


@lru_cache(maxsize=_DELEGATES)
def _judge(
    delegate: x509.Certificate,
    issuer: IssuerIdentity,
    key: "_Key",
    purpose: x509.ObjectIdentifier,
) -> tuple[datetime, datetime, str]:
    """Return the validity and what else is wrong, if anything: all that no time changes."""
    require_issued_by(delegate, issuer, key.key)
    constraints = extension(delegate, x509.BasicConstraints)
    purposes = extension(delegate, x509.ExtendedKeyUsage)
    usage = extension(delegate, x509.KeyUsage)
    faults = (
        (constraints is not None and constraints.ca, "is a CA's"),
        (usage is not None and (usage.key_cert_sign or usage.crl_sign), "is a CA's"),
        (purposes is None or list(purposes) != [purpose], f"is not for {_PURPOSES[purpose]} alone"),
        (usage is not None and not usage.digital_signature, "may not sign data"),
        (extension(delegate, x509.OCSPNoCheck) is None, "lacks ocsp-nocheck"),
        (critical_extensions(delegate) - _UNDERSTOOD, "has an unknown critical extension"),
    )
    wrong = next((text for is_wrong, text in faults if is_wrong), "")
    return *validity(delegate), wrong


@dataclass(frozen=True, slots=True)
class _Key:
    """A public key to look up by: pyca's can be compared, and not hashed."""

    key: object

    def __hash__(self) -> int:
        return hash(type(self.key))  # the issuer beside it tells them apart
