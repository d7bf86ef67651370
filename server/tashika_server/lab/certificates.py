"""The two certificates of a card, extension for extension as the published ones.

What each extension holds, in which order and which string type, follows real certificates that
their holders published; the values are made up.
"""

import random
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from tashika.pki import der
from tashika.pki.algorithms import PublicKey
from tashika.pki.profile import CPS_URI, POLICY, SIMULATED_POLICY, BasicItem, Family
from tashika_server.lab.authorities import Authority, Extensions, key_usage, point_named
from tashika_server.lab.days import JST
from tashika_server.lab.naming import (
    authority_name_in_japanese,
    distribution_point,
    signature_holder,
    user_auth_holder,
)
from tashika_server.lab.people import Person

__all__ = ["Policies", "Style", "holder_certificate"]

SIMULATED_CPS_URI = "http://cps.jpki-sim.invalid/cps.html"
_UTF8_STRING = 0x0C


class Policies(StrEnum):
    """Which certificate policies to write.

    The default is a private arc, so that no relying party of the real service can accept a
    simulated certificate; the real ones serve to test parsers.
    """

    SIMULATED = "simulated"
    REAL = "real"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What one world writes into all its certificates."""

    policies: Policies
    responder_url: str
    """The OCSP address in user-authentication certificates."""


def holder_certificate(
    person: Person,
    public_key: PublicKey,
    *,
    authority: Authority,
    serial: int,
    at: datetime,
    not_after: datetime,
    style: Style,
) -> x509.Certificate:
    """Issue one certificate of the authority's family to a person."""
    chance = random.Random(f"subject/{authority.family}/{serial}/{person.name}")  # noqa: S311 opaque filler
    if authority.family is Family.SIGNATURE:
        subject = signature_holder(person.municipality, _signature_name(person, at, chance))
        extensions = _signature_extensions(person, style)
    else:
        subject = user_auth_holder(_user_auth_name(person, chance))
        extensions = _user_auth_extensions(person, style)
    return authority.certify(
        subject, public_key, serial=serial, at=at, not_after=not_after, extensions=extensions
    )


def _signature_extensions(person: Person, style: Style) -> Extensions:
    # No extended key usage and no OCSP address in this family.
    return (
        (key_usage("digital_signature", "content_commitment"), True),
        (_basic_items(person), False),
        (_policy(Family.SIGNATURE, style.policies), True),
        (_issuer_alternative_name(Family.SIGNATURE), False),
        (_crl_point(Family.SIGNATURE, person), False),
    )


def _user_auth_extensions(person: Person, style: Style) -> Extensions:
    # Nothing of the basic four items in this family (Act art. 26).
    return (
        (key_usage("digital_signature"), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        (_policy(Family.USER_AUTH, style.policies), True),
        (_issuer_alternative_name(Family.USER_AUTH), False),
        (_crl_point(Family.USER_AUTH, person), False),
        (_responder_address(style.responder_url), False),
    )


def _basic_items(person: Person) -> x509.SubjectAlternativeName:
    items = {
        BasicItem.NAME: person.name,
        BasicItem.BIRTH: person.birth_item,
        BasicItem.GENDER: person.gender,
        BasicItem.ADDRESS: person.address,
        BasicItem.NAME_SUBSTITUTES: person.name_substitutes,
        BasicItem.ADDRESS_SUBSTITUTES: person.address_substitutes,
    }
    return x509.SubjectAlternativeName(
        x509.OtherName(x509.ObjectIdentifier(item), der.wrap(_UTF8_STRING, text.encode()))
        for item, text in items.items()
    )


def _policy(family: Family, policies: Policies) -> x509.CertificatePolicies:
    oid, cps = {
        Policies.SIMULATED: (SIMULATED_POLICY[family], SIMULATED_CPS_URI),
        Policies.REAL: (POLICY[family], CPS_URI),
    }[policies]
    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(oid), [cps])])


def _issuer_alternative_name(family: Family) -> x509.IssuerAlternativeName:
    return x509.IssuerAlternativeName([x509.DirectoryName(authority_name_in_japanese(family))])


def _crl_point(family: Family, person: Person) -> x509.CRLDistributionPoints:
    return x509.CRLDistributionPoints(
        [point_named(distribution_point(family, person.municipality))]
    )


def _responder_address(url: str) -> x509.AuthorityInformationAccess:
    return x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(
                AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url)
            )
        ]
    )


def _signature_name(person: Person, at: datetime, chance: random.Random) -> str:
    """Return 28 digits: when and where it was issued, then nine more."""
    issued = at.astimezone(JST).strftime("%Y%m%d%H%M%S")
    return f"{issued}{person.municipality.code}{chance.randrange(10**9):09}"


def _user_auth_name(person: Person, chance: random.Random) -> str:
    """Return 23 characters that mean nothing to anybody but the issuer."""
    letters = "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ", k=5))
    opaque = f"{chance.randrange(10**6):06}E{chance.randrange(100):02}{letters}"
    return f"{opaque}{person.municipality.code}003A"
