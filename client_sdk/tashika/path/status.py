"""Revocation as a part that composes: what is needed, what may be answered, who answers.

A source answers from what it holds and never fetches. What nobody could
answer stands in the report's ``needs``; get it, and check again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tashika.causes import Explained
from tashika.errors import WrongUse
from tashika.path.building import Chain, Search
from tashika.path.causes import PathCause
from tashika.path.certificate import PathCertificate
from tashika.path.demands import TrustAnchor
from tashika.pki.certid import IssuerIdentity
from tashika.pki.standing import Good, Revoked
from tashika.transport import origin


@dataclass(frozen=True, slots=True, kw_only=True)
class ListUsed:
    """One CRL that an answer rests on, for whoever keeps evidence."""

    sha256: bytes
    this_update: datetime
    next_update: datetime
    number: int | None
    base_number: int | None
    encoded: bytes = field(repr=False)
    """The list itself, in DER."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Tried:
    """One source of revocation data that did not settle the matter, and why."""

    source: str
    """Its URL, or what kind of data it was that the caller brought."""
    about: bytes
    """The SHA-256 of the certificate in question; empty for data about nobody in particular."""
    cause: Explained
    """A Cause of an answer or a fetch, or the PathCause of a list."""
    detail: str = ""

    def __repr__(self) -> str:
        """Name no certificate, and no path: a URL's path may hold a credential."""
        return f"<Tried {origin(self.source)} {self.cause}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Whether one certificate is revoked, from data that the source has verified."""

    standing: Good | Revoked
    evidence: tuple[object, ...] = ()
    """What it rests on: ListUsed for CRLs, whatever another source keeps."""

    def __post_init__(self) -> None:
        if not isinstance(self.standing, Good | Revoked):
            raise WrongUse("a matter is settled by Good or Revoked; Unknown leaves it Unsettled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """Nothing was proved. The cause is STATUS_MISSING, STATUS_STALE or STATUS_UNUSABLE."""

    cause: PathCause
    detail: str = ""


Status = Settled | Unsettled


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StatusNeed:
    """One certificate of a path whose revocation must be known."""

    chain: Chain
    """The path it stands on, itself and what is below included."""
    place: int
    """Where on the path; 0 is next to the anchor."""
    search: Search
    """The check that asks: its certificates, demands and budget."""
    source: "StatusSource"
    """Whom to ask about the signers of revocation data themselves."""
    waiting: frozenset[bytes] = field(default=frozenset())
    """Fingerprints of those whose status is being found out: of signers, in a circle."""

    @property
    def certificate(self) -> PathCertificate:
        """The certificate in question."""
        return self.chain.certificates[self.place]

    @property
    def issuer(self) -> PathCertificate | TrustAnchor:
        """Who issued it, validated."""
        return self.chain.issuer_of(self.place)

    @property
    def identity(self) -> IssuerIdentity:
        """The issuer's name and key, for a CertID."""
        return self.issuer.identity

    @property
    def at(self) -> datetime:
        """The time that the check is about."""
        return self.search.at

    def __repr__(self) -> str:
        return f"<StatusNeed {self.certificate!r} at place {self.place}>"


class StatusSource(Protocol):
    """Answers whether a certificate is revoked, without input or output.

    Whoever answers has verified signature, signer and freshness of its data
    for ``need.at``. May raise BudgetSpent by way of ``need.search.work`` and
    nothing else.
    """

    def status(self, need: StatusNeed, /) -> Status:
        """Answer for one certificate."""
        ...


@dataclass(frozen=True, slots=True)
class InOrder:
    """Asks its sources in turn until one settles the matter.

    Else the first reason stands that is more than silence: that data was bad says more than
    that other data was missing.
    """

    sources: Sequence[StatusSource]

    def status(self, need: StatusNeed) -> Status:
        """Answer with the first that is settled."""
        why = Unsettled(cause=PathCause.STATUS_MISSING)
        for source in self.sources:
            answer = source.status(need)
            if isinstance(answer, Settled):
                return answer
            if why.cause is PathCause.STATUS_MISSING:
                why = answer
        return why


@dataclass(frozen=True, slots=True)
class NotChecked:
    """Takes everything for good, visibly: for test data and for paths judged elsewhere.

    Every answer's evidence says that nobody looked.
    """

    reason: str

    def status(self, need: StatusNeed) -> Status:  # noqa: ARG002 - it looks at nothing
        """Answer Good with the reason for evidence."""
        return Settled(standing=Good(), evidence=(f"not checked: {self.reason}",))
