"""Facts of the JPKI certificate profile: CAs, families, media, policies, the basic four items.

Sources: the profile specification published by J-LIS, and certificates
published by their holders. What is unknown there is absent here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.x509.oid import NameOID


class Family(StrEnum):
    """The certification business that a certificate belongs to."""

    SIGNATURE = "signature"
    """署名用電子証明書 (Act art. 3)."""
    USER_AUTH = "user-auth"
    """利用者証明用電子証明書 (Act art. 22)."""
    OTHER = "other"
    """A certificate of another X.509 PKI."""


class Medium(StrEnum):
    """Where the holder's key is."""

    CARD = "card"
    """個人番号カード, the My Number card."""
    MOBILE_DEVICE = "mobile-device"
    """移動端末設備, a smartphone (Act in force, art. 16-2 and following)."""


class Hierarchy(StrEnum):
    """Whose CAs: the organisation (O) in their names tells them apart."""

    PRODUCTION = "JPKI"
    TEST = "JPKI-TEST"
    """J-LIS's own test environment: its cards are nobody's."""
    SIMULATED = "JPKI-SIM"
    """The lab of tashika-server, and tashika.testing."""


UNIT = {
    Family.SIGNATURE: "JPKI for digital signature",
    Family.USER_AUTH: "JPKI for user authentication",
}
AGENCY = "Japan Agency for Local Authority Information Systems"


def name_in_japan(*pairs: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    """Return a name of JPKI's shape: the country a PrintableString, all else UTF8String."""
    everything = ((NameOID.COUNTRY_NAME, "JP"), *pairs)
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in everything])


def authority_name(family: Family, hierarchy: Hierarchy) -> x509.Name:
    """Return the one DN that all key generations of a CA share."""
    return name_in_japan(
        (NameOID.ORGANIZATION_NAME, hierarchy.value),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, UNIT[family]),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, AGENCY),
    )


JPKI_ARC = "1.2.392.200149"
POLICY = {
    Family.SIGNATURE: f"{JPKI_ARC}.8.5.1.1.20",
    Family.USER_AUTH: f"{JPKI_ARC}.8.5.1.3.30",
}
"""Certificate policies of the card's certificates; critical in every one of them."""

TEST_SIGNATURE_POLICY = f"{JPKI_ARC}.8.5.1.0.20"
"""The policy of the test hierarchy's signature certificates."""

SIMULATED_ARC = "2.25.304648519801662409080177490010724945461"
"""A UUID arc (X.667) for everything that the simulated issuers make up."""
SIMULATED_POLICY = {
    Family.SIGNATURE: f"{SIMULATED_ARC}.1.20",
    Family.USER_AUTH: f"{SIMULATED_ARC}.3.30",
}
SIMULATED_MOBILE_POLICY = {
    Family.SIGNATURE: f"{SIMULATED_ARC}.1.40",
    Family.USER_AUTH: f"{SIMULATED_ARC}.3.40",
}

CPS_URI = "http://www.jpki.go.jp/cps.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatePolicy:
    """What one policy OID says of a certificate."""

    oid: str
    family: Family
    medium: Medium
    hierarchy: Hierarchy


def _policies(
    hierarchy: Hierarchy, medium: Medium, oids: Mapping[Family, str]
) -> Iterator[CertificatePolicy]:
    for family, oid in oids.items():
        yield CertificatePolicy(oid=oid, family=family, medium=medium, hierarchy=hierarchy)


CONFIRMED_POLICIES = (
    *_policies(Hierarchy.PRODUCTION, Medium.CARD, POLICY),
    *_policies(Hierarchy.SIMULATED, Medium.CARD, SIMULATED_POLICY),
    *_policies(Hierarchy.SIMULATED, Medium.MOBILE_DEVICE, SIMULATED_MOBILE_POLICY),
)
"""Seen in real certificates, or made up by us for the simulated hierarchy."""

REPORTED_POLICIES = (
    *_policies(Hierarchy.TEST, Medium.CARD, {Family.SIGNATURE: TEST_SIGNATURE_POLICY}),
    *_policies(
        Hierarchy.PRODUCTION, Medium.MOBILE_DEVICE, {Family.SIGNATURE: f"{JPKI_ARC}.8.5.1.1.40"}
    ),
)
"""Third parties report these; J-LIS's specification, under its pledge, settles them.

The user-authentication policies of smartphones and of the test hierarchy are not public.
"""


class BasicItem(StrEnum):
    """otherName types of the signature certificate's subjectAltName."""

    NAME = f"{JPKI_ARC}.8.5.5.1"
    NAME_SUBSTITUTES = f"{JPKI_ARC}.8.5.5.2"
    GENDER = f"{JPKI_ARC}.8.5.5.3"
    BIRTH = f"{JPKI_ARC}.8.5.5.4"
    ADDRESS = f"{JPKI_ARC}.8.5.5.5"
    ADDRESS_SUBSTITUTES = f"{JPKI_ARC}.8.5.5.6"
