"""Who says whether the signer's certificate is in force: judges, and what they may ask for.

A judge does no input or output. What it wants fetched it yields, and is sent back.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cryptography import x509

from tashika.errors import CertificateRefused, PkiError, WrongUse
from tashika.path import CrlSource, Demands, PathCertificate, TrustAnchor, check_path, read_list
from tashika.path.lists import RevocationList
from tashika.path.report import PathReport
from tashika.path.tier import issuer_among
from tashika.report import Report
from tashika.signature.presented import Stapled
from tashika.signature.report import Judgement


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
    ) -> Generator[object, object, Judgement]:
        """Judge one certificate about the time ``at``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CheckStatus:
    """What one_tier() wants: have a client check this certificate, and send back its Report."""

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
    ) -> Generator[object, object, Report]:
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
    ) -> Generator[object, object, PathReport]:
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
