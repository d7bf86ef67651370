"""The DER of simulated certificates against domain knowledge of the real ones; asn1crypto reads."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from support import lab
from support.lab import NOON
from tashika.jpki import CheckPurpose, JpkiProfile, Purpose, basic_four
from tashika.pki.profile import POLICY, SIMULATED_POLICY, Family, Hierarchy
from tashika.testing import Jpki
from tashika_server.lab import Algorithm, Policies, World
from tashika_server.lab.authorities import Authority, authority_certificate
from tashika_server.lab.certificates import Style, holder_certificate
from tashika_server.lab.keys import KeyStock
from tashika_server.lab.municipalities import municipalities
from tashika_server.lab.people import synthetic_person
from tashika_server.lab.records import Role
from tashika_server.lab.responders import responder_certificate

FAMILIES = (Family.SIGNATURE, Family.USER_AUTH)
UNIT = {
    Family.SIGNATURE: "JPKI for digital signature",
    Family.USER_AUTH: "JPKI for user authentication",
}
AGENCY = "Japan Agency for Local Authority Information Systems"


def shape(certificate: asn1_x509.Certificate) -> list[tuple[str, bool]]:
    extensions = certificate["tbs_certificate"]["extensions"]
    return [(each["extn_id"].native, each["critical"].native) for each in extensions]


def attributes(name: asn1_x509.Name) -> list[tuple[str, str, str]]:
    """Every attribute with its string type, in order."""
    return [
        (pair["type"].native, pair["value"].chosen.native, type(pair["value"].chosen).__name__)
        for part in name.chosen
        for pair in part
    ]


def expected(*pairs: tuple[str, str]) -> list[tuple[str, str, str]]:
    country = ("country_name", "JP", "PrintableString")
    return [country, *((kind, value, "UTF8String") for kind, value in pairs)]


def value(certificate: asn1_x509.Certificate, extension: str) -> core.Asn1Value:
    return next(
        each["extn_value"].parsed
        for each in certificate["tbs_certificate"]["extensions"]
        if each["extn_id"].native == extension
    )


def ca_name(family: Family) -> list[tuple[str, str, str]]:
    return expected(
        ("organization_name", "JPKI-SIM"),
        ("organizational_unit_name", UNIT[family]),
        ("organizational_unit_name", AGENCY),
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_three_generations_share_one_name_and_nothing_else(world: World, family: Family) -> None:
    records = world.premises.state.certificates(role=Role.AUTHORITY, family=family)
    found = [lab.decoded(record) for record in records]
    assert len(found) == 3
    assert len({each.subject.dump() for each in found}) == 1
    assert len({each.key_identifier for each in found}) == 3
    for each in found:
        assert each.self_signed == "maybe"
        assert attributes(each.subject) == ca_name(family)
        assert shape(each) == [
            ("key_usage", True),
            ("subject_alt_name", False),
            ("basic_constraints", True),
            ("crl_distribution_points", False),
            ("key_identifier", False),
        ]
        assert each.key_usage_value.native == {"key_cert_sign", "crl_sign"}
        assert each.basic_constraints_value.native == {"ca": True, "path_len_constraint": None}
        point = each.crl_distribution_points_value[0]["distribution_point"].chosen[0]
        assert point.chosen == each.subject
        assert all(
            kind == "UTF8String"
            for _, _, kind in attributes(each.subject_alt_name_value[0].chosen)[1:]
        )
        assert each.not_valid_after.strftime("%T") == "14:59:59"
        assert each.not_valid_after - each.not_valid_before > timedelta(days=3650)


def test_a_user_authentication_certificate_has_the_published_shape(world: World) -> None:
    found = lab.decoded(lab.first(world, Family.USER_AUTH))
    assert shape(found) == [
        ("key_usage", True),
        ("extended_key_usage", False),
        ("certificate_policies", True),
        ("issuer_alt_name", False),
        ("crl_distribution_points", False),
        ("authority_information_access", False),
        ("authority_key_identifier", False),
        ("key_identifier", False),
    ]
    assert found.key_usage_value.native == {"digital_signature"}
    assert found.extended_key_usage_value.native == ["client_auth"]
    assert attributes(found.issuer) == ca_name(Family.USER_AUTH)
    (country, common_name) = attributes(found.subject)
    assert country == ("country_name", "JP", "PrintableString")
    assert common_name[0] == "common_name"
    assert len(common_name[1]) == 23
    assert common_name[1][6] == "E"
    assert common_name[1].endswith("14104003A")
    assert found.subject_alt_name_value is None


def test_a_signature_certificate_has_the_published_shape(world: World) -> None:
    record = lab.first(world, Family.SIGNATURE)
    found = lab.decoded(record)
    assert shape(found) == [
        ("key_usage", True),
        ("subject_alt_name", False),
        ("certificate_policies", True),
        ("issuer_alt_name", False),
        ("crl_distribution_points", False),
        ("authority_key_identifier", False),
        ("key_identifier", False),
    ]
    assert found.key_usage_value.native == {"digital_signature", "non_repudiation"}
    places = attributes(found.subject)[:3]
    assert places == expected(
        ("locality_name", "Kanagawa-ken"), ("locality_name", "Yokohama-shi-Naka-ku")
    )
    opaque = attributes(found.subject)[3][1]
    issued = record.not_before + timedelta(hours=9)
    assert len(opaque) == 28
    assert opaque.startswith(issued.strftime("%Y%m%d%H%M%S") + "14104")


def test_the_basic_four_items_stand_in_their_order_as_utf8_strings(world: World) -> None:
    record = lab.first(world, Family.SIGNATURE)
    person = synthetic_person(1, record.person or 0, municipalities(2))
    found = lab.decoded(record).subject_alt_name_value
    items = [(name.chosen["type_id"].dotted, name.chosen["value"]) for name in found]
    arc = "1.2.392.200149.8.5.5"
    texts = {oid: text.parsed for oid, text in items}
    assert list(texts) == [f"{arc}.{number}" for number in (1, 4, 3, 5, 2, 6)]
    assert all(isinstance(text, core.UTF8String) for text in texts.values())
    name, birth, gender, address, *flags = (text.native for text in texts.values())
    assert (name, birth, gender, address) == (
        person.name,
        person.birth_item,
        person.gender,
        person.address,
    )
    assert "\u3000" in name
    assert birth[1:] == person.birth.strftime("%Y%m%d")
    assert address.startswith("神奈川県横浜市中区")
    assert [len(flag) for flag in flags] == [len(name), len(address)]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_issuer_is_named_by_key_name_and_serial_together(world: World, family: Family) -> None:
    record = lab.first(world, family)
    issuer = next(
        lab.decoded(each)
        for each in world.premises.state.certificates(role=Role.AUTHORITY)
        if each.issuer == record.issuer
    )
    aki = lab.decoded(record).authority_key_identifier_value
    assert aki["key_identifier"].native == issuer.key_identifier
    assert aki["authority_cert_issuer"][0].chosen == issuer.subject
    assert aki["authority_cert_serial_number"].native == issuer.serial_number


@pytest.mark.parametrize("family", FAMILIES)
def test_the_crl_is_named_by_municipality_and_nothing_else(world: World, family: Family) -> None:
    points = lab.decoded(lab.first(world, family)).crl_distribution_points_value
    assert len(points) == 1
    assert points[0]["reasons"].native is None
    assert points[0]["crl_issuer"].native is None
    names = points[0]["distribution_point"].chosen
    assert [name.name for name in names] == ["directory_name"]
    assert attributes(names[0].chosen) == expected(
        ("organization_name", "JPKI-SIM"),
        ("organizational_unit_name", UNIT[family]),
        ("organizational_unit_name", "CRL Distribution Points"),
        ("organizational_unit_name", "Kanagawa-ken"),
        ("common_name", "Yokohama-shi-Naka-ku CRLDP"),
    )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("policies", "oids"), [(Policies.SIMULATED, SIMULATED_POLICY), (Policies.REAL, POLICY)]
)
def test_policies_are_simulated_unless_real_ones_are_wanted(
    family: Family, policies: Policies, oids: dict[Family, str]
) -> None:
    authority = p384_authority(family)
    made = holder_certificate(
        synthetic_person(1, 1, municipalities(1)),
        authority.key.public_key(),
        authority=authority,
        serial=2,
        at=NOON,
        not_after=NOON + timedelta(days=1),
        style=Style(policies=policies, responder_url="http://127.0.0.1:8080/ocsp"),
    )
    found = value(
        asn1_x509.Certificate.load(made.public_bytes(Encoding.DER)), "certificate_policies"
    )
    assert [each["policy_identifier"].dotted for each in found] == [oids[family]]
    assert len(found[0]["policy_qualifiers"]) == 1


def test_serials_rise_with_time_across_generations_from_one_counter(world: World) -> None:
    for family in FAMILIES:
        records = world.premises.state.certificates(family=family)
        assert [each.serial for each in records] == list(range(1, len(records) + 1))
        assert sorted(records, key=lambda each: each.not_before) == records
        assert [each.role for each in records].index(Role.AUTHORITY) == 0
    renewed = world.renew(lab.first(world, Family.SIGNATURE), at=NOON)
    assert renewed.serial == records[-1].serial + 1


def test_t20_a_responder_may_sign_answers_and_nothing_else(world: World) -> None:
    for authority in world.premises.authorities():
        for suffix in ("", "-p256"):
            path = world.premises.layout.signer(authority.name + suffix)
            found = x509.load_pem_x509_certificate(path.read_bytes())
            found.verify_directly_issued_by(authority.certificate)
            usages = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
            assert list(usages) == [x509.ExtendedKeyUsageOID.OCSP_SIGNING]
            assert found.extensions.get_extension_for_class(x509.OCSPNoCheck)
            usage = found.extensions.get_extension_for_class(x509.KeyUsage)
            assert usage.critical
            assert usage.value.digital_signature
            assert not usage.value.key_cert_sign
            assert found.not_valid_after_utc - found.not_valid_before_utc <= timedelta(days=30)


def test_a_responder_does_not_outlive_its_issuer() -> None:
    authority = p384_authority(Family.SIGNATURE)
    end = authority.certificate.not_valid_after_utc
    late = responder_certificate(
        authority, "", authority.key.public_key(), serial=2, at=end - timedelta(days=1)
    )
    assert late.not_valid_after_utc == end


def test_openssl_accepts_every_certificate_under_its_own_generation_only(world: World) -> None:
    layout = world.premises.layout
    at = str(int(NOON.timestamp()))
    signers = {
        path: path.stem.removesuffix("-p256") for path in layout.signer("x").parent.glob("*.pem")
    }
    leaves = {layout.certificate(one): one.issuer for one in world.certificates()} | signers
    for path, issuer in leaves.items():
        assert verified(path, layout.issuer(issuer), at)
        stranger = {"1": "2", "2": "3", "3": "1"}[issuer[-1]]
        assert not verified(path, layout.issuer(issuer[:-1] + stranger), at)


def verified(leaf: Path, anchor: Path, at: str) -> bool:
    command = [
        "openssl",
        "verify",
        "-x509_strict",
        "-attime",
        at,
        "-CAfile",
        str(anchor),
        str(leaf),
    ]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_keys_are_rsa_2048_unless_p384_is_asked_for() -> None:
    keys = KeyStock(Algorithm.RSA2048)
    key = keys.take()
    keys.close()
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 2048
    made = authority_certificate(Family.SIGNATURE, key, serial=1, at=NOON)
    assert made.signature_algorithm_oid == x509.SignatureAlgorithmOID.RSA_WITH_SHA256
    p384 = p384_authority(Family.SIGNATURE).certificate
    assert p384.signature_algorithm_oid == x509.SignatureAlgorithmOID.ECDSA_WITH_SHA384
    assert "hypothetical" in Algorithm.P384.label


def p384_authority(family: Family) -> Authority:
    keys = KeyStock(Algorithm.P384)
    key = keys.take()
    keys.close()
    certificate = authority_certificate(family, key, serial=1, at=NOON)
    return Authority(name="one", family=family, certificate=certificate, key=key)


PURPOSES = {
    Family.SIGNATURE: CheckPurpose.SIGNATURE_VERIFICATION,
    Family.USER_AUTH: CheckPurpose.USER_AUTHENTICATION,
}


def test_the_sdks_profile_recognises_every_holders_certificate(world: World) -> None:
    profile = JpkiProfile(
        generations=[
            each.der
            for each in world.premises.state.certificates(role=Role.AUTHORITY)
            if each.family in FAMILIES
        ],
        hierarchy=Hierarchy.SIMULATED,
    )
    for each in world.certificates():
        purpose = Purpose(kind=PURPOSES[each.family], reference="1")
        found = profile.examine(each.der, purpose=purpose, at=NOON)
        assert (found.family, found.policy) == (each.family, SIMULATED_POLICY[each.family])
        if each.family is Family.SIGNATURE:
            person = synthetic_person(1, each.person or 0, municipalities(2))
            four = basic_four(each.der)
            assert (four.name.text, four.birth.day) == (person.name, person.birth)


@pytest.mark.parametrize("family", FAMILIES)
def test_tashika_testing_has_the_same_shape(world: World, family: Family) -> None:
    made = Jpki(at=NOON, generations=1)
    holder, ca = made.issue(family).certificate, made.authority(family).certificate
    encoded = [asn1_x509.Certificate.load(each.public_bytes(Encoding.DER)) for each in (holder, ca)]
    authority = world.premises.state.certificates(role=Role.AUTHORITY, family=family)[0]
    for ours, labs in zip(encoded, (lab.first(world, family), authority), strict=True):
        theirs = lab.decoded(labs)
        assert shape(ours) == shape(theirs)
        assert attributes(ours.issuer) == attributes(theirs.issuer)
        assert [kind for kind, *_ in attributes(ours.subject)] == [
            kind for kind, *_ in attributes(theirs.subject)
        ]
