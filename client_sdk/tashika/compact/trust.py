"""Whose word on an issuer's certificates counts, and whether a head is theirs.

As strict as for OCSP (:mod:`tashika.responder`): the issuer, its delegate, or a key by name.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from tashika.errors import CertificateRefused
from tashika.issuance import require_ca
from tashika.pki.algorithms import BY_OID, PublicKey, SignatureAlgorithm, verify
from tashika.pki.certid import IssuerIdentity
from tashika.pki.certificates import load_certificate, public_key, validity
from tashika.pki.compact.faults import CompactRefused, Fault
from tashika.pki.compact.head import SignedHead
from tashika.pki.compact.head_codec import key_hash
from tashika.pki.errors import BadSignature, PkiError
from tashika.responder import COMPACT_SET_SIGNING, fault_of_delegate

Validity = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """One issuer, and who may sign its compact sets.

    The issuer's own key may, and a delegate that it has issued a certificate to. `signers` are
    keys that you trust beside them for this issuer, such as the operator's file-signing key,
    which you have got from it on another way than the files.
    """

    issuer: x509.Certificate
    signers: tuple[PublicKey, ...] = ()
    algorithms: frozenset[SignatureAlgorithm] = frozenset(BY_OID.values())


def require_trusted(signed: SignedHead, trust: Trust, *, at: datetime) -> Validity:
    """Check who signed a head, and return from when to when that may be relied on.

    1. The issuer's certificate is a CA's, strong, and in its validity at `at`.
    2. The head is about this issuer, name and key, not about a namesake.
    3. The key that the head names is the issuer's own, or one of the named signers', or that
       of the certificate that comes along, which the issuer itself issued to sign compact sets
       and nothing else, to a leaf, and which is in its validity at `at`; it says ocsp-nocheck,
       since its own revocation cannot be asked about here.
    4. The algorithm is one of those accepted, and the signature holds.

    Raises CompactRefused: WRONG_ISSUER, SIGNER, SIGNATURE.
    """
    # 1
    try:
        identity = require_ca(trust.issuer, at)
        # 2
        if signed.head.issuer != identity.fingerprint:
            raise CompactRefused(Fault.WRONG_ISSUER, "the file is about another issuer")
        # 3
        key, until = _signer(signed, trust, at=at)
        # 4
        if signed.algorithm not in trust.algorithms:
            raise CompactRefused(Fault.SIGNER, f"{signed.algorithm.name} is refused by policy")
        verify(key, signed.algorithm, signed.signature, signed.tbs)
    except CertificateRefused as unsuitable:
        raise CompactRefused(Fault.SIGNER, str(unsuitable)) from unsuitable
    except BadSignature as wrong:
        raise CompactRefused(Fault.SIGNATURE, str(wrong)) from wrong
    except PkiError as wrong:
        raise CompactRefused(Fault.SIGNER, str(wrong)) from wrong
    return until


def identity_of(issuer: x509.Certificate) -> IssuerIdentity:
    """Read an issuer's identity; raises CompactRefused."""
    try:
        return IssuerIdentity.of(issuer)
    except PkiError as wrong:
        raise CompactRefused(Fault.SIGNER, str(wrong)) from wrong


def _signer(signed: SignedHead, trust: Trust, *, at: datetime) -> tuple[object, Validity]:
    issuers_own = public_key(trust.issuer)
    until = validity(trust.issuer)
    for key in (issuers_own, *trust.signers):
        if signed.head.signer == key_hash(key):
            return key, until
    if signed.certificate is None:
        raise CompactRefused(Fault.SIGNER, "the file is signed with a key that nobody named")
    delegate = load_certificate(signed.certificate)
    issuer = IssuerIdentity.of(trust.issuer)
    if wrong := fault_of_delegate(delegate, issuer, issuers_own, COMPACT_SET_SIGNING, at=at):
        raise CompactRefused(Fault.SIGNER, f"whoever signed may not speak for the issuer: {wrong}")
    key = public_key(delegate)
    if signed.head.signer != key_hash(key):
        raise CompactRefused(Fault.SIGNER, "the certificate is not that of the named signer")
    begins, ends = validity(delegate)
    return key, (max(begins, until[0]), min(ends, until[1]))
