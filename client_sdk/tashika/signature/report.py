"""What a signature's verification found: one immutable value, true only for a valid one."""

from dataclasses import InitVar, dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Protocol

from tashika.causes import Explained
from tashika.errors import SignatureInvalid, SignatureUndetermined, WrongUse
from tashika.path.causes import Outcome
from tashika.path.report import PathReport
from tashika.report import Report
from tashika.signature.causes import SignatureCause
from tashika.signature.presented import Presented

_SEAL = object()

Judgement = PathReport | Report
"""What a judge says of a certificate: by a path, or by the one tier that JPKI has."""


class KeyUse(Enum):
    """What a certificate's key usage must allow (RFC 5280 4.2.1.3)."""

    SIGNATURE = "signature"
    """The default: digitalSignature or nonRepudiation, as for documents."""
    DECLARATION = "declaration"
    """nonRepudiation: JPKI's certificates for signatures have it, those to log in do not."""
    AUTHENTICATION = "authentication"
    """digitalSignature without nonRepudiation: a certificate to log in with."""


class StatedPurpose(Protocol):
    """A purpose in two parts, such as tashika.jpki's."""

    @property
    def kind(self) -> str:
        """The kind of business."""
        ...

    @property
    def reference(self) -> str:
        """The relying party's own number of it."""
        ...


Purpose = str | StatedPurpose


def purpose_text(purpose: Purpose) -> str:
    """Write a purpose in one line, as evidence has it; WrongUse for what is none."""
    if isinstance(purpose, str):
        return purpose
    try:
        return f"{purpose.kind}: {purpose.reference}"
    except AttributeError as wrong:
        raise WrongUse("a purpose is a text, or has a kind and a reference") from wrong


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class VerifiedSignature:
    """A signature that holds under a certificate in force; only verifying() makes one (C1)."""

    presented: Presented
    fingerprint: bytes
    """SHA-256 of the signer's certificate."""
    recognised: object = None
    """What the profile recognised the certificate as."""
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise WrongUse("a VerifiedSignature comes from verifying() only")


def seal_signature(
    presented: Presented, *, fingerprint: bytes, recognised: object
) -> VerifiedSignature:
    """Declare a signature valid; for verifying() alone."""
    return VerifiedSignature(
        presented=presented, fingerprint=fingerprint, recognised=recognised, seal=_SEAL
    )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SignatureReport:
    """The outcome of verifying one signature."""

    verdict: VerifiedSignature | SignatureCause
    """The signature, or why it is none. Only a VerifiedSignature makes a report valid (C1)."""
    purpose: Purpose
    """What the relying party verified it for (Act art. 19(2), 38(2))."""
    use: KeyUse
    received_at: datetime
    """When the signature was received."""
    at: datetime
    """The time that was judged about."""
    judged_at: datetime
    """When it was judged."""
    detail: str = ""
    """More about the cause; names nobody."""
    reason: Explained | None = None
    """The profile's own cause, where the profile refused."""
    judgement: Judgement | None = None
    """What was found about the certificate; None where the signature failed before that."""
    presented: Presented | None = None
    """What was read; None where it could not be."""

    def __post_init__(self) -> None:
        if isinstance(self.verdict, VerifiedSignature):
            if not self.judgement:
                raise WrongUse("without a certificate in force no report is valid")
        elif not isinstance(self.verdict, SignatureCause) or self.cause is SignatureCause.VALID:
            raise WrongUse("without a VerifiedSignature no report is valid")

    @property
    def cause(self) -> SignatureCause:
        """Why the outcome is what it is."""
        if isinstance(self.verdict, VerifiedSignature):
            return SignatureCause.VALID
        return self.verdict

    @property
    def because(self) -> Explained:
        """The cause to show to people: the certificate's or the profile's where that decided."""
        certificates = (SignatureCause.CERTIFICATE_REFUSED, SignatureCause.CERTIFICATE_UNDETERMINED)
        if self.judgement is None or self.cause not in certificates:
            return self.reason or self.cause
        return self.judgement.cause

    @property
    def outcome(self) -> Outcome:
        """Valid, invalid or undetermined."""
        return self.cause.outcome

    @property
    def recognised(self) -> object:
        """What the profile recognised the certificate as, of a valid signature."""
        return self.verdict.recognised if isinstance(self.verdict, VerifiedSignature) else None

    def __bool__(self) -> bool:
        """Tell whether the signature may be relied on."""
        return self.outcome is Outcome.VALID

    def require_valid(self) -> None:
        """Raise SignatureInvalid or SignatureUndetermined unless the signature is valid."""
        if self.outcome is Outcome.INVALID:
            raise SignatureInvalid(self)
        if self.outcome is Outcome.UNDETERMINED:
            raise SignatureUndetermined(self)

    def __repr__(self) -> str:
        """Name neither signer nor purpose."""
        at = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"<SignatureReport {self.outcome.value} ({self.because}) at {at}>"
