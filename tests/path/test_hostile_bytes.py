"""Wrong bytes into every function of the package: documented errors only, and never valid."""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.crls import make_key
from support.mutations import mutants
from support.paths import (
    AT,
    DAY,
    Lists,
    alternative,
    anchor,
    issue,
    names,
    point,
    points,
    policies,
    root,
    scope,
    usage,
)
from tashika.errors import CertificateRefused, WrongUse
from tashika.path import (
    ANY_POLICY,
    CrlSource,
    Demands,
    NotChecked,
    Outcome,
    PathCause,
    PathReport,
    TrustAnchor,
    ValidPath,
    check_path,
    read_certificate,
    read_list,
)
from tashika.path.report import PathReport as Report
from tashika.path.tier import issuer_among, with_links
from tashika.pki import der
from tashika.pki.errors import Malformed, Unsupported
from tashika.signature import SignatureCause

MUTANTS_OF_ONE = 25
URL = x509.UniformResourceIdentifier("http://crl.test/1")
MAPPING = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("2.5.29.33"),
    der.sequence(der.sequence(der.oid("2.25.77.1"), der.oid("2.25.77.2"))),
)
CA = issue(
    "CA",
    by="Root",
    ca=True,
    serial=70,
    extra=[
        policies(1, ANY_POLICY),
        (MAPPING, True),
        (x509.PolicyConstraints(1, 2), True),
        (x509.InhibitAnyPolicy(3), True),
        names(permitted=[x509.DNSName("jp")], excluded=[x509.RFC822Name("bad.jp")]),
    ],
)
LEAF = issue(
    "EE",
    by="CA",
    serial=7,
    extra=[
        policies(2),
        alternative(x509.DNSName("www.jp"), x509.RFC822Name("a@good.jp")),
        points(point(URL), point(crl_issuer="CA")),
        (x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), False),
    ],
)
LIST = Lists(by="CA", extra=(scope(full_name=[URL]),)).crl(8, reason=x509.ReasonFlags.superseded)
ROOT_LIST = Lists(by="Root").crl(9)
deep = settings(
    max_examples=int(os.environ.get("TASHIKA_FUZZ", "3")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
seeds = st.integers(0, 2**32)


def check(leaf: bytes, ca: bytes, listed: bytes) -> PathReport:
    try:
        lists = [read_list(listed)]
    except (Malformed, Unsupported):
        lists = []
    return check_path(
        leaf,
        candidates=[ca],
        anchors=[anchor()],
        source=CrlSource([*lists, read_list(ROOT_LIST)]),
        at=AT,
    )


def test_the_seed_is_valid():
    assert check(LEAF, CA, LIST)


@pytest.mark.parametrize("which", ["leaf", "CA", "list"])
@deep
@given(seed=seeds)
def test_c1_c11_no_mutant_is_valid(which: str, seed: int):
    good = {"leaf": LEAF, "CA": CA, "list": LIST}
    for bad in mutants(good[which], seed, MUTANTS_OF_ONE):
        if bad != good[which]:
            given_ = good | {which: bad}
            report = check(given_["leaf"], given_["CA"], given_["list"])
            assert report.outcome is not Outcome.VALID, bad.hex()


@pytest.mark.parametrize("resigned", ["CA", "leaf"])
@deep
@given(seed=seeds)
def test_c11_mutants_under_a_good_signature(resigned: str, seed: int):
    """What lies behind the signature is reached too: extensions are written wrong, then signed."""
    value = der.sequence(der.sequence(der.oid("2.25.77.1"), der.oid("2.25.77.2")))
    for oid in ("2.5.29.33", "2.5.29.30", "2.5.29.31", "2.5.29.32", "2.5.29.36", "2.5.29.54"):
        for bad in mutants(value, seed, 3):
            odd = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), bad), False
            ca = issue("CA", by="Root", ca=True, extra=[odd] if resigned == "CA" else ())
            leaf = issue("EE", by="CA", extra=[odd] if resigned == "leaf" else ())
            assert isinstance(check(leaf, ca, Lists(by="CA").crl()), Report)


@pytest.mark.parametrize(
    "read",
    [read_certificate, read_list, TrustAnchor.of, lambda data: read_list(data).find((), 1)],
    ids=["certificate", "list", "anchor", "entries"],
)
@deep
@given(noise=st.binary(max_size=60) | st.binary(max_size=60).map(der.sequence), seed=seeds)
def test_c11_readers_refuse_as_documented(read: Callable[[bytes], object], noise: bytes, seed: int):
    for data in (noise, *mutants(CA, seed, 20), *mutants(LIST, seed, 20)):
        try:
            read(data)
        except (Malformed, Unsupported):
            continue
        except BaseException as escaped:
            escaped.add_note(f"input: {data.hex()}")
            raise


