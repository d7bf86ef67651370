"""Facts of the JPKI certificate profile: families, policies and the basic four items.

Sources: the profile specification published by J-LIS, and certificates
published by their holders. What is unknown there is absent here.
"""

from enum import StrEnum


class Family(StrEnum):
    """The certification business that a certificate belongs to."""

    SIGNATURE = "signature"
    """署名用電子証明書 (Act art. 3)."""
    USER_AUTH = "user-auth"
    """利用者証明用電子証明書 (Act art. 22)."""
    OTHER = "other"
    """A certificate of another X.509 PKI."""


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

CPS_URI = "http://www.jpki.go.jp/cps.html"


class BasicItem(StrEnum):
    """otherName types of the signature certificate's subjectAltName."""

    NAME = f"{JPKI_ARC}.8.5.5.1"
    NAME_SUBSTITUTES = f"{JPKI_ARC}.8.5.5.2"
    GENDER = f"{JPKI_ARC}.8.5.5.3"
    BIRTH = f"{JPKI_ARC}.8.5.5.4"
    ADDRESS = f"{JPKI_ARC}.8.5.5.5"
    ADDRESS_SUBSTITUTES = f"{JPKI_ARC}.8.5.5.6"
