"""One path from an anchor to its end (RFC 5280 6.1), without revocation: the page to read first.

Finding paths is :mod:`tashika.path.building`; revocation, step 6.1.3 (a) (3),
is asked about when everything else holds: :mod:`tashika.path.checking`.
"""

from collections.abc import Sequence
from datetime import datetime

from tashika.path.causes import PathCause
from tashika.path.certificate import PathCertificate
from tashika.path.constraints import ConstraintState
from tashika.path.demands import ANY_POLICY, Demands, TrustAnchor
from tashika.path.policies import PolicyState
from tashika.path.work import Work

_UNDERSTOOD = frozenset(
    {
        "2.5.29.15",  # keyUsage
        "2.5.29.17",  # subjectAltName
        "2.5.29.19",  # basicConstraints
        "2.5.29.30",  # nameConstraints
        "2.5.29.31",  # cRLDistributionPoints
        "2.5.29.32",  # certificatePolicies
        "2.5.29.33",  # policyMappings
        "2.5.29.36",  # policyConstraints
        "2.5.29.37",  # extKeyUsage
        "2.5.29.54",  # inhibitAnyPolicy
    }
)
_EXTENDED_KEY_USAGE, _ANY_PURPOSE = "2.5.29.37", "2.5.29.37.0"


class PathRefused(Exception):
    """A path does not hold; never leaves this package."""

    def __init__(self, cause: PathCause, culprit: PathCertificate | None, detail: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.culprit = culprit
        self.detail = detail


def validate(
    path: Sequence[PathCertificate],
    anchor: TrustAnchor,
    demands: Demands,
    work: Work,
    *,
    at: datetime,
) -> frozenset[str]:
    """Validate a path whose names chain and whose signatures hold; the anchor's side comes first.

    For every certificate

    1. it is in its validity at ``at``, both ends included, without tolerance;
    2. its names are allowed by every CA above;
    3. its policies leave one that holds, where one is needed;
    4. it allows the purpose, and has no critical extension that is not understood;

    and for every one but the last

    5. no more CAs follow than those above allow;
    6. it is a CA's, and may sign certificates;
    7. its own constraints hold from here on.

    Returns the policies that hold under ``demands``. Raises PathRefused and BudgetSpent.
    """
    work.spend("paths")
    policies = PolicyState.begin(len(path), demands, work)
    names = ConstraintState(work)
    names.add(anchor.name_constraints)
    room = len(path) if anchor.path_length is None else anchor.path_length
    for each in path:
        last = each is path[-1]
        # 1
        require_validity(each, at)
        # 2
        if (last or not each.self_issued) and not names.allow(each):
            raise PathRefused(PathCause.NAME_NOT_PERMITTED, each)
        # 3
        policies.take(each, last=last)
        if not policies.holds:
            raise PathRefused(PathCause.POLICY, each)
        # 4
        _require_purpose(each, demands.purpose)
        if each.critical - _UNDERSTOOD:
            raise PathRefused(PathCause.UNKNOWN_CRITICAL_EXTENSION, each)
        if last:
            break
        # 5
        if not each.self_issued:
            if room == 0:
                raise PathRefused(PathCause.PATH_TOO_LONG, each)
            room -= 1
        # 6
        require_issuer(each)
        # 7
        if each.constraints is not None and each.constraints.path_length is not None:
            room = min(room, each.constraints.path_length)
        names.add(each.name_constraints)
        _tighten(policies, each)
    return _conclude(policies, path[-1], demands)


def require_validity(certificate: PathCertificate, at: datetime) -> None:
    """6.1.3 (a) (2)."""
    begins, ends = certificate.validity
    if at < begins:
        raise PathRefused(PathCause.NOT_YET_VALID, certificate)
    if at > ends:
        raise PathRefused(PathCause.EXPIRED, certificate)


def require_issuer(certificate: PathCertificate) -> None:
    """6.1.4 (k) and (n): it is a CA's certificate, for signing certificates."""
    if not certificate.is_ca:
        raise PathRefused(PathCause.NOT_A_CA, certificate)
    if certificate.usage is not None and not certificate.usage.key_cert_sign:
        raise PathRefused(PathCause.KEY_USAGE, certificate)


def _require_purpose(certificate: PathCertificate, purpose: str | None) -> None:
    if certificate.purposes is None:
        return
    allowed = {each.dotted_string for each in certificate.purposes}
    if purpose is None:
        # RFC 5280 4.2.1.12: where it is critical, the purpose must be known to be one of them.
        fits = _EXTENDED_KEY_USAGE not in certificate.critical
    else:
        fits = bool(allowed & {purpose, _ANY_PURPOSE})
    if not fits:
        raise PathRefused(PathCause.PURPOSE, certificate)


def _tighten(policies: PolicyState, certificate: PathCertificate) -> None:
    """6.1.4 (a), (b), (h) to (j): mappings, and how long they and anyPolicy are still allowed."""
    pairs: dict[str, set[str]] = {}
    for own, theirs in certificate.mappings:
        pairs.setdefault(own, set()).add(theirs)
    if any(ANY_POLICY in pair for pair in certificate.mappings):
        raise PathRefused(PathCause.POLICY, certificate, "anyPolicy is mapped")
    policies.map(pairs)
    if not certificate.self_issued:
        policies.explicit = max(policies.explicit - 1, 0)
        policies.mapping = max(policies.mapping - 1, 0)
        policies.any = max(policies.any - 1, 0)
    if (limits := certificate.policy_constraints) is not None:
        if limits.require_explicit_policy is not None:
            policies.explicit = min(policies.explicit, limits.require_explicit_policy)
        if limits.inhibit_policy_mapping is not None:
            policies.mapping = min(policies.mapping, limits.inhibit_policy_mapping)
    if certificate.inhibit_any is not None:
        policies.any = min(policies.any, certificate.inhibit_any.skip_certs)


def _conclude(policies: PolicyState, last: PathCertificate, demands: Demands) -> frozenset[str]:
    """6.1.5."""
    policies.explicit = max(policies.explicit - 1, 0)
    limits = last.policy_constraints
    if limits is not None and limits.require_explicit_policy == 0:
        policies.explicit = 0
    granted = policies.granted(demands.policies)
    if policies.explicit == 0 and not granted:
        raise PathRefused(PathCause.POLICY, last)
    return granted
