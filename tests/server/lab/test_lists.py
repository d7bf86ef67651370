"""The published CRLs: their shape, and what OpenSSL, pkilint, asn1crypto and our reader say."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import crl as asn1_crl
from cryptography import x509

from support import lab
from support.lab import NOON
from tashika.pki.crl import parse_crl
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.lab import Cause, Certificate, Order, World, found_world

LINT = """
import sys
from pkilint.bin.lint_crl import main
options = ["lint", "-t", "CRL", "-p", "PKIX", "-s", "WARNING"]
sys.exit(sum(main([*options, path]) for path in sys.argv[1:]))
"""
ONE_SECOND = timedelta(seconds=1)


@pytest.fixture
def busy(world: World) -> World:
    """A world in which every reason occurs."""
    people = [world.issue(at=NOON) for _ in range(6)]
    since = NOON - timedelta(days=2)
    world.revoke(people[0][0], Cause.KEY_COMPROMISE, at=NOON, invalid_since=since)
    world.revoke(people[1][0], Cause.RECORD_ERROR, at=NOON)
    world.revoke(people[2][1], Cause.CHANGE_OF_ITEMS, at=NOON)
    world.revoke(people[3][0], Cause.REMOVAL_OF_RECORD, at=NOON)
    world.renew(people[4][1], at=NOON)
    world.hold(people[5][0], at=NOON)
    oldest = next(one for one in world.certificates() if one.issuer == "user-auth-g1")
    world.revoke(oldest, Cause.ISSUER_KEY_COMPROMISE, at=NOON)
    world.publish(at=NOON + ONE_SECOND)
    return world


def lists(world: World) -> list[Path]:
    return sorted(world.premises.layout.published.rglob("*.crl"))


def test_there_is_one_list_for_each_generation_and_municipality(world: World) -> None:
    names = {(path.parent.name, path.stem) for path in lists(world)}
    assert names == {
        (f"{family}-g{generation}", code)
        for family in ("signature", "user-auth")
        for generation in (1, 2, 3)
        for code in ("13113", "14104")
    }


def test_a_list_has_the_shape_of_its_profile(busy: World) -> None:
    found = asn1_crl.CertificateList.load(lists(busy)[0].read_bytes())
    assert found["tbs_cert_list"]["version"].native == "v2"
    extensions = found["tbs_cert_list"]["crl_extensions"]
    assert [(each["extn_id"].native, each["critical"].native) for each in extensions] == [
        ("authority_key_identifier", False),
        ("crl_number", False),
        ("issuing_distribution_point", True),
    ]
    scope = found.issuing_distribution_point_value
    assert not scope["indirect_crl"].native
    assert not scope["only_contains_user_certs"].native
    assert scope["only_some_reasons"].native is None
    updates = found["tbs_cert_list"]
    assert updates["next_update"].native - updates["this_update"].native == timedelta(days=2)


def test_a_list_names_the_very_point_that_the_certificates_name(busy: World) -> None:
    for certificate in busy.certificates():
        ours = lab.decoded(certificate).crl_distribution_points_value[0]["distribution_point"]
        theirs = asn1_crl.CertificateList.load(path_of(busy, certificate).read_bytes())
        point = theirs.issuing_distribution_point_value["distribution_point"]
        assert point.chosen[0].chosen.dump() == ours.chosen[0].chosen.dump()


def path_of(world: World, certificate: Certificate) -> Path:
    return world.premises.layout.crl(certificate.issuer, certificate.municipality or "")


def test_entries_say_why_and_since_when(busy: World) -> None:
    reasons = {
        one.name: parsed.reason
        for one in busy.certificates()
        for parsed in parse_crl(path_of(busy, one).read_bytes()).entries()
        if parsed.serial == one.serial
    }
    assert set(reasons.values()) == {
        Reason.KEY_COMPROMISE,
        None,  # unspecified is left out: RFC 5280 5.3.1
        Reason.AFFILIATION_CHANGED,
        Reason.CESSATION_OF_OPERATION,
        Reason.SUPERSEDED,
        Reason.CERTIFICATE_HOLD,
        Reason.CA_COMPROMISE,
    }
    dated = [
        entry
        for path in lists(busy)
        for entry in parse_crl(path.read_bytes()).entries()
        if entry.invalid_since
    ]
    assert [entry.invalid_since for entry in dated] == [NOON - timedelta(days=2)]
    assert [entry.reason for entry in dated] == [Reason.KEY_COMPROMISE]


def test_our_reader_takes_every_list_and_its_scope(busy: World) -> None:
    for authority in busy.premises.authorities():
        table = busy.premises.layout.issuer(authority.name).with_suffix(".csv").read_text()
        for path in lists(busy):
            if path.parent.name == authority.name:
                read = parse_crl(path.read_bytes())
                assert read.unknown_critical == ()
                assert read.scope
                assert f'lab:/crl/{authority.name}/{path.name},"{read.scope.names[0]}"' in table
                ski = authority.certificate.extensions.get_extension_for_class(
                    x509.SubjectKeyIdentifier
                )
                assert read.authority_key_id == ski.value.digest


def test_pkilint_finds_nothing_wrong(busy: World) -> None:
    lint(*(path for path in lists(busy) if x509.load_der_x509_crl(path.read_bytes())))


def test_pkilint_finds_nothing_wrong_with_the_lawful_algorithm(tmp_path: Path) -> None:
    with found_world(tmp_path, Order(people=1, municipalities=1), at=NOON) as world:
        certificate = lab.first(world, Family.SIGNATURE)
        world.revoke(certificate, Cause.KEY_COMPROMISE, at=NOON, invalid_since=NOON)
        world.publish(at=NOON)
        lint(path_of(world, certificate))
        listed = lab.crl_of(world, certificate)
        assert listed.signature_algorithm_oid == x509.SignatureAlgorithmOID.RSA_WITH_SHA256
        lab.check(world)


def lint(*paths: Path) -> None:
    """Run pkilint's `lint_crl` on each, in one process."""
    done = subprocess.run(
        [sys.executable, "-c", LINT, *paths], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr.strip()) == (0, "", "")


