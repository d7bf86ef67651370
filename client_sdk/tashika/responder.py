"""Who signed an answer, and whether they may speak for the issuer (C2, T20).

Not for signatures or dates of the answer itself: :mod:`tashika.ocsp`.
"""

from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from tashika.causes import Cause
from tashika.errors import AnswerRefused, PkiError
from tashika.issuance import IssuedCertificate
from tashika.pki.certid import IssuerIdentity
from tashika.pki.certificates import (
    critical_extensions,
    extension,
    load_certificate,
    public_key,
    require_signed_by,
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


def identify_responder(answer: BasicResponse, subject: IssuedCertificate) -> x509.Certificate:
    """Return the certificate that the answer's ResponderID names: the issuer's or an embedded one.

    By key it is the SHA-1 of the key, by name the DER of the subject. Raises
    AnswerRefused where nothing fits, and Malformed or Unsupported for an
    embedded certificate that cannot be read.
    """
    if _is_named(answer, subject.identity):
        return subject.issuer
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
    responder: x509.Certificate, subject: IssuedCertificate, *, at: datetime
) -> None:
    """Check that the responder may speak for the issuer of the certificate.

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
    if responder is subject.issuer:
        return
    if wrong := fault_of_delegate(
        responder, subject.issuer, ExtendedKeyUsageOID.OCSP_SIGNING, at=at
    ):
        raise AnswerRefused(Cause.RESPONDER_UNAUTHORISED, wrong)


def fault_of_delegate(
    delegate: x509.Certificate,
    issuer: x509.Certificate,
    purpose: x509.ObjectIdentifier,
    *,
    at: datetime,
) -> str:
    """Say what keeps a certificate from speaking for an issuer to this one purpose, if anything.

    The seven rules of authorise_responder, with `purpose` for OCSPSigning.
    """
    try:
        begins, ends, wrong = _judge(delegate, issuer, purpose)
    except PkiError as unusable:
        return str(unusable)
    if not begins <= at <= ends:
        wrong = "is not in its validity"
    return wrong and f"its certificate {wrong}"


# A relying party hears few responders, and the same ones again and again.


@lru_cache(maxsize=_DELEGATES)
def key_of(responder: x509.Certificate) -> CertificatePublicKeyTypes:
    """Return the key that answers are signed with; raises Malformed and Unsupported."""
    return public_key(responder)


@lru_cache(maxsize=_DELEGATES)
def _read(data: bytes) -> tuple[x509.Certificate, IssuerIdentity]:
    certificate = load_certificate(data)
    return certificate, IssuerIdentity.of(certificate)


@lru_cache(maxsize=_DELEGATES)
def _judge(
    delegate: x509.Certificate, issuer: x509.Certificate, purpose: x509.ObjectIdentifier
) -> tuple[datetime, datetime, str]:
    """Return the validity and what else is wrong, if anything: all that no time changes."""
    require_signed_by(delegate, issuer)
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
