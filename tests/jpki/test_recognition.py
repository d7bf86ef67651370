"""Which certificate this is, strictly: what is not known is refused, with what is wrong."""

from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from support.jpki import (
    AT,
    FAMILIES,
    JPKI,
    PROFILE,
    PURPOSE,
    certificate,
    examine,
    profile,
)
from tashika.causes import Cause
from tashika.errors import CertificateRefused, ProfileRefused, WrongUse
from tashika.jpki import (
    JA,
    REPORTED_POLICIES,
    CertificatePolicy,
    CheckPurpose,
    Family,
    Hierarchy,
    JpkiCause,
    JpkiProfile,
    Medium,
    Purpose,
    Recognised,
)
from tashika.pki import der
from tashika.pki.certid import IssuerIdentity
from tashika.pki.profile import POLICY, SIMULATED_POLICY, BasicItem, authority_name
from tashika.testing import Jpki

SIGNATURE, USER_AUTH = FAMILIES
TEST = Jpki(at=AT, hierarchy=Hierarchy.TEST)
PRODUCTION = Jpki(at=AT, hierarchy=Hierarchy.PRODUCTION)
WITH_REPORTED = (*PROFILE.policies, *REPORTED_POLICIES)


def cause(given: x509.Certificate | bytes, family: Family = SIGNATURE, by=PROFILE) -> JpkiCause:
    with pytest.raises(ProfileRefused) as refused:
        examine(given, family, by)
    return refused.value.cause


def usage(*bits: str) -> x509.KeyUsage:
    everything = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**everything | dict.fromkeys(bits, True))


def policies(*oids: str) -> x509.CertificatePolicies:
    return x509.CertificatePolicies(
        x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in oids
    )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("medium", Medium)
@pytest.mark.parametrize("generation", [0, 1, 2])
def test_every_kind_is_recognised(family: Family, medium: Medium, generation: int):
    found = examine(certificate(family, medium=medium, generation=generation), family)
    assert (found.family, found.medium) == (family, medium)
    assert found.hierarchy is Hierarchy.SIMULATED
    assert found.purpose is PURPOSE[family]
    issuer = JPKI.authority(family, generation).certificate
    assert found.generation.fingerprint == IssuerIdentity.of(issuer).fingerprint
    assert found.generation.since == issuer.not_valid_before_utc


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_certificates_come_in_pem_and_der(encoding: Encoding):
    generations = [each.public_bytes(encoding) for each in JPKI.generations]
    by = profile(generations=generations)
    assert examine(certificate().public_bytes(encoding), SIGNATURE, by).family is SIGNATURE


def test_a_holders_rsa_key_is_recognised():
    jpki = Jpki(at=AT, generations=1, new_key=lambda: rsa.generate_private_key(65537, 2048))
    found = examine(jpki.issue(SIGNATURE).certificate, SIGNATURE, profile(jpki))
    assert found.family is SIGNATURE


# --- hierarchies -------------------------------------------------------------


@pytest.mark.parametrize("jpki", [TEST, JPKI], ids=["test", "simulated"])
def test_a_profile_accepts_production_alone_unless_told(jpki: Jpki):
    by = JpkiProfile(generations=jpki.generations, policies=WITH_REPORTED)
    assert cause(jpki.issue(SIGNATURE).certificate, by=by) is JpkiCause.OTHER_HIERARCHY


def test_a_profile_of_the_test_hierarchy_takes_no_real_card():
    by = profile(TEST, policies=WITH_REPORTED)
    assert examine(TEST.issue(SIGNATURE).certificate, SIGNATURE, by).hierarchy is Hierarchy.TEST
    assert cause(PRODUCTION.issue(SIGNATURE).certificate, by=by) is JpkiCause.OTHER_HIERARCHY


@pytest.mark.parametrize("family", FAMILIES)
def test_production_cards_are_recognised_by_default(family: Family):
    by = JpkiProfile(generations=PRODUCTION.generations)
    found = examine(PRODUCTION.issue(family).certificate, family, by)
    assert (found.policy, found.accounts) == (POLICY[family], ())
    with pytest.raises(WrongUse, match="AccountSecrets"):
        _ = found.account


