"""Graphs made to cost: the work is counted, and what would be good without them stays good."""

from collections.abc import Iterable

import pytest
from cryptography import x509

from support.paths import ARC, AT, anchor, issue, mappings, mesh, names, policies, root
from tashika.errors import WrongUse
from tashika.path import (
    Demands,
    ExplicitPolicy,
    NotChecked,
    Outcome,
    PathCause,
    PathReport,
    WorkLimits,
    check_path,
)
from tashika.pki import der

UNCHECKED = NotChecked("these tests are about paths")
LIMITS = WorkLimits()


def check(leaf: bytes, candidates: Iterable[bytes], demands: Demands | None = None) -> PathReport:
    return check_path(
        leaf,
        candidates=candidates,
        anchors=[anchor()],
        source=UNCHECKED,
        at=AT,
        demands=demands or Demands(),
    )


def test_a_plain_path_costs_what_it_is_long():
    report = check(
        issue("EE", by="B"), [issue("A", by="Root", ca=True), issue("B", by="A", ca=True)]
    )
    assert report
    assert report.work == {"candidates": 2, "steps": 3, "signatures": 3, "paths": 1}


def test_loops_of_cross_certificates_end():
    loop = [issue(one, by=other, ca=True) for one, other in ("AB", "BC", "CA")]
    report = check(issue("EE", by="A"), loop)
    assert report.cause is PathCause.NO_PATH
    assert report.work["steps"] == 3


def test_every_ca_certifies_every_other():
    forest = mesh(9)
    report = check(issue("EE", by="Mesh 0"), forest)
    assert (report.outcome, report.cause) == (Outcome.UNDETERMINED, PathCause.BUDGET_SPENT)
    assert report.detail == "WorkLimits.steps"
    assert report.work["steps"] == LIMITS.steps
    assert report.work["signatures"] <= len(forest) + 1


def test_a_path_through_the_forest_is_found_where_the_hint_fits():
    forest = mesh(6)
    report = check(issue("EE", by="Mesh 0"), [*forest, issue("Mesh 5", by="Root", ca=True)])
    assert report
    assert report.work["steps"] <= LIMITS.steps


def test_thousands_of_namesakes_with_other_keys():
    one = issue("CA", by="Root", key="another", ca=True, key_ids=False)
    # 250 keys: so many signatures would have to be tried if no hint led to the right one.
    others = [
        issue("CA", by="Root", key=f"key {each}", ca=True, key_ids=False) for each in range(250)
    ]
    genuine = issue("CA", by="Root", ca=True)
    assert check(issue("EE", by="CA"), [one, *others, genuine])
    lost = check(issue("EE", by="CA", key_ids=False), [one, *others])
    assert lost.cause is PathCause.BUDGET_SPENT
    assert lost.work["signatures"] == LIMITS.signatures


def test_the_same_certificate_thousands_of_times():
    ca = issue("CA", by="Root", ca=True)
    report = check(issue("EE", by="CA"), [ca] * LIMITS.candidates)
    assert report
    assert report.work["steps"] == 2
    assert check(issue("EE", by="CA"), [ca] * (LIMITS.candidates + 1)).detail == (
        "WorkLimits.candidates"
    )


def test_namesakes_of_one_key_cost_one_signature():
    cas = [issue("CA", by="Nobody", ca=True) for _ in range(100)]
    report = check(issue("EE", by="CA"), [*cas, issue("CA", by="Root", ca=True)])
    assert report
    assert report.work["signatures"] == 2


def test_a_namesake_with_the_key_s_bits_and_another_curve_spoils_nothing():
    genuine = issue("CA", by="Root", ca=True)
    p256, other = der.oid("1.2.840.10045.3.1.7"), der.oid("1.2.840.10045.3.1.6")
    fake = genuine.replace(p256, other)
    leaf = issue("EE", by="CA")
    assert check(leaf, [fake]).cause is PathCause.UNSUPPORTED
    assert check(leaf, [fake, genuine])


# --- policies (CVE-2023-0464) -------------------------------------------------------------

EXPLICIT = Demands(explicit_policy=ExplicitPolicy.REQUIRED)


def test_c10_a_policy_tree_that_doubles_at_every_ca():
    """In a tree every node of every level has two children: 2**11 leaves from 11 CAs."""
    both = [(one, other) for one in (1, 2) for other in (1, 2)]
    extra = (policies(1, 2), mappings(*both))
    path = [
        issue(f"CA {each}", by=f"CA {each - 1}" if each else "Root", ca=True, extra=extra)
        for each in range(11)
    ]
    report = check(issue("EE", by="CA 10", extra=[policies(1, 2)]), path, EXPLICIT)
    assert report
    assert report.path
    assert report.path.policies == {f"{ARC}.1", f"{ARC}.2"}
    # Two nodes a level: some units for each, not thousands.
    assert report.work["policies"] < 12 * 16


def test_a_certificate_of_a_thousand_policies_costs_a_thousand_units():
    many = policies(*range(1000))
    path = [
        issue(f"CA {each}", by=f"CA {each - 1}" if each else "Root", ca=True, extra=[many])
        for each in range(3)
    ]
    report = check(issue("EE", by="CA 2", extra=[many]), path, EXPLICIT)
    assert report
    assert 4000 <= report.work["policies"] <= 12_100
    tight = Demands(explicit_policy=ExplicitPolicy.REQUIRED, limits=WorkLimits(policies=3000))
    assert check(issue("EE", by="CA 2", extra=[many]), path, tight).detail == "WorkLimits.policies"


# --- name constraints ---------------------------------------------------------------------


def test_c10_many_names_under_many_constraints():
    constrained = names(permitted=[x509.DNSName(f"{each}.example") for each in range(300)])
    named = (
        x509.SubjectAlternativeName([x509.DNSName(f"{each}.test") for each in range(300)]),
        False,
    )
    ca = issue("CA", by="Root", ca=True, extra=[constrained])
    first = check(issue("EE", by="CA", extra=[named]), [ca])
    assert first.cause is PathCause.NAME_NOT_PERMITTED
    assert first.work["names"] == 300
    hit = x509.SubjectAlternativeName([x509.DNSName("299.example")] * 300), False
    report = check(issue("EE", by="CA", extra=[hit]), [ca])
    assert (report.cause, report.detail) == (PathCause.BUDGET_SPENT, "WorkLimits.names")
    assert report.work["names"] == LIMITS.names


# --- the whole --------------------------------------------------------------------------------


def test_the_worst_of_all_together_stays_within_every_limit():
    forest = mesh(8)
    candidates = [*forest, *forest, root("Mesh 0"), root(), b"0", b"", b"0\x82"]
    report = check(issue("EE", by="Mesh 0"), candidates)
    assert report.outcome is not Outcome.VALID
    for kind, units in report.work.items():
        assert units <= getattr(LIMITS, kind)


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(WrongUse, match=r"WorkLimits\.steps"):
        WorkLimits(steps=0)


def test_the_same_check_spends_the_same():
    forest = mesh(6)
    leaf = issue("EE", by="Mesh 0")
    assert check(leaf, forest).work == check(leaf, forest).work
