"""Who signed an answer, and whether they may speak for the issuer (C2, T20).

Not for signatures or dates of the answer itself: :mod:`tashika.ocsp`.
"""

from datetime import datetime

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


def identify_responder(answer: BasicResponse, subject: Subject) -> x509.Certificate | None:
    """Return the certificate that the answer's ResponderID names; None for the issuer itself.

    By key it is the SHA-1 of the key, by name the DER of the subject. Raises
    AnswerRefused where nothing fits, and Malformed or Unsupported for an
    embedded certificate that cannot be read.
    """
    if _is_named(answer, subject.identity):
        return None
    for data in answer.certificates:
        candidate = load_certificate(data)
        if _is_named(answer, IssuerIdentity.of(candidate)):
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
    return public_key(responder)


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
        require_issued_by(delegate, issuer, key)
        wrong = _what_is_wrong(delegate, purpose, at)
    except PkiError as unusable:
        return str(unusable)
    return wrong and f"its certificate {wrong}"


def _what_is_wrong(
    responder: x509.Certificate, purpose: x509.ObjectIdentifier, at: datetime
) -> str:
    constraints = extension(responder, x509.BasicConstraints)
    purposes = extension(responder, x509.ExtendedKeyUsage)
    usage = extension(responder, x509.KeyUsage)
    begins, ends = validity(responder)
    faults = (
        (not begins <= at <= ends, "is not in its validity"),
        (constraints is not None and constraints.ca, "is a CA's"),
        (usage is not None and (usage.key_cert_sign or usage.crl_sign), "is a CA's"),
        (purposes is None or list(purposes) != [purpose], f"is not for {_PURPOSES[purpose]} alone"),
        (usage is not None and not usage.digital_signature, "may not sign data"),
        (extension(responder, x509.OCSPNoCheck) is None, "lacks ocsp-nocheck"),
        (critical_extensions(responder) - _UNDERSTOOD, "has an unknown critical extension"),
    )
    return next((text for is_wrong, text in faults if is_wrong), "")