@deep
@given(seed=seeds)
def test_c11_the_one_tier_refuses_as_documented(seed: int):
    generations = [root("CA")]
    for bad in mutants(LEAF, seed, 20):
        with pytest.raises(CertificateRefused):
            issuer_among(bad, generations, at=AT + 9 * DAY)
    for bad in mutants(generations[0], seed, 20):
        with suppress(CertificateRefused):
            with_links([bad], [bad], at=AT)


def test_c1_nobody_else_makes_a_valid_report():
    with pytest.raises(WrongUse):
        ValidPath(
            anchor=anchor(),
            certificates=(),
            policies=frozenset(),
            statuses=(),
            seal=object(),
        )
    for forged in (PathCause.VALID, SignatureCause.VALID, "valid", True):
        with pytest.raises(WrongUse):
            PathReport(at=AT, verdict=forged, work={})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"certificate": "a text"},
        {"anchors": []},
        {"anchors": [CA]},
        {"candidates": [5]},
        {"at": datetime(2026, 4, 1)},  # noqa: DTZ001 - the mistake
    ],
)
def test_wrong_arguments_say_what_would_work(wrong: dict[str, object]):
    arguments = {
        "candidates": (),
        "anchors": [anchor()],
        "source": NotChecked("arguments"),
        "at": AT,
    }
    certificate = wrong.pop("certificate", LEAF)
    with pytest.raises(WrongUse, match=r"pass|Demands"):
        check_path(certificate, **(arguments | wrong))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ("policies", "2.5.29.32.0"),
        ("policies", frozenset()),
        ("policies", frozenset({x509.ObjectIdentifier("2.25.1")})),
        ("explicit_policy", "required"),
        ("explicit_policy", True),
        ("policy_mapping", "inhibited"),
        ("any_policy", False),
        ("lists_signed_by", None),
        ("purpose", x509.ExtendedKeyUsageOID.CLIENT_AUTH),
        ("limits", {}),
    ],
)
def test_what_only_looks_like_a_demand_is_refused(setting: str, wrong: object):
    """It would be compared with the choices in vain, and the looser one would hold."""
    with pytest.raises(WrongUse, match=rf"Demands\.{setting}"):
        Demands(**{setting: wrong})  # type: ignore[arg-type]


P256 = asn1_keys.ECDomainParameters(
    name="specified",
    value={
        "version": "ecdpVer1",
        "field_id": {
            "field_type": "prime_field",
            "parameters": 2**256 - 2**224 + 2**192 + 2**96 - 1,
        },
        "curve": {
            "a": bytes.fromhex("ffffffff00000001000000000000000000000000fffffffffffffffffffffffc"),
            "b": bytes.fromhex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
        },
        "base": bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
        "order": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        "cofactor": 1,
    },
)


def test_a_curve_is_named_and_not_spelt_out():
    """RFC 5480 2.1.1, CVE-2020-0601: not even where it is P-256."""
    certificate = asn1_x509.Certificate.load(issue("EE", by="CA"))
    certificate["tbs_certificate"]["subject_public_key_info"]["algorithm"]["parameters"] = P256
    tbs = certificate["tbs_certificate"].dump(force=True)
    certificate["signature_value"] = make_key("CA").sign(tbs, ec.ECDSA(SHA256()))
    with pytest.raises(Unsupported, match="curve"):
        read_certificate(certificate.dump(force=True))


def test_who_is_no_ca_by_its_own_word_is_no_anchor():
    for certificate in (LEAF, issue("CA", by="Root", ca=True, key_usage=usage(lists=True))):
        with pytest.raises(Unsupported, match="a CA's"):
            TrustAnchor.of(certificate)


def test_a_certificate_that_cannot_be_read_is_invalid_and_names_nobody():
    report = check(b"noise", CA, LIST)
    assert (report.outcome, report.cause) == (Outcome.INVALID, PathCause.MALFORMED)
    assert "EE" not in repr(check(LEAF, CA, b"")) + repr(read_certificate(LEAF))
    assert all(cause.meaning.endswith(".") and cause.remedy.endswith(".") for cause in PathCause)
