"""The flow of one verification, without input or output: read, compare, verify, judge."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from cryptography import x509

from tashika.causes import Cause, Explained
from tashika.errors import Malformed, PkiError, SignatureRefused, TashikaError, WrongUse
from tashika.path.causes import Outcome
from tashika.path.certificate import PathCertificate, read_certificate
from tashika.path.report import PathReport
from tashika.pki.certificates import public_key
from tashika.report import Report
from tashika.signature.attributes import require_attributes
from tashika.signature.causes import SignatureCause
from tashika.signature.judging import Judge
from tashika.signature.limits import MAX_PURPOSE_CHARS
from tashika.signature.presented import Form, Presented
from tashika.signature.report import (
    Judgement,
    KeyUse,
    Purpose,
    SignatureReport,
    VerifiedSignature,
    purpose_text,
    seal_signature,
)
from tashika.signature.schemes import Digest, Scheme

ALL_SCHEMES = frozenset(Scheme)


class Profile(Protocol):
    """Says whether a certificate is of the kind that is accepted, such as JPKI's."""

    def examine(self, certificate: x509.Certificate, *, purpose: Any, at: datetime) -> object:
        """Return what the certificate is; raises a TashikaError where it is of no use.

        ``purpose`` is the terms'.
        """
        ...


class Readable(Protocol):
    """What a signature is read from: Submitted, or evidence that was kept."""

    def read(self) -> Presented:
        """Return it; raises SignatureRefused, PkiError and WrongUse."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a relying party verifies for, and what it accepts."""

    judge: Judge
    """Who says whether the certificate is in force, by the trust that the judge holds."""
    purpose: Purpose
    """Recorded with the check: the kind of business, and a reference to it (art. 19(2), 38(2))."""
    use: KeyUse = KeyUse.SIGNATURE
    profile: Profile | None = None
    """None accepts whatever the judge vouches for."""
    schemes: frozenset[Scheme] = ALL_SCHEMES
    """Narrow it where a PKI signs in one way only."""

    def __post_init__(self) -> None:
        if not 1 <= len(purpose_text(self.purpose)) <= MAX_PURPOSE_CHARS:
            raise WrongUse(f"state a purpose, in 1 to {MAX_PURPOSE_CHARS} characters")
        if not isinstance(self.use, KeyUse):
            raise WrongUse("Terms.use is a KeyUse")
        known = isinstance(self.schemes, frozenset) and self.schemes <= ALL_SCHEMES
        if not self.schemes or not known:
            raise WrongUse("Terms.schemes must name at least one Scheme, and nothing else")


def verifying(
    submitted: Readable,
    terms: Terms,
    *,
    received_at: datetime,
    at: datetime | None = None,
    now: datetime | None = None,
) -> Generator[object, object, SignatureReport]:
    """Verify that a signature was made with a certificate's key, and that it is in force.

    1. The signature can be read, and is by a scheme that is accepted.
    2. So is the signer's certificate, and its key usage allows the use.
    3. What it covers is this document (RFC 5652 5.4, 11) and names this certificate.
    4. The signature holds under the certificate's key.
    5. The certificate is of the profile demanded.
    6. The judge finds it in force, about ``at``; by default about ``received_at``, as
       articles 19 and 38 want it confirmed on receipt. Only here is anything asked for.
       ``now`` is when it is judged, by default on receipt too; it matters for old signatures.

    Yields whatever the judge wants fetched, and returns the report. Raises WrongUse for
    arguments that can never work, a missing extra among them, and nothing else.
    """
    at, now = at or received_at, now or received_at
    if None in (at.tzinfo, received_at.tzinfo, now.tzinfo):
        raise WrongUse("pass times with their zone, such as datetime.now(UTC)")
    now = max(now, at)  # the caller's clock may be ahead of the client's
    verdict: VerifiedSignature | SignatureCause
    presented: Presented | None = None
    judgement: Judgement | None = None
    reason: Explained | None = None
    detail = ""
    try:
        # 1
        presented = _read(submitted)
        if presented.scheme not in terms.schemes:
            raise SignatureRefused(SignatureCause.UNSUPPORTED, f"{presented.scheme}, by the terms")
        # 2
        certificate = _read_signer(presented)
        _require_use(certificate, terms.use)
        # 3, 4
        require_holds(presented, certificate)
        # 5
        recognised = _examine(certificate, terms, at)
        # 6
        judgement = yield from terms.judge(
            certificate, candidates=presented.others, stapled=presented.stapled, at=at, now=now
        )
        _require_in_force(judgement, certificate)
        verdict = seal_signature(
            presented, fingerprint=certificate.fingerprint, recognised=recognised
        )
    except SignatureRefused as refused:
        verdict, detail, reason = refused.cause, refused.detail, refused.reason
    return SignatureReport(
        verdict=verdict,
        purpose=terms.purpose,
        use=terms.use,
        received_at=received_at,
        at=at,
        judged_at=now,
        detail=detail,
        reason=reason,
        judgement=judgement,
        presented=presented,
    )


