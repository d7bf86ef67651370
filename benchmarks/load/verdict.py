"""Verifies answers in full, with code that is not the service's: pyca and asn1crypto.

After a run, since it takes a hundred times as long as hearing an answer.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from asn1crypto import ocsp as asn1
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from benchmarks.load.deck import Asked
from benchmarks.load.population import Standing
from benchmarks.load.tally import Evidence

__all__ = ["WrongAnswer", "judge", "verify"]

NEVER_ISSUED = datetime(1970, 1, 1, tzinfo=UTC)
"""When what was never issued is said to have been revoked (RFC 6960 2.2)."""


class WrongAnswer(Exception):
    """An answer is not what it must be; says why."""


def judge(evidence: Iterable[Evidence]) -> Counter[str]:
    """Return what is wrong with how many of these answers; empty where nothing is."""
    wrong: Counter[str] = Counter()
    for each in evidence:
        try:
            verify(each)
        except WrongAnswer as reason:
            wrong[str(reason)] += 1
    return wrong


def verify(evidence: Evidence) -> None:
    """Check one answer against its question, as of when it was heard; raises WrongAnswer.

    1. It is an OCSP response, successful, with a basic response in it.
    2. The issuer's key has signed it, or a responder that the issuer has delegated to.
    3. The nonce is the one that was sent.
    4. It is about the certificates asked about, by the very CertIDs, in their order.
    5. What it says of each is true, and is said as of then.
    """
    question = evidence.question
    try:
        response = ocsp.load_der_ocsp_response(evidence.body)
        listed = asn1.OCSPResponse.load(evidence.body).response_data["responses"]
    except ValueError as wrong:
        raise WrongAnswer(f"cannot be read: {wrong}") from wrong
    _check_signature(response, question.asked[0].population.issuer)
    if question.nonced and _nonce(response) != evidence.nonce:
        raise WrongAnswer("has another nonce, or none")
    if [each["cert_id"].dump() for each in listed] != [one.cert_id.der for one in question.asked]:
        raise WrongAnswer("is about other certificates")
    _check_standings(listed, question.asked, evidence.heard)


def _check_signature(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> None:
    signers = response.certificates
    signer = signers[0] if signers else issuer
    if signer != issuer and not _is_delegated(signer, issuer):
        raise WrongAnswer("is signed by somebody the issuer has not delegated to")
    key, signed = signer.public_key(), response.tbs_response_bytes
    hashed = response.signature_hash_algorithm
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and hashed:
            key.verify(response.signature, signed, ec.ECDSA(hashed))
        elif hashed:
            key.verify(response.signature, signed, padding.PKCS1v15(), hashed)  # type: ignore[union-attr,call-arg,arg-type]
    except InvalidSignature as wrong:
        raise WrongAnswer("has a bad signature") from wrong


@lru_cache(maxsize=64)
def _is_delegated(signer: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        signer.verify_directly_issued_by(issuer)
        usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _nonce(response: ocsp.OCSPResponse) -> bytes | None:
    try:
        return response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return None


def _check_standings(listed: asn1.Responses, asked: Sequence[Asked], at: datetime) -> None:
    for said, one in zip(listed, asked, strict=True):
        status = said["cert_status"]
        standing = Standing(status.name)
        if standing is Standing.REVOKED:
            since = status.chosen["revocation_time"].native
            standing = Standing.UNKNOWN if since == NEVER_ISSUED else standing
        if standing is not one.standing:
            raise WrongAnswer(f"says {standing} of what is {one.standing}")
        if not said["this_update"].native <= at:
            raise WrongAnswer("is of the future")
        if (until := said["next_update"].native) and until <= at:
            raise WrongAnswer("has run out")