def test_openssl_verifies_each_list_and_tells_the_held_from_the_good(busy: World) -> None:
    for path in lists(busy):
        issuer = busy.premises.layout.issuer(path.parent.name)
        command = ["openssl", "crl", "-inform", "DER", "-in", path, "-CAfile", issuer, "-noout"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "verify OK" in done.stderr
    held = busy.certificates()[-1]
    text = subprocess.run(
        ["openssl", "crl", "-inform", "DER", "-in", path_of(busy, held), "-noout", "-text"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Certificate Hold" in text
    assert "X509v3 Issuing Distribution Point: critical" in text


def test_a_released_hold_leaves_the_list(world: World) -> None:
    certificate = lab.first(world, Family.USER_AUTH)
    world.hold(certificate, at=NOON)
    world.publish(at=NOON + ONE_SECOND)
    assert lab.entry_of(world, certificate)
    world.release(certificate, at=NOON + 2 * ONE_SECOND)
    world.publish(at=NOON + 3 * ONE_SECOND)
    assert not lab.entry_of(world, certificate)


def test_a_held_certificate_that_is_revoked_is_listed_with_the_later_date(world: World) -> None:
    certificate = lab.first(world, Family.USER_AUTH)
    world.hold(certificate, at=NOON)
    world.revoke(certificate, Cause.APPLICATION, at=NOON + ONE_SECOND)
    world.publish(at=NOON + 2 * ONE_SECOND)
    entry = lab.entry_of(world, certificate)
    assert entry
    assert entry.revocation_date_utc == NOON + ONE_SECOND


def test_an_entry_stays_for_one_list_after_the_certificate_has_run_out(world: World) -> None:
    certificate = lab.first(world, Family.USER_AUTH)
    world.revoke(certificate, Cause.APPLICATION, at=NOON)
    for after, listed in ((-ONE_SECOND, True), (ONE_SECOND, True), (2 * ONE_SECOND, False)):
        world.publish(at=certificate.not_after + after)
        assert bool(lab.entry_of(world, certificate)) is listed