def test_a_policy_that_is_only_reported_must_be_named():
    phone = PRODUCTION.issue(SIGNATURE, medium=Medium.MOBILE_DEVICE).certificate
    assert cause(phone, by=profile(PRODUCTION)) is JpkiCause.POLICY_UNKNOWN
    found = examine(phone, SIGNATURE, profile(PRODUCTION, policies=WITH_REPORTED))
    assert found.medium is Medium.MOBILE_DEVICE


def test_what_is_not_public_can_be_added_and_is_not_made_up():
    with pytest.raises(WrongUse, match="not public"):
        PRODUCTION.issue(USER_AUTH, medium=Medium.MOBILE_DEVICE)
    told = CertificatePolicy(
        oid="1.2.392.200149.8.5.1.3.99",
        family=USER_AUTH,
        medium=Medium.MOBILE_DEVICE,
        hierarchy=Hierarchy.PRODUCTION,
    )
    phone = PRODUCTION.issue(USER_AUTH, policy=told.oid).certificate
    found = examine(phone, USER_AUTH, profile(PRODUCTION, policies=(told,)))
    assert (found.medium, found.policy) == (Medium.MOBILE_DEVICE, told.oid)


# --- shapes ------------------------------------------------------------------

SIGNING = usage("digital_signature", "content_commitment")
AUTHENTICATING = usage("digital_signature")
CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
BOTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
EVERYTHING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
USAGE, EXTENDED = x509.KeyUsage, x509.ExtendedKeyUsage
POLICIES, NAMES = x509.CertificatePolicies, x509.SubjectAlternativeName
ITEM = x509.SubjectAlternativeName(
    [x509.OtherName(x509.ObjectIdentifier(BasicItem.GENDER), der.wrap(0x0C, b"1"))]
)
OWN = {family: policies(oid) for family, oid in SIMULATED_POLICY.items()}
TWO = policies(SIMULATED_POLICY[SIGNATURE], POLICY[SIGNATURE])
CROSS = policies(SIMULATED_POLICY[USER_AUTH])
WRONG_SHAPES = [
    (SIGNATURE, {USAGE: None}, JpkiCause.KEY_USAGE),
    (SIGNATURE, {USAGE: (SIGNING, False)}, JpkiCause.KEY_USAGE),
    (SIGNATURE, {USAGE: (AUTHENTICATING, True)}, JpkiCause.KEY_USAGE),
    (SIGNATURE, {USAGE: (usage("content_commitment"), True)}, JpkiCause.KEY_USAGE),
    *(
        (SIGNATURE, {USAGE: (usage("digital_signature", "content_commitment", bit), True)}, found)
        for bit in ("key_encipherment", "data_encipherment", "key_agreement", "crl_sign")
        for found in [JpkiCause.KEY_USAGE]
    ),
    (USER_AUTH, {USAGE: None}, JpkiCause.KEY_USAGE),
    (USER_AUTH, {USAGE: (AUTHENTICATING, False)}, JpkiCause.KEY_USAGE),
    (USER_AUTH, {USAGE: (SIGNING, True)}, JpkiCause.KEY_USAGE),
    (SIGNATURE, {EXTENDED: (CLIENT, False)}, JpkiCause.EXTENDED_KEY_USAGE),
    (USER_AUTH, {EXTENDED: None}, JpkiCause.EXTENDED_KEY_USAGE),
    (USER_AUTH, {EXTENDED: (BOTH, False)}, JpkiCause.EXTENDED_KEY_USAGE),
    (USER_AUTH, {EXTENDED: (EVERYTHING, False)}, JpkiCause.EXTENDED_KEY_USAGE),
    (SIGNATURE, {POLICIES: None}, JpkiCause.POLICY_SHAPE),
    (SIGNATURE, {POLICIES: (OWN[SIGNATURE], False)}, JpkiCause.POLICY_SHAPE),
    (SIGNATURE, {POLICIES: (TWO, True)}, JpkiCause.POLICY_SHAPE),
    (SIGNATURE, {POLICIES: (policies("2.5.29.32.0"), True)}, JpkiCause.POLICY_UNKNOWN),
    (SIGNATURE, {POLICIES: (CROSS, True)}, JpkiCause.POLICY_CONTRADICTS_ISSUER),
    (USER_AUTH, {POLICIES: (OWN[SIGNATURE], True)}, JpkiCause.POLICY_CONTRADICTS_ISSUER),
    (
        SIGNATURE,
        {POLICIES: (policies(POLICY[SIGNATURE]), True)},
        JpkiCause.POLICY_CONTRADICTS_ISSUER,
    ),
    (SIGNATURE, {NAMES: None}, JpkiCause.ITEMS_MISPLACED),
    (
        SIGNATURE,
        {NAMES: (x509.SubjectAlternativeName([x509.DNSName("a.test")]), False)},
        JpkiCause.ITEMS_MISPLACED,
    ),
    (USER_AUTH, {NAMES: (ITEM, False)}, JpkiCause.ITEMS_MISPLACED),
]


