"""The life of an agreement: which step leads from which state to which, and why.

A draft is notified, agreed, active, perhaps suspended and resumed, and ends. `SUSPENDED` is
never stored: it is what an active agreement is while suspensions stop all that it grants, so
no job has to run for it to begin or to end.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tashika.pki.profile import Family
from tashika_server.agreements.act import (
    ActVersion,
    Category,
    Clause,
    agreement_clause,
    cite,
    notification_clause,
)
from tashika_server.agreements.errors import WrongState

__all__ = ["TRANSITIONS", "State", "Step", "Transition", "follow"]


class State(StrEnum):
    """Where an agreement stands."""

    DRAFT = "draft"
    NOTIFIED = "notified"
    AGREED = "agreed"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    LAPSED = "lapsed"
    """Active, and nothing is provided: the verifier's accreditation has run out."""
    ENDED = "ended"


class Step(StrEnum):
    """What moves it on."""

    NOTIFY = "notify"
    AGREE = "agree"
    ACTIVATE = "activate"
    SUSPEND = "suspend"
    RESUME = "resume"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row: from which states a step leads to which, by which rule of the Act."""

    sources: frozenset[State]
    target: State
    rule: str
    clause: Callable[[Category, Family], Clause | None] | None = None
    """Where the rule stands; None where the ground of a suspension says it, or nothing does."""


_UNDER_WAY = frozenset({State.ACTIVE, State.SUSPENDED})

TRANSITIONS: Mapping[Step, Transition] = {
    Step.NOTIFY: Transition(
        sources=frozenset({State.DRAFT}),
        target=State.NOTIFIED,
        rule="a party notifies beforehand what it will ask for",
        clause=notification_clause,
    ),
    Step.AGREE: Transition(
        sources=frozenset({State.NOTIFIED}),
        target=State.AGREED,
        rule="the range of information is agreed beforehand",
        clause=agreement_clause,
    ),
    Step.ACTIVATE: Transition(
        sources=frozenset({State.AGREED}),
        target=State.ACTIVE,
        rule="information is provided under a concluded agreement",
        clause=agreement_clause,
    ),
    # From SUSPENDED too, for a second ground; from ACTIVE too, where one of two families
    # or one holder was stopped.
    Step.SUSPEND: Transition(
        sources=_UNDER_WAY, target=State.SUSPENDED, rule="only what is provided can be stopped"
    ),
    Step.RESUME: Transition(
        sources=_UNDER_WAY, target=State.ACTIVE, rule="only what is stopped can be resumed"
    ),
    Step.END: Transition(
        sources=frozenset(State) - {State.ENDED},
        target=State.ENDED,
        rule="an agreement ends once",
    ),
}


def follow(
    state: State, step: Step, *, category: Category, families: Iterable[Family], act: ActVersion
) -> State:
    """Take a step and return the state it leads to; WrongState names the rule and the way."""
    row = TRANSITIONS[step]
    if state in row.sources:
        return row.target
    clauses = [row.clause(category, family) for family in families] if row.clause else []
    raise WrongState(
        f"{step} is not possible while it is {state}",
        rule=cite(row.rule, clauses, act),
        remedy=f"{step} leads on from " + " or ".join(sorted(row.sources)),
    )
