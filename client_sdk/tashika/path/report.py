"""What a path check found: one immutable value that is true only for a valid path."""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from datetime import UTC, datetime

from tashika.errors import WrongUse
from tashika.path.building import Chain
from tashika.path.causes import Outcome, PathCause
from tashika.path.certificate import PathCertificate
from tashika.path.demands import TrustAnchor
from tashika.path.status import Settled, StatusNeed, Tried
from tashika.pki.standing import Revoked

_SEAL = object()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ValidPath:
    """A path that holds, each certificate of it in force; only check_path makes one (C1)."""

    anchor: TrustAnchor
    certificates: tuple[PathCertificate, ...]
    """From the anchor's side down to the certificate checked."""
    policies: frozenset[str]
    """The demanded policies that hold along it."""
    statuses: tuple[Settled, ...]
    """Beside each certificate, what was said of its revocation."""
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise WrongUse("a ValidPath comes from check_path() only")


def seal_path(chain: Chain, policies: frozenset[str], statuses: tuple[Settled, ...]) -> ValidPath:
    """Declare a path valid; for check_path() alone."""
    return ValidPath(
        anchor=chain.anchor,
        certificates=chain.certificates,
        policies=policies,
        statuses=statuses,
        seal=_SEAL,
    )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PathReport:
    """The outcome of one path check."""

    at: datetime
    """The time that it is about."""
    verdict: ValidPath | PathCause
    """The path, or why there is none."""
    culprit: bytes | None = None
    """The SHA-256 of the certificate that is to blame, where one is."""
    detail: str = ""
    """More about the cause; names nobody."""
    revoked: Revoked | None = None
    """Since when and why, where the cause is REVOKED."""
    evidence: tuple[object, ...] = ()
    """What says so, where the cause is REVOKED; of a valid path its statuses have it."""
    needs: tuple[StatusNeed, ...] = ()
    """Whose revocation nobody could tell; get the data and check again."""
    tried: tuple[Tried, ...] = ()
    """The sources that were asked in vain, in order, where somebody fetched (tashika.status)."""
    heard: tuple[object, ...] = ()
    """The answers to what was asked (tashika.status.Heard), those that did not help too."""
    work: Mapping[str, int]
    """What was spent, by the names of WorkLimits."""

    def __post_init__(self) -> None:
        if isinstance(self.verdict, ValidPath):
            return
        if not isinstance(self.verdict, PathCause) or self.cause is PathCause.VALID:
            raise WrongUse("without a ValidPath no report is valid")

    @property
    def path(self) -> ValidPath | None:
        """The path behind a valid outcome."""
        return self.verdict if isinstance(self.verdict, ValidPath) else None

    @property
    def cause(self) -> PathCause:
        """Why the outcome is what it is."""
        return PathCause.VALID if isinstance(self.verdict, ValidPath) else self.verdict

    @property
    def outcome(self) -> Outcome:
        """Valid, invalid or undetermined."""
        return self.cause.outcome

    @property
    def tolerated(self) -> bool:
        """True where a soft-fail policy lets pass that nobody could be asked; never valid."""
        return self.cause is PathCause.STATUS_TOLERATED

    def __bool__(self) -> bool:
        """Tell whether the certificate may be relied on."""
        return self.outcome is Outcome.VALID

    def __repr__(self) -> str:
        """Name no certificate."""
        at = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"<PathReport {self.outcome.value} {self.cause} at {at}>"
