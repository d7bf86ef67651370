"""From what the index found to what is said of one certificate, by stated policy.

Not for finding anything, and not for the wire: every branch here is a rule of the service.
"""

from datetime import datetime, timedelta
from typing import Final

from tashika.pki.certid import CertId
from tashika.pki.response import SingleResponse
from tashika.pki.standing import Good, Revoked, Standing, Unknown
from tashika_server.index import Finding
from tashika_server.issuer import Issuer, NeverIssued, WithoutRegister
from tashika_server.refusal import NotLoaded, StatusStale
from tashika_server.signing import NEVER_ISSUED

__all__ = ["FOREIGN_FOR", "judge", "judge_foreign"]

FOREIGN_FOR = timedelta(minutes=5)
"""How long "not ours" holds. No CRL bounds it, and a newly served issuer should not wait long."""

_new: Final = tuple.__new__
"""For the hot path: to call a NamedTuple takes three times as long, even where it is compiled."""


def judge(
    cert_id: CertId, finding: Finding, issuer: Issuer, *, signer_end: datetime, at: datetime
) -> SingleResponse:
    """Say what the index's finding means; raises NotLoaded and StatusStale.

    thisUpdate is the time of the source, never of signing. nextUpdate is the source's too,
    unless the signer's certificate ends earlier (T17). Between the two the answer stands,
    however old, because the issuer itself vouches until then; after it nothing is said (T33).
    Whether data may come from a little ahead of our clock was settled when it was taken in.
    """
    coverage = finding.coverage
    if coverage is None:
        raise NotLoaded
    next_update = min(coverage.next_update, signer_end)
    if at >= next_update:
        raise StatusStale
    standing = _standing(finding, issuer)
    cutoff = at - issuer.archive_cutoff if issuer.archive_cutoff else None
    told = cert_id, standing, coverage.this_update, next_update, cutoff
    return _new(SingleResponse, told)


def judge_foreign(cert_id: CertId, *, signer_end: datetime, at: datetime) -> SingleResponse:
    """Say "unknown" of a certificate whose issuer is not served here (RFC 6960 2.2)."""
    return SingleResponse(
        cert_id=cert_id,
        standing=Unknown(),
        this_update=at,
        next_update=min(at + FOREIGN_FOR, signer_end),
        archive_cutoff=None,
    )


def _standing(finding: Finding, issuer: Issuer) -> Standing:
    """Rule: 'good' needs evidence, or the policy that the issuer's configuration states.

    That policy is for issuers without a register; it is no stand-in for one that is late.
    """
    if (entry := finding.entry) is not None:
        return _new(Revoked, (entry.revoked_at, entry.reason, entry.invalid_since))
    if finding.issued is None:
        if issuer.register is not None:
            raise NotLoaded
        return Good() if issuer.without_register is WithoutRegister.GOOD else Unknown()
    if finding.issued:
        return Good()
    return NEVER_ISSUED if issuer.never_issued is NeverIssued.EXTENDED_REVOKED else Unknown()
