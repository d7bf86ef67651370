"""The judge: checks a path, says what it wants fetched, and checks again: the page to read first.

Without input or output. Fetching is a driver's business (:mod:`tashika.driving`), and
what the data proves that of the sources, each of which verifies what it holds.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from tashika.causes import Cause
from tashika.errors import PkiError, WrongUse
from tashika.path.causes import Outcome, PathCause
from tashika.path.certificate import Given, as_path_certificate
from tashika.path.checking import check_path
from tashika.path.demands import Demands, TrustAnchor
from tashika.path.report import PathReport
from tashika.status.addresses import AddressBook, Configured
from tashika.status.holdings import Holdings
from tashika.status.policy import RevocationPolicy, WhenSilent
from tashika.status.sets import LocalSet
from tashika.status.stapled import Stapled
from tashika.status.wants import Got, Want

Judging = Generator[tuple[Want, ...], Sequence[Got], PathReport]
"""Yields what it wants, is sent what came for each, and returns the report."""

_SILENCE = frozenset({Cause.UNREACHABLE, Cause.TIMED_OUT, Cause.HTTP_STATUS, Cause.RESTING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a judge goes by, the same for every certificate."""

    policy: RevocationPolicy = field(default_factory=RevocationPolicy)
    demands: Demands = field(default_factory=Demands)
    addresses: AddressBook = field(default_factory=Configured)
    sets: tuple[LocalSet, ...] = ()
    """Compact sets, opened."""
    nonces: Callable[[int], bytes]
    """Returns so many random bytes, such as secrets.token_bytes."""


def judge(
    certificate: Given,
    *,
    candidates: Iterable[Given] = (),
    trust: Iterable[TrustAnchor],
    stapled: Stapled = Stapled(),  # noqa: B008 - frozen
    at: datetime,
    now: datetime | None = None,
    means: Means,
) -> Judging:
    """Judge a certificate at a time, with its path and everybody's revocation on it.

    1. check_path() builds and validates paths, and asks for revocation by what is at hand.
       No URL is asked about a path that does not hold (C9).
    2. Whose revocation is not settled is asked about: one URL each, the next in the
       policy's order. What comes is verified by the source it belongs to, and 1 follows again.
    3. This ends when a path is valid, when none can be, when nobody is left to ask, or
       at the bounds (FetchLimits); the report says all that was tried.
    4. Only by a policy that says so, and only if nobody could be reached at all,
       the report is `tolerated`, which is not valid.

    ``at`` is the time of receipt, or, by Freshness.SINCE_SIGNING, the proved time of an old
    signature; ``now`` is then when it is judged. Raises what check_path() raises, WrongUse.
    """
    if at.tzinfo is None or (now is not None and (now.tzinfo is None or now < at)):
        raise WrongUse("pass times with their zone, and no `now` before `at`")
    holdings = Holdings(
        policy=means.policy,
        book=means.addresses,
        sets=means.sets,
        nonces=means.nonces,
        stapled=stapled,
        now=now or at,
    )
    few = islice(candidates, means.demands.limits.candidates + 1)  # one more spends the budget
    leaf, others, anchors = _read(certificate), [*map(_read, few)], tuple(trust)
    while True:
        # 1
        report = check_path(
            leaf, candidates=others, anchors=anchors, source=holdings, at=at, demands=means.demands
        )
        # 3
        if report.outcome is not Outcome.UNDETERMINED or not holdings.wants:
            return _conclude(report, holdings, means.policy)
        # 2
        holdings.take((yield holdings.wants))


def _read(given: Given) -> Given:
    """Read once what every round needs; what cannot be read is check_path()'s to refuse."""
    try:
        return as_path_certificate(given)
    except PkiError:
        return given


def _conclude(report: PathReport, holdings: Holdings, policy: RevocationPolicy) -> PathReport:
    tried = holdings.tried
    report = replace(report, tried=tried, heard=holdings.heard)
    silent = {each.about for each in tried if each.cause in _SILENCE}
    # 4
    if (
        policy.when_silent is WhenSilent.TOLERATE
        and report.cause is PathCause.STATUS_MISSING
        and all(each.cause in _SILENCE for each in tried)
        and all(need.certificate.fingerprint in silent for need in report.needs)
    ):
        return replace(report, verdict=PathCause.STATUS_TOLERATED)
    return report
