"""Paths through cross-certificates, as by a bridge, and what one certificate allows."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from support.paths import ARC, AT, anchor, issue, mappings, named, names, policies, usage
from tashika.path import (
    Demands,
    ExplicitPolicy,
    NotChecked,
    PathCause,
    PathReport,
    PolicyMapping,
    TrustAnchor,
    check_path,
)

TO_BRIDGE = (policies(1), mappings((1, 2)))
FROM_BRIDGE = (policies(2), mappings((2, 3)))
MINISTRY = [
    issue("Bridge", by="Root", ca=True, extra=TO_BRIDGE),
    issue("Ministry", by="Bridge", ca=True, extra=FROM_BRIDGE),
]
BACK = [
    issue("Root", by="Bridge", ca=True, extra=[policies(2), mappings((2, 1))]),
    issue("Bridge", by="Ministry", ca=True, extra=[policies(3), mappings((3, 2))]),
    issue("Prefecture", by="Bridge", ca=True, extra=[policies(2), mappings((2, 9))]),
]
OFFICE = issue("Office", by="Ministry", extra=[policies(3)])
OF_THE_ROOT = Demands(policies=frozenset({f"{ARC}.1"}), explicit_policy=ExplicitPolicy.REQUIRED)


def check(
    certificate: bytes,
    candidates: Iterable[bytes],
    demands: Demands = OF_THE_ROOT,
    anchors: Iterable[TrustAnchor] | None = None,
) -> PathReport:
    return check_path(
        certificate,
        candidates=candidates,
        anchors=anchors or [anchor()],
        source=NotChecked("these tests are about paths"),
        at=AT,
        demands=demands,
    )


def test_an_office_is_reached_through_the_bridge():
    report = check(OFFICE, [*BACK, *MINISTRY])
    assert report.path
    assert [each.encoded for each in report.path.certificates] == [*MINISTRY, OFFICE]
    assert report.path.policies == {f"{ARC}.1"}


def test_the_same_office_is_reached_from_the_other_side():
    from_ministry = Demands(
        policies=frozenset({f"{ARC}.3"}), explicit_policy=ExplicitPolicy.REQUIRED
    )
    report = check(OFFICE, [*BACK, *MINISTRY], from_ministry, [anchor("Ministry")])
    assert report.path
    assert len(report.path.certificates) == 1


def test_a_policy_that_is_not_mapped_through_is_not_granted():
    other = issue("Office", by="Ministry", extra=[policies(7)])
    assert check(other, MINISTRY).cause is PathCause.POLICY
    inhibited = Demands(
        policies=OF_THE_ROOT.policies,
        explicit_policy=ExplicitPolicy.REQUIRED,
        policy_mapping=PolicyMapping.INHIBITED,
    )
    assert check(OFFICE, MINISTRY, inhibited).cause is PathCause.POLICY


def test_a_policy_that_is_named_is_demanded():
    other = issue("Office", by="Ministry", extra=[policies(7)])
    only = Demands(policies=OF_THE_ROOT.policies)
    assert check(OFFICE, MINISTRY, only)
    assert check(other, MINISTRY, only).cause is PathCause.POLICY
    assert check(issue("Office", by="Ministry"), MINISTRY, only).cause is PathCause.POLICY
    # RFC 5280's own default accepts what has no policy at all, whatever is named.
    as_issuers_say = replace(only, explicit_policy=ExplicitPolicy.AS_ISSUERS_SAY)
    assert check(other, MINISTRY, as_issuers_say)


def test_the_bridge_is_kept_to_its_length_and_names():
    short = issue("Bridge", by="Root", ca=True, path_length=0, extra=TO_BRIDGE)
    assert check(OFFICE, [short, MINISTRY[1]]).cause is PathCause.PATH_TOO_LONG
    foreign = names(excluded=[x509.DirectoryName(named("Office"))])
    narrow = issue("Bridge", by="Root", ca=True, extra=[*TO_BRIDGE, foreign])
    assert check(OFFICE, [narrow, MINISTRY[1]]).cause is PathCause.NAME_NOT_PERMITTED
    # Another cross-certificate for the same bridge leads round both.
    assert check(OFFICE, [short, narrow, *MINISTRY])


def test_a_link_between_key_generations_costs_no_length():
    link = issue("CA", by="CA", key="CA new", by_key="CA", ca=True)
    ca = issue("CA", by="Root", ca=True, path_length=0)
    leaf = issue("EE", by="CA", by_key="CA new")
    assert check(leaf, [ca, link], Demands())


# --- one certificate ----------------------------------------------------------------------------

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


@pytest.mark.parametrize(
    ("stated", "critical", "wanted", "cause"),
    [
        ([CLIENT], False, None, PathCause.VALID),
        ([CLIENT], True, None, PathCause.PURPOSE),
        ([CLIENT], True, CLIENT, PathCause.VALID),
        ([CLIENT], False, SERVER, PathCause.PURPOSE),
        ([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], False, SERVER, PathCause.VALID),
        ([], False, SERVER, PathCause.VALID),
    ],
)
def test_purposes(stated: list, critical: bool, wanted: Any, cause: PathCause):  # noqa: FBT001
    extra = [(x509.ExtendedKeyUsage(stated), critical)] if stated else []
    demands = Demands(purpose=wanted.dotted_string if wanted else None)
    assert check(issue("EE", by="Root", extra=extra), [], demands).cause is cause


@pytest.mark.parametrize(
    ("different", "cause"),
    [
        ({"ca": False, "key_usage": usage(certificates=True)}, PathCause.NOT_A_CA),
        ({"ca": True, "key_usage": usage(lists=True)}, PathCause.KEY_USAGE),
        ({"ca": True, "signed_by": "somebody"}, PathCause.BAD_SIGNATURE),
        ({"ca": True, "ends": AT - AT - AT.resolution}, PathCause.EXPIRED),
        (
            {
                "ca": True,
                "extra": [
                    (x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.5"), b"\x05\x00"), True)
                ],
            },
            PathCause.UNKNOWN_CRITICAL_EXTENSION,
        ),
    ],
)
def test_c1_an_issuer_that_is_not_in_order_is_to_blame(different: dict[str, Any], cause: PathCause):
    ca = issue("CA", by="Root", **different)
    report = check(issue("EE", by="CA"), [ca], Demands())
    assert report.cause is cause
    assert report.culprit == x509.load_der_x509_certificate(ca).fingerprint(SHA256())
