"""What a certificate is checked for. The Act allows its use for that and nothing else.

Articles 19(2), 21(2) and 38(2) of the Act of 2013; paragraphs have moved since.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from tashika.errors import WrongUse
from tashika.pki.profile import Family

MAX_REFERENCE = 100
"""Characters; a filing or transaction number has 40 at most, and a document's text has no place."""


class CheckPurpose(StrEnum):
    """Why a certificate is looked at. The first two labels are the operator's too."""

    SIGNATURE_VERIFICATION = "signature-verification"
    """署名検証: on receipt of a signed document (art. 19, 21)."""
    CURRENT_STATUS = "current-status"
    """現況確認: a signature certificate registered earlier is looked at again."""
    USER_AUTHENTICATION = "user-authentication"
    """利用者証明: on receipt of a signed challenge (art. 38)."""

    @property
    def family(self) -> Family:
        """The only family that serves this purpose."""
        if self is CheckPurpose.USER_AUTHENTICATION:
            return Family.USER_AUTH
        return Family.SIGNATURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """One use of one certificate; raises WrongUse for a reference that cannot be recorded."""

    kind: CheckPurpose
    reference: str = field(repr=False)
    """Your own number of the filing or transaction, never a person's name or items."""

    def __post_init__(self) -> None:
        if not isinstance(self.kind, CheckPurpose):
            raise WrongUse("a purpose is one of CheckPurpose")
        known = isinstance(self.reference, str) and self.reference.isprintable()
        if not known or not 0 < len(self.reference.strip()) <= len(self.reference) <= MAX_REFERENCE:
            raise WrongUse(f"a reference is your own number, 1 to {MAX_REFERENCE} characters")
