"""All of NIST's PKITS: every case as expected, or listed with its reason; never both."""

import json
import tomllib
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest

from tashika.path import (
    ANY_POLICY,
    AnyPolicy,
    CrlSource,
    Demands,
    ExplicitPolicy,
    ListsSignedBy,
    Outcome,
    PathCause,
    PathReport,
    PolicyMapping,
    RevocationList,
    TrustAnchor,
    check_path,
    read_list,
)
from tashika.pki.errors import Unsupported

HERE = Path(__file__).parent
DATA = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
CASES: list[dict[str, Any]] = json.loads((HERE / "pkits.json").read_text())["cases"]
EXCEPTIONS = tomllib.loads((HERE / "pkits_exceptions.toml").read_text())
AT = datetime(2026, 4, 1, tzinfo=UTC)
AGE_OF_PKITS = timedelta(days=20 * 365)
STATUS = {PathCause.STATUS_MISSING, PathCause.STATUS_STALE, PathCause.STATUS_UNUSABLE}
INPUTS: dict[str, dict[str, Any]] = {
    "explicit": {"explicit_policy": ExplicitPolicy.REQUIRED},
    "no mapping": {"policy_mapping": PolicyMapping.INHIBITED},
    "no any": {"any_policy": AnyPolicy.INHIBITED},
}


def id_of(case: dict[str, Any]) -> str:
    return f"{case['test']} {case['name']}"


@cache
def certificate(name: str) -> bytes:
    return (DATA / "certs" / name).read_bytes()


@cache
def crl(name: str) -> RevocationList | None:
    try:
        return read_list((DATA / "crls" / name).read_bytes())
    except Unsupported:
        return None  # signed with DSA


@cache
def anchor() -> TrustAnchor:
    return TrustAnchor.of(certificate("TrustAnchorRootCertificate.crt"))


def check(
    case: dict[str, Any], lists_signed_by: ListsSignedBy = ListsSignedBy.ANY_KEY_OF_THE_NAME
) -> PathReport:
    inputs: dict[str, Any] = {"explicit_policy": ExplicitPolicy.AS_ISSUERS_SAY}
    for each in case.get("inputs", ()):
        inputs |= INPUTS[each]
    lists = map(crl, [*case["crls"], "TrustAnchorRootCRL.crl"])
    return check_path(
        certificate(case["leaf"]),
        candidates=map(certificate, case["certificates"]),
        anchors=[anchor()],
        source=CrlSource(each for each in lists if each),
        at=AT,
        demands=Demands(
            policies=frozenset(case.get("policies", [ANY_POLICY])),
            lists_signed_by=lists_signed_by,
            max_age=AGE_OF_PKITS,
            **inputs,
        ),
    )


def kind_of(report: PathReport) -> str:
    if report.cause in STATUS:
        assert report.outcome is Outcome.UNDETERMINED
        return "status"
    return report.cause if report.cause in {PathCause.VALID, PathCause.REVOKED} else "path"


@pytest.mark.parametrize("case", CASES, ids=id_of)
def test_c7_c10_pkits(case: dict[str, Any]):
    report = check(case)
    if id_of(case) in EXCEPTIONS:
        assert kind_of(report) != case["expect"], "an exception that is none: strike it off"
        assert report.cause == EXCEPTIONS[id_of(case)]["answer"]
    else:
        assert kind_of(report) == case["expect"], report.detail


def test_by_default_fewer_are_settled_and_none_wrongly():
    """Where a CA changed its key or signs lists with another, its issuing key's list is missing."""
    # Where the path itself fails, nobody asks about revocation.
    asked = [c for c in CASES if c["expect"] != "path" and id_of(c) not in EXCEPTIONS]
    differ = [
        (case["expect"], kind)
        for case in asked
        if (kind := kind_of(check(case, ListsSignedBy.ISSUING_KEY))) != case["expect"]
    ]
    assert len(differ) == 15
    assert {kind for _, kind in differ} == {"status"}


def test_the_count_of_pkits():
    assert len(CASES) == 246
    assert len({case["test"] for case in CASES}) == 217
    assert set(EXCEPTIONS) <= set(map(id_of, CASES))
    assert len(EXCEPTIONS) == 3
    assert all(each["why"] for each in EXCEPTIONS.values())
    # An exception never lets anything through.
    assert not any(check(case) for case in CASES if id_of(case) in EXCEPTIONS)
