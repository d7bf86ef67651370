"""The two certificates of a card, extension for extension as the published ones.

What each extension holds, in which order and which string type, follows real certificates that
their holders published; the values are made up.
"""

import random
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509

from tashika.pki.algorithms import PublicKey
from tashika.pki.profile import CPS_URI, POLICY, SIMULATED_POLICY, BasicItem, Family
from tashika.pki.profile_shape import (
    SIMULATED_CPS_URI,
    Issue,
    holder_extensions,
    simulated_name_in_japanese,
)
from tashika_server.lab.authorities import Authority
from tashika_server.lab.days import JST
from tashika_server.lab.naming import (
    distribution_point,
    signature_holder,
    user_auth_holder,
)
from tashika_server.lab.people import Person

__all__ = ["Policies", "Style", "holder_certificate"]


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
    else:
        subject = user_auth_holder(_user_auth_name(person, chance))
    extensions = holder_extensions(_issue(person, authority.family, style))
    return authority.certify(
        subject, public_key, serial=serial, at=at, not_after=not_after, extensions=extensions
    )


def _issue(person: Person, family: Family, style: Style) -> Issue:
    policy, cps = {
        Policies.SIMULATED: (SIMULATED_POLICY[family], SIMULATED_CPS_URI),
        Policies.REAL: (POLICY[family], CPS_URI),
    }[style.policies]
    return Issue(
        family=family,
        policy=policy,
        cps=cps,
        issuer_in_japanese=simulated_name_in_japanese(family),
        list_name=distribution_point(family, person.municipality),
        responder_url=style.responder_url,
        items={
            BasicItem.NAME: person.name,
            BasicItem.BIRTH: person.birth_item,
            BasicItem.GENDER: person.gender,
            BasicItem.ADDRESS: person.address,
            BasicItem.NAME_SUBSTITUTES: person.name_substitutes,
            BasicItem.ADDRESS_SUBSTITUTES: person.address_substitutes,
        },
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