@pytest.mark.parametrize(("family", "instead", "expected"), WRONG_SHAPES)
def test_an_unknown_shape_is_refused(family: Family, instead: dict, expected: JpkiCause):
    assert cause(certificate(family, instead=instead), family) is expected


@pytest.mark.parametrize("critical", [False, True])
def test_an_unknown_extension_is_refused_only_where_it_is_critical(*, critical: bool):
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.9"), der.NULL)
    given = certificate(instead={x509.UnrecognizedExtension: (unknown, critical)})
    if not critical:
        assert examine(given)
        return
    with pytest.raises(CertificateRefused, match=r"2\.25\.9"):
        examine(given)


def test_the_refusal_says_what_is_wrong():
    with pytest.raises(ProfileRefused, match=r"\(digital_signature, not critical\)"):
        examine(certificate(USER_AUTH, instead={USAGE: (AUTHENTICATING, False)}), USER_AUTH)
    with pytest.raises(ProfileRefused, match=r"\(2\.5\.29\.32\.0\)"):
        examine(certificate(policy="2.5.29.32.0"))
    with pytest.raises(ProfileRefused, match=r"\(JPKI-TEST, not JPKI-SIM\)"):
        examine(TEST.issue(SIGNATURE).certificate)


def forged(builder_change, family: Family = SIGNATURE) -> x509.Certificate:
    """Sign again with the CA's key, something else than extensions being different."""
    good, ca = certificate(family), JPKI.authority(family)
    builder = (
        x509.CertificateBuilder()
        .subject_name(good.subject)
        .not_valid_before(good.not_valid_before_utc)
        .not_valid_after(good.not_valid_after_utc)
    )
    for each in good.extensions:
        builder = builder.add_extension(each.value, each.critical)
    return builder_change(builder, good, ca).sign(ca.key, SHA256())


def test_a_key_of_another_kind_is_refused():
    odd = forged(
        lambda builder, good, ca: (
            builder.issuer_name(good.issuer)
            .serial_number(good.serial_number)
            .public_key(ed25519.Ed25519PrivateKey.generate().public_key())
        )
    )
    assert cause(odd) is JpkiCause.KEY


@pytest.mark.parametrize(
    "name",
    [
        authority_name(SIGNATURE, Hierarchy.SIMULATED).rdns[:3],
        authority_name(SIGNATURE, Hierarchy.SIMULATED).rdns[::-1],
        [x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, "JPKI")])],
    ],
    ids=["shorter", "another order", "another name"],
)
def test_an_issuer_of_another_name_is_no_jpki_ca(name: list):
    odd = forged(
        lambda builder, good, ca: (
            builder.issuer_name(x509.Name(name))
            .serial_number(good.serial_number)
            .public_key(good.public_key())
        )
    )
    assert cause(odd) is JpkiCause.NOT_JPKI


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_serial_number_that_is_not_positive_is_refused():
    good = asn1_x509.Certificate.load(certificate().public_bytes(Encoding.DER))
    good["tbs_certificate"]["serial_number"] = -5
    assert cause(x509.load_der_x509_certificate(good.dump(force=True))) is JpkiCause.MALFORMED


# --- the issuer's key and the time -------------------------------------------


def test_names_alone_are_worth_nothing():
    impostor = Jpki(at=AT)
    with pytest.raises(CertificateRefused) as refused:
        examine(impostor.issue(SIGNATURE).certificate)
    assert refused.value.cause is Cause.NOT_ISSUED_BY_ISSUER


