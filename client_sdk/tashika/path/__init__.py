"""Path validation (RFC 5280 section 6): from trust anchors down, without input or output.

::

    report = check_path(
        certificate,
        candidates=intermediates,
        anchors=[TrustAnchor.of(root)],
        source=CrlSource(map(read_list, crls)),
        at=datetime.now(UTC),
    )

JPKI itself has one tier: :func:`tashika.path.tier.issuer_among` is all it needs.
How it works, and where it differs from others: docs/path-validation.md.
"""

from tashika.path.causes import Outcome, PathCause
from tashika.path.certificate import PathCertificate, read_certificate
from tashika.path.checking import check_path
from tashika.path.crls import CrlSource
from tashika.path.demands import (
    ANY_POLICY,
    AnyPolicy,
    Demands,
    ExplicitPolicy,
    ListsSignedBy,
    PolicyMapping,
    TrustAnchor,
)
from tashika.path.lists import RevocationList, read_list
from tashika.path.report import PathReport, ValidPath
from tashika.path.status import (
    InOrder,
    ListUsed,
    NotChecked,
    Settled,
    Status,
    StatusNeed,
    StatusSource,
    Tried,
    Unsettled,
)
from tashika.path.work import WorkLimits

__all__ = [
    "ANY_POLICY",
    "AnyPolicy",
    "CrlSource",
    "Demands",
    "ExplicitPolicy",
    "InOrder",
    "ListUsed",
    "ListsSignedBy",
    "NotChecked",
    "Outcome",
    "PathCause",
    "PathCertificate",
    "PathReport",
    "PolicyMapping",
    "RevocationList",
    "Settled",
    "Status",
    "StatusNeed",
    "StatusSource",
    "Tried",
    "TrustAnchor",
    "Unsettled",
    "ValidPath",
    "WorkLimits",
    "check_path",
    "read_certificate",
    "read_list",
]