def require_for_documents(terms: Terms) -> None:
    """Refuse terms of a login, with WrongUse.

    A certificate to log in with declares nothing, and who signs a challenge for one must not
    be held to have signed a document.
    """
    if terms.use is KeyUse.AUTHENTICATION:
        raise WrongUse("these terms are a login's: call verify_authentication()")


def require_holds(presented: Presented, certificate: PathCertificate) -> None:
    """Check steps 3 and 4; raises SignatureRefused."""
    digest = presented.digest
    if presented.form in (Form.CMS, Form.PDF):
        _require_attributes(presented, certificate)
    elif presented.form is Form.RAW and presented.covered is not None:
        # Evidence could say so: the signature would hold, and speak of another document.
        raise SignatureRefused(SignatureCause.MALFORMED, "a raw signature covers its document")
    if presented.covered is not None:
        digest = Digest.of(presented.covered, presented.scheme.hash_name)
    try:
        key = public_key(certificate.certificate)
    except PkiError as wrong:
        raise SignatureRefused(SignatureCause.CERTIFICATE_MALFORMED, str(wrong)) from wrong
    presented.scheme.verify(key, presented.signature, digest.value)


def _require_attributes(presented: Presented, certificate: PathCertificate) -> None:
    if presented.covered is None:
        # Signed attributes, taken for a document, have a good signature without attributes.
        raise SignatureRefused(SignatureCause.ATTRIBUTES_MISSING)
    try:
        require_attributes(presented.covered, presented.digest, certificate.encoded)
    except Malformed as wrong:
        raise SignatureRefused(SignatureCause.MALFORMED, str(wrong)) from wrong


def _read(submitted: Readable) -> Presented:
    try:
        return submitted.read()
    except PkiError as wrong:
        raise SignatureRefused(SignatureCause.MALFORMED, str(wrong)) from wrong


def _read_signer(presented: Presented) -> PathCertificate:
    try:
        return read_certificate(presented.certificate)
    except PkiError as wrong:
        raise SignatureRefused(SignatureCause.CERTIFICATE_MALFORMED, str(wrong)) from wrong


def _require_use(certificate: PathCertificate, use: KeyUse) -> None:
    usage = certificate.usage
    if usage is None and use is KeyUse.SIGNATURE:
        return  # RFC 5280 4.2.1.3: without the extension the key is for anything
    signs, declares = (
        (usage.digital_signature, usage.content_commitment) if usage else (False, False)
    )
    allowed = {
        KeyUse.SIGNATURE: signs or declares,
        KeyUse.DECLARATION: declares,
        KeyUse.AUTHENTICATION: signs and not declares,
    }
    if not allowed[use]:
        raise SignatureRefused(SignatureCause.KEY_USAGE, f"not for {use.value}")


def _examine(certificate: PathCertificate, terms: Terms, at: datetime) -> object:
    if terms.profile is None:
        return None
    try:
        return terms.profile.examine(certificate.certificate, purpose=terms.purpose, at=at)
    except WrongUse:
        raise
    except TashikaError as wrong:
        cause = getattr(wrong, "cause", None)
        reason = cause if isinstance(cause, Explained) else None
        raise SignatureRefused(SignatureCause.NOT_OF_PROFILE, str(wrong), reason=reason) from wrong


_AGAINST = frozenset(
    {
        Cause.EXPIRED,
        Cause.NOT_YET_VALID,
        Cause.NOT_ISSUED_BY_ISSUER,
        Cause.CERTIFICATE_MALFORMED,
        Cause.REVOKED,
        Cause.ON_HOLD,
        Cause.NEVER_ISSUED,
    }
)
"""What speaks against a certificate, and not only against what was found out about it."""


def _require_in_force(judgement: object, certificate: PathCertificate) -> None:
    if isinstance(judgement, PathReport):
        path = judgement.path
        if path and path.certificates[-1].fingerprint != certificate.fingerprint:
            raise WrongUse("the judge spoke of another certificate than it was asked about")
        against = judgement.outcome is Outcome.INVALID
    elif isinstance(judgement, Report):
        against = judgement.cause in _AGAINST
    else:
        raise WrongUse("a judge returns a PathReport or a Report")
    if not judgement:
        raise SignatureRefused(
            SignatureCause.CERTIFICATE_REFUSED
            if against
            else SignatureCause.CERTIFICATE_UNDETERMINED,
            judgement.cause.value,
        )
