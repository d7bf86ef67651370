"""Who says whether the signer's certificate is in force: judges, and what they may ask for.

A judge does no input or output. What it wants fetched it yields, and is sent back.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from cryptography import x509

from tashika.errors import CertificateRefused, PkiError, WrongUse
from tashika.path import CrlSource, Demands, PathCertificate, TrustAnchor, check_path, read_list
from tashika.path.lists import RevocationList
from tashika.path.report import PathReport
from tashika.path.tier import issuer_among
from tashika.report import Report
from tashika.signature.report import Judgement
from tashika.status.judging import Judging, Means, judge
from tashika.status.stapled import Stapled


class Judge(Protocol):
    """Says whether a certificate is in force; yields what it wants fetched.

    What is fetched is sent back to it; what that may be is between the judge and whoever
    drives the flow. Returns a PathReport or a Report about this very certificate, true only
    if it is in force, and raises WrongUse only: candidates and stapled data are strangers'.
    """

    def __call__(
        self,
        certificate: PathCertificate,
        /,
        *,
        candidates: Sequence[bytes],
        stapled: Stapled,
        at: datetime,
        now: datetime,
    ) -> Generator[object, Any, Judgement]:
        """Judge one certificate about the time ``at``; it is ``now``, no earlier."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CheckStatus:
    """What OneTier wants: have a client check this certificate, and send back its Report."""

    certificate: x509.Certificate
    issuer: x509.Certificate
    at: datetime
    """The time judged about. A client goes by its own clock."""


@dataclass(frozen=True, slots=True, repr=False)
class OneTier:
    """Judges as JPKI has it: directly under one of the key generations given, and by a client.

    Yields a CheckStatus where the certificate is of one of them. It is judged about the
    client's own time; ``at`` chooses the generation.
    """

    generations: tuple[x509.Certificate | bytes, ...]

    def __call__(
        self,
        certificate: PathCertificate,
        /,
        *,
        candidates: Sequence[bytes],  # noqa: ARG002 - one tier needs no others
        stapled: Stapled,  # noqa: ARG002 - the client asks for itself
        at: datetime,
        now: datetime,  # noqa: ARG002 - the client has a clock
    ) -> Generator[object, Any, Report]:
        """Judge one certificate."""
        try:
            issued = issuer_among(certificate.certificate, self.generations, at=at)
        except CertificateRefused as refused:
            return Report(at=at, verdict=refused.cause, detail=refused.detail)
        wanted = CheckStatus(certificate=certificate.certificate, issuer=issued.issuer, at=at)
        report = yield wanted
        if not isinstance(report, Report):
            raise WrongUse("a CheckStatus is answered with the Report of a client")
        return report


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ByPath:
    """Judges by a path (RFC 5280), and by every source of revocation that its means name.

    Yields tuples of tashika.status.Want, which a client fetches. By a policy of
    Freshness.SINCE_SIGNING ``at`` is the proved time of an old signature.
    """

    anchors: tuple[TrustAnchor, ...]
    means: Means
    candidates: tuple[bytes, ...] = ()
    """Certificates of CAs in between, beside those that come along."""

    def __call__(
        self,
        certificate: PathCertificate,
        /,
        *,
        candidates: Sequence[bytes],
        stapled: Stapled,
        at: datetime,
        now: datetime,
    ) -> Judging:
        """Judge one certificate."""
        return judge(
            certificate,
            candidates=(*self.candidates, *candidates),
            trust=self.anchors,
            stapled=stapled,
            at=at,
            now=now,
            means=self.means,
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ByLists:
    """Judges by a path and by the CRLs at hand: the caller's and those that come along.

    Yields nothing. Lists that cannot be read are left out, as candidates are.
    """

    anchors: tuple[TrustAnchor, ...]
    lists: tuple[bytes, ...] = ()
    candidates: tuple[bytes, ...] = ()
    """Certificates of CAs in between, beside those that come along."""
    demands: Demands = field(default_factory=Demands)

    def __call__(
        self,
        certificate: PathCertificate,
        /,
        *,
        candidates: Sequence[bytes],
        stapled: Stapled,
        at: datetime,
        now: datetime,  # noqa: ARG002 - lists count as they are
    ) -> Generator[object, Any, PathReport]:
        """Judge one certificate."""
        yield from ()
        return check_path(
            certificate,
            candidates=(*self.candidates, *candidates),
            anchors=self.anchors,
            source=CrlSource(_readable((*self.lists, *stapled.lists))),
            at=at,
            demands=self.demands,
        )


def _readable(lists: Iterable[bytes]) -> Iterator[RevocationList]:
    for each in lists:
        try:
            yield read_list(each)
        except PkiError:
            continue
