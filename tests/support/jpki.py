"""JPKI's CAs for the tests of the profile, made once, and what to ask of them."""

from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from tashika.jpki import (
    AccountSecrets,
    CheckPurpose,
    Family,
    JpkiProfile,
    Purpose,
    Recognised,
)
from tashika.testing import Jpki

AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
"""Noon in Japan."""
JPKI = Jpki(at=AT)
SECRETS = AccountSecrets(secrets={"2026": bytes(range(32))}, current="2026")
FAMILIES = (Family.SIGNATURE, Family.USER_AUTH)
PURPOSE = {
    Family.SIGNATURE: Purpose(kind=CheckPurpose.SIGNATURE_VERIFICATION, reference="loan 4711"),
    Family.USER_AUTH: Purpose(kind=CheckPurpose.USER_AUTHENTICATION, reference="login 4712"),
}


def profile(jpki: Jpki = JPKI, **different: Any) -> JpkiProfile:
    settings: dict[str, Any] = {
        "generations": jpki.generations,
        "hierarchy": jpki.hierarchy,
        "secrets": SECRETS,
    }
    return JpkiProfile(**settings | different)


PROFILE = profile()


def certificate(family: Family = Family.SIGNATURE, **different: Any) -> x509.Certificate:
    """Issue one; the keywords are those of Jpki.issue()."""
    return JPKI.issue(family, **different).certificate


def examine(
    given: x509.Certificate | bytes,
    family: Family = Family.SIGNATURE,
    profile: JpkiProfile = PROFILE,
    at: datetime = AT,
) -> Recognised:
    return profile.examine(given, purpose=PURPOSE[family], at=at)