def test_the_generation_must_be_trusted():
    second = [JPKI.authority(SIGNATURE, 1).certificate]
    by = profile(generations=second)
    assert examine(certificate(generation=1), SIGNATURE, by)
    with pytest.raises(CertificateRefused):
        examine(certificate(generation=2), SIGNATURE, by)


def test_c1_a_tampered_certificate_is_never_recognised():
    good = certificate().public_bytes(Encoding.DER)
    for place in range(-70, 0, 7):
        bad = bytearray(good)
        bad[place] ^= 1
        with pytest.raises((CertificateRefused, ProfileRefused)):
            examine(bytes(bad))


def test_c1_nobody_else_makes_a_recognised():
    found = examine(certificate())
    values = {name: getattr(found, name) for name in Recognised.__slots__}
    with pytest.raises(WrongUse, match="examine"):
        Recognised(**values, seal=object())


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 7, 1, 14, 59, 59, tzinfo=UTC), None),
        (datetime(2026, 7, 1, 15, 0, 0, tzinfo=UTC), Cause.EXPIRED),
        (AT - timedelta(days=31), Cause.NOT_YET_VALID),
    ],
)
def test_the_validity_ends_with_the_day_in_japan(at: datetime, expected: Cause | None):
    end = datetime(2026, 7, 1, 14, 59, 59, tzinfo=UTC)
    given = certificate(ends=end - AT)
    if expected is None:
        assert examine(given, at=at).at == at
        return
    with pytest.raises(CertificateRefused) as refused:
        examine(given, at=at)
    assert refused.value.cause is expected


# --- purposes ----------------------------------------------------------------

FITS = {
    (CheckPurpose.SIGNATURE_VERIFICATION, SIGNATURE),
    (CheckPurpose.CURRENT_STATUS, SIGNATURE),
    (CheckPurpose.USER_AUTHENTICATION, USER_AUTH),
}


@pytest.mark.parametrize("kind", CheckPurpose)
@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_serves_its_own_purposes(kind: CheckPurpose, family: Family):
    purpose = Purpose(kind=kind, reference="1")
    if (kind, family) in FITS:
        found = PROFILE.examine(certificate(family), purpose=purpose, at=AT)
        assert found.purpose == purpose
        return
    with pytest.raises(ProfileRefused) as refused:
        PROFILE.examine(certificate(family), purpose=purpose, at=AT)
    assert refused.value.cause is JpkiCause.WRONG_FAMILY


@pytest.mark.parametrize("reference", ["", " ", "x" * 101, "a\nb", "a\x00", 4711, None])
def test_a_reference_is_short_and_printable(reference: object):
    with pytest.raises(WrongUse, match="your own number"):
        Purpose(kind=CheckPurpose.CURRENT_STATUS, reference=reference)  # type: ignore[arg-type]


def test_a_check_without_purpose_or_zone_is_wrong_use():
    with pytest.raises(WrongUse, match="Purpose"):
        PROFILE.examine(certificate(), purpose="signature", at=AT)  # type: ignore[arg-type]
    with pytest.raises(WrongUse, match="zone"):
        PROFILE.examine(certificate(), purpose=PURPOSE[SIGNATURE], at=AT.replace(tzinfo=None))
    with pytest.raises(WrongUse, match="CheckPurpose"):
        Purpose(kind="current-status", reference="1")  # type: ignore[arg-type]


def test_a_profile_that_contradicts_itself_is_wrong_use():
    with pytest.raises(WrongUse, match="one OID"):
        profile(policies=(*PROFILE.policies, PROFILE.policies[0]))
    with pytest.raises(WrongUse, match="one of Hierarchy"):
        profile(hierarchy="JPKI")
    with pytest.raises(WrongUse, match="cannot be read"):
        profile(generations=[b"nonsense"])


# --- words -------------------------------------------------------------------


@pytest.mark.parametrize("each", JpkiCause)
def test_every_cause_speaks_english_and_japanese(each: JpkiCause):
    assert each.meaning.endswith(".")
    assert each.remedy.endswith(".")
    meaning, remedy = JA[each]
    assert meaning.endswith("。")
    assert remedy.endswith("。")
    assert set(JA) == set(JpkiCause)
