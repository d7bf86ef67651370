"""Small simulated worlds, and the invariants that hold in every one of them."""

import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from cryptography import x509

from tashika.pki.profile import Family
from tashika.pki.standing import Good
from tashika_server.lab import Access, Algorithm, Certificate, Order, World, found_world
from tashika_server.lab.authorities import authority_certificate
from tashika_server.lab.records import Role

NOON = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
"""Noon in Japan; the worlds of these tests are founded then."""

FAST = Order(people=4, municipalities=2, port=0, algorithm=Algorithm.P384, access=Access.OPEN)
"""P-384 keys are made in a millisecond where RSA takes fifty; nobody needs an agreement."""


def template(directory: Path) -> Path:
    """Make a world to copy: one a session is enough."""
    found_world(directory, FAST, at=NOON).close()
    return directory


def copied(template: Path, directory: Path) -> World:
    """Open a copy of a world in a directory of its own."""
    shutil.copytree(template, directory, dirs_exist_ok=True)
    return World.open(directory)


def first(world: World, family: Family) -> Certificate:
    """Return the newest certificate of a family: of the last person."""
    return [one for one in world.certificates() if one.family is family][-1]


def other(world: World, certificate: Certificate) -> Certificate:
    """Return the same person's certificate of the other family."""
    return next(
        one
        for one in world.certificates()
        if one.person == certificate.person and one.family is not certificate.family
    )


def decoded(certificate: Certificate) -> asn1_x509.Certificate:
    """Read a certificate with asn1crypto."""
    return asn1_x509.Certificate.load(certificate.der)


def crl_of(world: World, certificate: Certificate) -> x509.CertificateRevocationList:
    """Read the published list that speaks of a certificate."""
    assert certificate.municipality
    path = world.premises.layout.crl(certificate.issuer, certificate.municipality)
    return x509.load_der_x509_crl(path.read_bytes())


def entry_of(world: World, certificate: Certificate) -> x509.RevokedCertificate | None:
    """Return what the published list says of a certificate."""
    return crl_of(world, certificate).get_revoked_certificate_by_serial_number(certificate.serial)


def numbers(world: World) -> dict[str, int]:
    """Return the number of every published list, by its path."""
    return {
        str(path): asn1_crl.CertificateList.load(path.read_bytes()).crl_number_value.native
        for path in world.premises.layout.published.rglob("*.crl")
    }


def check(world: World) -> None:
    """Verify every invariant of a world."""
    _check_lists(world)
    _check_holdings(world)
    _check_registers(world)
    _check_secrets(world)


def _check_lists(world: World) -> None:
    marks = world.premises.state.marks()
    for authority in world.premises.authorities():
        for place in world.premises.places:
            path = world.premises.layout.crl(authority.name, place.code)
            published = x509.load_der_x509_crl(path.read_bytes())
            assert published.is_signature_valid(authority.certificate.public_key())  # type: ignore[arg-type]
            number = published.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
            assert number <= marks[authority.name, place.code].number
            serials = [entry.serial_number for entry in published]
            assert serials == sorted(set(serials))


def _check_holdings(world: World) -> None:
    at = max(mark.this_update for mark in world.premises.state.marks().values() if mark.this_update)
    in_force = Counter(
        (one.person, one.family)
        for one in world.certificates()
        if isinstance(world.standing(one), Good) and one.not_after >= at
    )
    assert not [holding for holding, count in in_force.items() if count > 1]
    for one in world.certificates():
        assert x509.load_pem_x509_certificate(
            world.premises.layout.certificate(one).read_bytes()
        ) == x509.load_der_x509_certificate(one.der)


def _check_registers(world: World) -> None:
    for authority in world.premises.state.certificates(role=Role.AUTHORITY):
        written = register(world, authority.issuer)
        assert written == world.premises.state.serials(authority.issuer)


def _check_secrets(world: World) -> None:
    for path in world.premises.layout.root.rglob("*.key"):
        assert path.stat().st_mode & 0o777 == 0o600


def register(world: World, issuer: str) -> list[int]:
    """Return every serial of a register file."""
    serials: list[int] = []
    for line in world.premises.layout.register(issuer).read_text().splitlines():
        if not line.startswith("#"):
            begin, _, end = line.partition("-")
            serials += range(int(begin), int(end or begin) + 1)
    return serials


def stranger(world: World, at: datetime) -> x509.Certificate:
    """Make a certificate with the names and the serial of one of ours, from another lab."""
    ours = world.certificates()[0]
    key = world.premises.keys.take()
    certificate = authority_certificate(ours.family, key, serial=ours.serial, at=at)
    assert certificate.serial_number == ours.serial
    return certificate
