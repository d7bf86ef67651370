"""Why provision may be stopped (提供の停止): the grounds of the Act, as data.

A breach or its likelihood is enough for each of them. Who stops, and what then follows, is
in `suspensions`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tashika.pki.profile import Family
from tashika_server.agreements.act import ActVersion, Clause, clause
from tashika_server.agreements.errors import UnknownArticle

__all__ = ["GROUNDS", "Ground", "GroundFacts", "following", "ground_at"]


class Ground(StrEnum):
    """The grounds, by whose act and which duty they are about."""

    SIGNATURE_DUTY = "signature-duty"
    """The verifier breached 19, 20, 50(1) or 52(1) to (3)."""
    SIGNATURE_PROCESSOR_SAFETY = "signature-processor-safety"
    """Its processor did not keep the information safe (50(2))."""
    SIGNATURE_SECRECY = "signature-secrecy"
    """It, its officers or staff, or former ones, broke secrecy (54(1))."""
    SIGNATURE_PROCESSOR_SECRECY = "signature-processor-secrecy"
    """The processor or its people broke secrecy (54(2))."""
    SIGNATURE_PROCESSOR_MISUSE = "signature-processor-misuse"
    """Somebody who works for the processor misused what they learnt (56(1))."""
    SIGNATURE_FOLLOWS_USER_AUTH = "signature-follows-user-auth"
    """Its provision of user-authentication information was stopped."""

    CONFIRMER_DUTY = "confirmer-duty"
    """A confirmer breached 21, 50(3) or 52(4)."""
    CONFIRMER_PROCESSOR_SAFETY = "confirmer-processor-safety"
    """A confirmer's processor did not keep the answer safe (50(4))."""
    CONFIRMER_SECRECY = "confirmer-secrecy"
    """A confirmer or its people broke secrecy (54(3), 54(1))."""
    CONFIRMER_PROCESSOR_SECRECY = "confirmer-processor-secrecy"
    """A confirmer's processor or its people broke secrecy (54(3), 54(2))."""
    CONFIRMER_PROCESSOR_MISUSE = "confirmer-processor-misuse"
    """Somebody who works for a confirmer's processor misused what they learnt (56(2))."""

    USER_AUTH_DUTY = "user-auth-duty"
    """The verifier breached 38, 51(1) or 53."""
    USER_AUTH_PROCESSOR_SAFETY = "user-auth-processor-safety"
    """Its processor did not keep the information safe (51(2))."""
    USER_AUTH_SECRECY = "user-auth-secrecy"
    """It, its officers or staff, or former ones, broke secrecy (55(1))."""
    USER_AUTH_PROCESSOR_SECRECY = "user-auth-processor-secrecy"
    """The processor or its people broke secrecy (55(2))."""
    USER_AUTH_PROCESSOR_MISUSE = "user-auth-processor-misuse"
    """Somebody who works for the processor misused what they learnt (57)."""
    USER_AUTH_FOLLOWS_SIGNATURE = "user-auth-follows-signature"
    """Its provision of signature information was stopped."""

    AGREEMENT_BREACH = "agreement-breach"
    """A breach of an agreement about issuers outside the Act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundFacts:
    """What follows from a ground."""

    family: Family
    """Whose provision may be stopped."""
    clause: Clause | None
    """None outside the Act."""
    of_confirmers: bool = False
    """Whether it is about what the confirmers of a group verifier did."""
    follows: Family | None = None
    """The family whose provision must have been stopped first."""


_ITEMS = ("(i)", "(ii)", "(iii)", "(iv)", "(v)", "(vi)")
_SIGNATURE_GROUNDS = (
    Ground.SIGNATURE_DUTY,
    Ground.SIGNATURE_PROCESSOR_SAFETY,
    Ground.SIGNATURE_SECRECY,
    Ground.SIGNATURE_PROCESSOR_SECRECY,
    Ground.SIGNATURE_PROCESSOR_MISUSE,
    Ground.SIGNATURE_FOLLOWS_USER_AUTH,
)
_CONFIRMER_GROUNDS = (
    Ground.CONFIRMER_DUTY,
    Ground.CONFIRMER_PROCESSOR_SAFETY,
    Ground.CONFIRMER_SECRECY,
    Ground.CONFIRMER_PROCESSOR_SECRECY,
    Ground.CONFIRMER_PROCESSOR_MISUSE,
)
_USER_AUTH_GROUNDS = (
    Ground.USER_AUTH_DUTY,
    Ground.USER_AUTH_PROCESSOR_SAFETY,
    Ground.USER_AUTH_SECRECY,
    Ground.USER_AUTH_PROCESSOR_SECRECY,
    Ground.USER_AUTH_PROCESSOR_MISUSE,
    Ground.USER_AUTH_FOLLOWS_SIGNATURE,
)
_FOLLOWS = {
    Ground.SIGNATURE_FOLLOWS_USER_AUTH: Family.USER_AUTH,
    Ground.USER_AUTH_FOLLOWS_SIGNATURE: Family.SIGNATURE,
}

GROUNDS: Mapping[Ground, GroundFacts] = {
    # Two paragraphs were put in before it, so 18(4) is counted to be 18(6) today.
    **{
        ground: GroundFacts(
            family=Family.SIGNATURE,
            clause=clause(f"18(4){item}", f"18(6){item}"),
            follows=_FOLLOWS.get(ground),
        )
        for ground, item in zip(_SIGNATURE_GROUNDS, _ITEMS, strict=True)
    },
    # Today's 20(2) cites 18(7) for these; its items have not been read.
    **{
        ground: GroundFacts(
            family=Family.SIGNATURE,
            clause=clause(f"18(5){item}", f"18(7){item}"),
            of_confirmers=True,
        )
        for ground, item in zip(_CONFIRMER_GROUNDS, _ITEMS[:5], strict=True)
    },
    **{
        ground: GroundFacts(
            family=Family.USER_AUTH,
            clause=clause(f"37(3){item}"),
            follows=_FOLLOWS.get(ground),
        )
        for ground, item in zip(_USER_AUTH_GROUNDS, _ITEMS, strict=True)
    },
    Ground.AGREEMENT_BREACH: GroundFacts(family=Family.OTHER, clause=None),
}


def following(family: Family) -> Ground | None:
    """Return the ground on which a suspension of `family` may reach the other one."""
    return next((ground for ground, first in _FOLLOWS.items() if first is family), None)


def ground_at(act: ActVersion, article: str) -> Ground:
    """Find the ground that stands at an article of one version, however it is punctuated.

    UnknownArticle names the articles there are.
    """
    wanted = _bare(article)
    known = {
        facts.clause.at(act): ground
        for ground, facts in GROUNDS.items()
        if facts.clause is not None
    }
    for place, ground in known.items():
        if _bare(place.number) == wanted:
            return ground
    raise UnknownArticle(
        f"{article!r} is no ground of suspension in the Act of {act}",
        rule="provision is stopped on the grounds that the Act lists",
        remedy="one of: " + ", ".join(map(str, known)),
    )


def _bare(article: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[0-9]+|[ivx]+", article.casefold().removeprefix("art")))
