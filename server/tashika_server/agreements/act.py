"""The JPKI Act as data: its versions, its categories of parties, and where each rule stands.

Article numbers move when the Act is amended, so a rule has a number for every version and
says whether anybody has read that number in the version's text. No other code than this and
`grounds` names an article.

The 2013 text is before us. Of the text in force since 2024-06-21 only the articles 20, 21,
38-2 and 52 have been read, and what other official texts of that time cite: 18(5), and the
items (v) and (vi) of 17(1). Everything else of it is a number taken over or counted on. It
carries `confirmed=False`, and `TO_CONFIRM` wherever it is shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tashika.pki.profile import Family
from tashika_server.agreements.terms import Method

__all__ = [
    "ACCREDITATION",
    "ACCREDITATION_REVOKED",
    "CATEGORIES",
    "CONFIRMERS",
    "CORRESPONDING",
    "MIN_ACCREDITATION_YEARS",
    "PROCESSORS",
    "REPORTS",
    "TENANTS",
    "TO_CONFIRM",
    "ActVersion",
    "Article",
    "Category",
    "CategoryFacts",
    "Clause",
    "agreement_clause",
    "cite",
    "clause",
    "notification_clause",
    "provision_clause",
]


TO_CONFIRM = "(to be confirmed, 要確認)"


class ActVersion(StrEnum):
    """A version of the Act (Act No. 153 of 2002) that a record may rest on."""

    AMENDED_2013 = "2013"
    IN_FORCE_2024 = "2024"


@dataclass(frozen=True, slots=True)
class Article:
    """A place in one version of the Act."""

    act: ActVersion
    number: str
    """Article, paragraph and item, such as `18(4)(vi)`."""
    confirmed: bool
    """False while nobody has read this number in this version."""

    def __str__(self) -> str:
        """Write it as it stands in records and messages."""
        place = f"{self.act} {self.number}"
        return place if self.confirmed else f"{place} {TO_CONFIRM}"


class Clause:
    """One rule of the Act, wherever its versions have put it."""

    def __init__(self, numbers: Mapping[ActVersion, Article]) -> None:
        self._numbers = numbers

    def at(self, act: ActVersion) -> Article:
        """Return where the rule stands in a version."""
        return self._numbers[act]


def clause(seed: str, today: str | None = None, *, confirmed: bool = False) -> Clause:
    """Write a rule down: its number in the 2013 text, and today's if it has moved."""
    old, new = ActVersion.AMENDED_2013, ActVersion.IN_FORCE_2024
    return Clause({old: Article(old, seed, True), new: Article(new, today or seed, confirmed)})


# --- Who may ask ----------------------------------------------------------------------------


class Category(StrEnum):
    """What kind of party a verifier is before the Act."""

    ADMINISTRATIVE_ORGAN = "administrative-organ"
    """行政機関等."""
    COURT = "court"
    """裁判所."""
    FILING_INTERMEDIARY = "filing-intermediary"
    """Designated by law to pass filings on to administrative organs."""
    ACCREDITED_CERTIFIER = "accredited-certifier"
    """認定認証事業者 of the Electronic Signature Act."""
    SPECIFIED_CERTIFIER = "specified-certifier"
    """特定認証業務を行う者, accredited by the minister."""
    ACCREDITED_VERIFIER = "accredited-verifier"
    """Any other business, accredited by the minister; platform operators among them."""
    FILING_AGENTS_BODY = "filing-agents-body"
    """A body whose members file for others by profession."""
    RECORD_SUPPLIERS_BODY = "record-suppliers-body"
    """A body whose members supply records that filings need."""
    OTHER_PARTY = "other-party"
    """A party with an agreement about issuers that the Act does not speak of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryFacts:
    """What the Act says of a category."""

    clause: Clause | None
    """The item that names it; None for a party outside the Act."""
    families: frozenset[Family]
    """What it may be given at most."""
    accredited: bool = False
    """Whether it needs the minister's accreditation, to be renewed (17(2))."""
    has_confirmers: bool = False
    """Whether it answers its members, the 署名確認者 (art. 20)."""
    has_tenants: bool = False
    """Whether it may verify for service providers as a platform operator."""
    reports: bool = True
    """Whether reports can be demanded of it (66(2) exempts organs and courts)."""


