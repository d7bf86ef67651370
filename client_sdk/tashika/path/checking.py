"""Check a certificate from the trust anchors down: build, validate, ask about revocation."""

from collections.abc import Iterable
from datetime import datetime

from tashika.errors import PkiError, Unsupported, WrongUse
from tashika.freshness import require_zone
from tashika.path.building import Chain, Search
from tashika.path.causes import Outcome, PathCause
from tashika.path.certificate import Given, PathCertificate, as_path_certificate
from tashika.path.demands import Demands, TrustAnchor
from tashika.path.report import PathReport, ValidPath, seal_path
from tashika.path.status import Settled, StatusNeed, StatusSource, Unsettled
from tashika.path.validation import PathRefused, validate
from tashika.path.work import BudgetSpent
from tashika.pki.standing import Revoked


class _Failed(Exception):
    """Why one path is not valid, with all that its report says."""

    def __init__(
        self,
        cause: PathCause,
        culprit: PathCertificate | None,
        detail: str = "",
        *,
        revoked: Revoked | None = None,
        evidence: tuple[object, ...] = (),
        needs: tuple[StatusNeed, ...] = (),
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.culprit = culprit
        self.detail = detail
        self.revoked = revoked
        self.evidence = evidence
        self.needs = needs


def check_path(
    certificate: Given,
    *,
    candidates: Iterable[Given] = (),
    anchors: Iterable[TrustAnchor],
    source: StatusSource,
    at: datetime,
    demands: Demands = Demands(),  # noqa: B008 - frozen
) -> PathReport:
    """Look for a valid path from a trust anchor to the certificate, without input or output.

    1. The certificate can be read. Candidates that cannot are left out: they
       may come from strangers, and can only add paths.
    2. Paths are built, the likeliest first, within the budget (``demands.limits``).
    3. Each is validated by RFC 5280 6.1, in steps that validate() lists.
    4. Of each certificate of it, ``source`` says whether it is revoked; what is
       not settled leaves the path undetermined.
    5. The first path that passes is the verdict. Otherwise the report tells of
       the path that came nearest: undetermined before revoked before invalid.

    Raises WrongUse for arguments that are no certificates, no anchors or a
    time without a zone, for a source that answers anything else, and nothing else.
    """
    require_zone(at)
    trusted = tuple(anchors)
    if not trusted or not all(isinstance(each, TrustAnchor) for each in trusted):
        raise WrongUse("pass at least one TrustAnchor, such as TrustAnchor.of(certificate)")
    try:
        # 1
        leaf = as_path_certificate(certificate)
    except PkiError as wrong:
        cause = PathCause.UNSUPPORTED if isinstance(wrong, Unsupported) else PathCause.MALFORMED
        return PathReport(at=at, verdict=cause, detail=str(wrong), work={})
    search = Search(trusted, demands, at=at)
    try:
        search.add(candidates)
        verdict = _first_valid(leaf, search, source)
    except BudgetSpent as spent:
        verdict = _Failed(PathCause.BUDGET_SPENT, None, f"WorkLimits.{spent}")
    if isinstance(verdict, ValidPath):
        return PathReport(at=at, verdict=verdict, work=dict(search.work.spent))
    return PathReport(
        at=at,
        verdict=verdict.cause,
        culprit=verdict.culprit.fingerprint if verdict.culprit else None,
        detail=verdict.detail,
        revoked=verdict.revoked,
        evidence=verdict.evidence,
        needs=verdict.needs,
        work=dict(search.work.spent),
    )


def _first_valid(
    leaf: PathCertificate, search: Search, source: StatusSource
) -> ValidPath | _Failed:
    failures: list[_Failed] = []
    refused: list[PathRefused] = []
    # 2
    for chain in search.chains(leaf, refused):
        try:
            # 3
            policies = validate(
                chain.certificates, chain.anchor, search.demands, search.work, at=search.at
            )
            # 4
            statuses = _settle(chain, search, source)
        except PathRefused as wrong:
            failures.append(_Failed(wrong.cause, wrong.culprit, wrong.detail))
        except _Failed as wrong:
            failures.append(wrong)
        else:
            return seal_path(chain, policies, statuses)
    # 5
    failures += [_Failed(each.cause, each.culprit, each.detail) for each in refused]
    return max(failures, key=_nearness, default=_Failed(PathCause.NO_PATH, leaf))


def _settle(chain: Chain, search: Search, source: StatusSource) -> tuple[Settled, ...]:
    needs = [
        StatusNeed(chain=chain, place=place, search=search, source=source)
        for place in range(len(chain.certificates))
    ]
    answers = [(need, source.status(need)) for need in needs]
    for need, answer in answers:
        if not isinstance(answer, Settled | Unsettled):
            raise WrongUse("a StatusSource answers Settled or Unsettled, and nothing else")
        if isinstance(answer, Settled) and isinstance(answer.standing, Revoked):
            raise _Failed(
                PathCause.REVOKED,
                need.certificate,
                revoked=answer.standing,
                evidence=answer.evidence,
            )
    unsettled = [(need, answer) for need, answer in answers if isinstance(answer, Unsettled)]
    if unsettled:
        need, answer = unsettled[0]
        left = tuple(each for each, _ in unsettled)
        raise _Failed(answer.cause, need.certificate, answer.detail, needs=left)
    return tuple(answer for _, answer in answers if isinstance(answer, Settled))


def _nearness(failed: _Failed) -> int:
    if failed.cause.outcome is Outcome.UNDETERMINED:
        return 2
    return 1 if failed.cause is PathCause.REVOKED else 0
