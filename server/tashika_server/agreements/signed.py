"""Signed OCSP requests: whose signature stands under the question (RFC 6960 4.1.1)."""

import hashlib
from dataclasses import dataclass

from tashika.pki.algorithms import verify
from tashika.pki.errors import BadSignature, PkiError, Unsupported
from tashika.pki.signed_request import read_signature
from tashika_server.agreements.gate import Gate
from tashika_server.agreements.presented import ClientCertificate
from tashika_server.agreements.refusals import (
    BadRequestSignature,
    CertificateUnusable,
    UnknownCredential,
)
from tashika_server.refusal import MalformedQuestion

__all__ = ["SignedQuestion", "check_signature"]


@dataclass(frozen=True, slots=True)
class SignedQuestion:
    """A question whose signature holds; only check_signature makes one."""

    signer: ClientCertificate
    """For Presented.signer."""
    identity: bytes
    """32 bytes for this question of this signer, for ReplayMemory. The signature itself and the
    certificates beside it are left out: both can be varied without the signer."""


def check_signature(question: bytes, gate: Gate) -> SignedQuestion | None:
    """Verify the signature of a request; None where nobody signed.

    The order keeps strangers cheap:

    1. the signature is well formed                   MalformedQuestion
    2. a certificate comes along whose key is
       registered for signed requests                 UnknownCredential
    3. the signature is of a kind that is accepted,
       and holds with that key                        BadRequestSignature

    Whose key it is, and whether it may be used today, the gate says.
    """
    try:
        found = read_signature(question)
        if found is None:
            return None
        signer = _registered(found.certificates, gate)
        verify(signer.certificate.public_key(), found.algorithm, found.signature, found.tbs)
    except (BadSignature, Unsupported) as wrong:
        raise BadRequestSignature from wrong
    except PkiError as malformed:
        raise MalformedQuestion from malformed
    identity = hashlib.sha256(signer.digest + found.tbs).digest()
    return SignedQuestion(signer, identity)


def _registered(certificates: tuple[bytes, ...], gate: Gate) -> ClientCertificate:
    for der in certificates:
        try:
            certificate = ClientCertificate.read(der)
        except CertificateUnusable:
            continue
        if gate.knows_signer(certificate.digest):
            return certificate
    raise UnknownCredential