TENANTS = clause("17(1)(vi)", confirmed=True)
"""Platform operators are accredited under this item; service providers are not verifiers."""

_BOTH = frozenset(Family)
_SIGNATURE = frozenset({Family.SIGNATURE, Family.OTHER})

CATEGORIES: Mapping[Category, CategoryFacts] = {
    Category.ADMINISTRATIVE_ORGAN: CategoryFacts(
        clause=clause("17(1)(i)"), families=_BOTH, reports=False
    ),
    Category.COURT: CategoryFacts(clause=clause("17(1)(ii)"), families=_BOTH, reports=False),
    Category.FILING_INTERMEDIARY: CategoryFacts(clause=clause("17(1)(iii)"), families=_BOTH),
    Category.ACCREDITED_CERTIFIER: CategoryFacts(clause=clause("17(1)(iv)"), families=_BOTH),
    Category.SPECIFIED_CERTIFIER: CategoryFacts(
        clause=clause("17(1)(v)", confirmed=True), families=_BOTH, accredited=True
    ),
    Category.ACCREDITED_VERIFIER: CategoryFacts(
        clause=TENANTS, families=_BOTH, accredited=True, has_tenants=True
    ),
    Category.FILING_AGENTS_BODY: CategoryFacts(
        clause=clause("17(5)(i)"), families=_SIGNATURE, has_confirmers=True
    ),
    Category.RECORD_SUPPLIERS_BODY: CategoryFacts(
        clause=clause("17(5)(ii)"), families=_SIGNATURE, has_confirmers=True
    ),
    Category.OTHER_PARTY: CategoryFacts(clause=None, families=frozenset({Family.OTHER})),
}

ACCREDITATION = clause("17(2)")
"""The accreditation lapses unless it is renewed at every period that an ordinance sets."""
ACCREDITATION_REVOKED = clause("17(3)")
MIN_ACCREDITATION_YEARS = 1
"""The period is not below one year (17(2)); how long it is today has not been confirmed."""
REPORTS = clause("66(2)")
CONFIRMERS = clause("17(5)")
PROCESSORS = clause("50(2)")
"""Whoever processes received information under entrustment keeps it safe too; also 51(2)."""
CORRESPONDING = clause("18(3)", "18(5)", confirmed=True)
"""対応証明書の発行の番号: only to who is a verifier of signatures and of user authentication."""

_USER_AUTH_NOTICE = clause("36(1)")
_AGREEMENT = {
    Family.SIGNATURE: clause("17(4)"),
    Family.USER_AUTH: clause("36(2)"),
}
_GROUP_AGREEMENT = clause("17(6)")
_PROVISION = {
    (Family.SIGNATURE, Method.OCSP): clause("18(1)"),
    (Family.SIGNATURE, Method.STATUS_API): clause("18(1)"),
    (Family.SIGNATURE, Method.FILE): clause("18(2)"),
    (Family.SIGNATURE, Method.CORRESPONDING): CORRESPONDING,
    (Family.USER_AUTH, Method.OCSP): clause("37(1)"),
    (Family.USER_AUTH, Method.STATUS_API): clause("37(1)"),
    (Family.USER_AUTH, Method.FILE): clause("37(2)"),
}


def notification_clause(category: Category, family: Family) -> Clause | None:
    """Return the rule that makes a party notify before it asks; None outside the Act."""
    if family is Family.USER_AUTH:
        return _USER_AUTH_NOTICE
    return CATEGORIES[category].clause if family is Family.SIGNATURE else None


def agreement_clause(category: Category, family: Family) -> Clause | None:
    """Return the rule that makes the agreement fix what is provided; None outside the Act."""
    if CATEGORIES[category].has_confirmers and family is Family.SIGNATURE:
        return _GROUP_AGREEMENT
    return _AGREEMENT.get(family)


def provision_clause(family: Family, method: Method) -> Clause | None:
    """Return the rule under which this is provided at all; None if the Act has none."""
    return _PROVISION.get((family, method))


def cite(rule: str, clauses: Iterable[Clause | None], act: ActVersion) -> str:
    """Name a rule with its articles, for a message; just the rule where the Act has none."""
    places = sorted({str(clause.at(act)) for clause in clauses if clause is not None})
    return f"{', '.join(places)}: {rule}" if places else rule
