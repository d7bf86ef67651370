"""What a check found: one immutable value that is true only for a good certificate."""

from dataclasses import dataclass
from datetime import UTC, datetime

from tashika.causes import Cause, Status
from tashika.errors import (
    CertificateExpired,
    CertificateNotYetValid,
    CertificateRevoked,
    StatusUndetermined,
    WrongUse,
)
from tashika.ocsp import CheckedAnswer
from tashika.pki.receipt import Receipt
from tashika.pki.standing import Standing
from tashika.transport import origin

_ERRORS = {
    Cause.EXPIRED: CertificateExpired,
    Cause.NOT_YET_VALID: CertificateNotYetValid,
    Cause.REVOKED: CertificateRevoked,
    Cause.ON_HOLD: CertificateRevoked,
    Cause.NEVER_ISSUED: CertificateRevoked,
}


@dataclass(frozen=True, slots=True, repr=False)
class Attempt:
    """One source that was asked and did not settle the matter."""

    url: str
    cause: Cause
    detail: str = ""

    def __repr__(self) -> str:
        return f"<Attempt {origin(self.url)} {self.cause}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Report:
    """The outcome of one check."""

    at: datetime
    """When the check began; the certificate's validity was judged at this time."""
    verdict: CheckedAnswer | Cause
    """The answer, or why there is none. Only a CheckedAnswer makes a report good (C1)."""
    detail: str = ""
    """More about a cause that lies in the certificate or its issuer; names neither."""
    source: str | None = None
    """The URL that gave the answer."""
    tried: tuple[Attempt, ...] = ()
    """The sources that were asked before it, or in vain, in order."""
    remembered: bool = False
    """True where nobody was asked: what was heard before still holds (Policy.cache)."""

    def __post_init__(self) -> None:
        if isinstance(self.verdict, CheckedAnswer):
            return
        if not isinstance(self.verdict, Cause) or self.verdict.status is not Status.UNDETERMINED:
            raise WrongUse("without a CheckedAnswer a report is undetermined")

    @property
    def answer(self) -> CheckedAnswer | None:
        """The answer behind the status, if there is one."""
        return self.verdict if isinstance(self.verdict, CheckedAnswer) else None

    @property
    def cause(self) -> Cause:
        """Why the status is what it is."""
        return self.verdict.cause if isinstance(self.verdict, CheckedAnswer) else self.verdict

    @property
    def status(self) -> Status:
        """Good, revoked or undetermined."""
        return self.cause.status

    def __bool__(self) -> bool:
        """Tell whether the certificate is good."""
        return self.status is Status.GOOD

    def require_good(self) -> None:
        """Raise a NotGood unless the certificate is good."""
        if not self:
            raise _ERRORS.get(self.cause, StatusUndetermined)(self)

    @property
    def standing(self) -> Standing | None:
        """What the responder said, with time and reason of a revocation; None if nobody did."""
        return None if self.answer is None else self.answer.standing

    @property
    def this_update(self) -> datetime | None:
        """The time of the revocation data behind the answer."""
        return None if self.answer is None else self.answer.this_update

    @property
    def next_update(self) -> datetime | None:
        """When newer data will be there."""
        return None if self.answer is None else self.answer.next_update

    @property
    def produced_at(self) -> datetime | None:
        """When the answer was signed."""
        return None if self.answer is None else self.answer.produced_at

    @property
    def receipt(self) -> Receipt | None:
        """The answer's place in the operator's journal, where the agreement has it said."""
        return None if self.answer is None else self.answer.receipt

    @property
    def never_issued(self) -> bool:
        """True where 'revoked' says that the issuer never issued the certificate."""
        return self.cause is Cause.NEVER_ISSUED

    def __repr__(self) -> str:
        """Name neither certificate nor path: a URL's path may hold a credential."""
        at = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        source = f" from {origin(self.source)}" if self.source else ""
        return f"<Report {self.status.name} ({self.cause}) at {at}{source}>"
