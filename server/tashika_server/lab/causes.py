"""Why a certificate ceases to be in force: the legal causes as data.

Articles are those of the text named by ACT_VERSION; paragraphs have moved since, so nothing
compares them. Which reason code J-LIS publishes for a cause is not public for all of them:
the column follows the wording of its CPS 4.9.9 where that coincides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from tashika.pki.profile import Family
from tashika.pki.standing import Reason

__all__ = ["ACT_VERSION", "RULES", "Cause", "Reach", "Rule"]

ACT_VERSION = "JPKI Act as amended in 2013"


class Cause(StrEnum):
    """What happened, in the law's words."""

    APPLICATION = "application"
    KEY_COMPROMISE = "key-compromise"
    CHANGE_OF_ITEMS = "change-of-items"
    REMOVAL_OF_RECORD = "removal-of-record"
    MOVE_OUT = "move-out"
    RECORD_ERROR = "record-error"
    RENEWAL = "renewal"
    ISSUER_KEY_COMPROMISE = "issuer-key-compromise"


class Reach(Enum):
    """What a cause strikes, seen from one certificate."""

    CERTIFICATE = auto()
    """That certificate."""
    HOLDER = auto()
    """The holder's certificates of the rule's families."""
    ISSUER = auto()
    """Everything under the key that issued it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What follows from a cause."""

    meaning: str
    reach: Reach
    reason: Reason
    articles: Mapping[Family, str]
    """The families struck, each with its articles of the Act."""


def _articles(signature: str, user_auth: str | None) -> dict[Family, str]:
    found = {Family.SIGNATURE: signature}
    return found | {Family.USER_AUTH: user_auth} if user_auth else found


RULES: Mapping[Cause, Rule] = {
    Cause.APPLICATION: Rule(
        meaning="the holder applies for revocation",
        reach=Reach.CERTIFICATE,
        reason=Reason.CESSATION_OF_OPERATION,
        articles=_articles("9, 11", "28, 30"),
    ),
    Cause.KEY_COMPROMISE: Rule(
        meaning="the holder reports the key leaked, lost or damaged",
        reach=Reach.CERTIFICATE,
        reason=Reason.KEY_COMPROMISE,
        articles=_articles("10, 11", "29, 30"),
    ),
    Cause.CHANGE_OF_ITEMS: Rule(
        meaning="name, birth, gender or address changed in the resident record",
        reach=Reach.HOLDER,
        reason=Reason.AFFILIATION_CHANGED,
        articles=_articles("12(i)", None),
    ),
    Cause.REMOVAL_OF_RECORD: Rule(
        meaning="the resident record was removed, as on death",
        reach=Reach.HOLDER,
        reason=Reason.CESSATION_OF_OPERATION,
        articles=_articles("12(ii)", "31(i)"),
    ),
    Cause.MOVE_OUT: Rule(
        meaning="the holder moves out; 30 days after the planned day without a move-in, "
        "user authentication ends too",
        reach=Reach.HOLDER,
        reason=Reason.CESSATION_OF_OPERATION,
        articles=_articles("12(ii)", "31(ii)"),
    ),
    Cause.RECORD_ERROR: Rule(
        meaning="the certificate records something wrong, or omits it",
        reach=Reach.CERTIFICATE,
        reason=Reason.UNSPECIFIED,
        articles=_articles("13", "32"),
    ),
    Cause.RENEWAL: Rule(
        meaning="a new certificate takes its place: nobody holds two",
        reach=Reach.CERTIFICATE,
        reason=Reason.SUPERSEDED,
        articles=_articles("6", "25"),
    ),
    Cause.ISSUER_KEY_COMPROMISE: Rule(
        meaning="the issuer's signing key leaked, was lost or damaged",
        reach=Reach.ISSUER,
        reason=Reason.CA_COMPROMISE,
        articles=_articles("14", "33"),
    ),
}
