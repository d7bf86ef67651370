"""Accreditations (認定) by the competent minister, their renewal and their end.

An accreditation runs out by itself: whether one is in force is computed from its dates, so
nothing has to happen at the end for provision to stop then.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from tashika_server.agreements import ids
from tashika_server.agreements.act import (
    ACCREDITATION,
    ACCREDITATION_REVOKED,
    MIN_ACCREDITATION_YEARS,
)
from tashika_server.agreements.errors import BadPeriod, Duplicate, NotEntitled, WrongState
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.parties import Verifier, demand_not_ended, find_verifier
from tashika_server.agreements.period import Period, years_later
from tashika_server.agreements.rows import Rows
from tashika_server.agreements.wording import worded
from tashika_server.book import Change
from tashika_server.book import tables as t

__all__ = ["Accreditation", "accreditations", "add_accreditation", "revoke_accreditation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accreditation:
    """One term of a verifier's accreditation; a renewal is another one."""

    id: str
    verifier: str
    reference: str
    """The number of the minister's decision."""
    term: Period
    revoked_at: datetime | None = None

    @property
    def in_force(self) -> Period | None:
        """The part of the term in which it counts; None if it was revoked before that."""
        return self.term.cut(self.revoked_at)


def add_accreditation(
    change: Change, verifier_id: str, *, reference: str, term: Period
) -> Accreditation:
    """Record an accreditation or its renewal, from its first day to before its end."""
    verifier = find_verifier(change.connection, verifier_id)
    demand_not_ended(verifier)
    _demand_accreditable(verifier)
    _demand_full_term(verifier, term)
    reference = worded(reference, "reference")
    if any(each.reference == reference for each in accreditations(change.connection, verifier.id)):
        raise Duplicate(
            f"{verifier.id} has an accreditation {reference!r}",
            rule="one record for one decision",
            remedy="give the reference of the renewal",
        )
    return _ROWS.add(
        change,
        "accreditation.add",
        verifier_id=ids.number(Kind.VERIFIER, verifier.id),
        reference=reference,
        valid_from=term.start,
        valid_to=term.end,
    )


def revoke_accreditation(change: Change, verifier_id: str) -> tuple[Accreditation, ...]:
    """Record that the minister revoked it: every term that is not over ends now."""
    verifier = find_verifier(change.connection, verifier_id)
    running = [
        each
        for each in accreditations(change.connection, verifier.id)
        if each.in_force and each.in_force.end and each.in_force.end > change.at
    ]
    if not running:
        raise WrongState(
            f"{verifier.id} has no accreditation in force or to come",
            rule=verifier.cite("an accreditation is revoked once", ACCREDITATION_REVOKED),
            remedy=f"see `verifier show {verifier.id}`",
        )
    return tuple(
        _ROWS.alter(change, "accreditation.revoke", each, revoked_at=change.at) for each in running
    )


def accreditations(
    connection: Connection, verifier_id: str | None = None
) -> tuple[Accreditation, ...]:
    """List the terms of one verifier, or of all, past and revoked ones too."""
    return _ROWS.list(connection, verifier_id)


def _demand_accreditable(verifier: Verifier) -> None:
    if not verifier.facts.accredited:
        raise NotEntitled(
            f"{verifier.id} is a party of category {verifier.category}, "
            "which is not accredited by the minister",
            rule=verifier.cite("two categories are accredited, no other", ACCREDITATION),
            remedy="go on without an accreditation",
        )


def _demand_full_term(verifier: Verifier, term: Period) -> None:
    least = years_later(term.start, MIN_ACCREDITATION_YEARS)
    if term.end is None or term.end < least:
        raise BadPeriod(
            f"an accreditation {term} has "
            + ("no end" if term.end is None else "a term of less than a year"),
            rule=verifier.cite(
                "it is renewed at the end of every term, and no term is below one year",
                ACCREDITATION,
            ),
            remedy=f"give an end not before {Period(term.start, least)}",
        )


def _accreditation(row: Row[Any]) -> Accreditation:
    return Accreditation(
        id=ids.label(Kind.ACCREDITATION, row.id),
        verifier=ids.label(Kind.VERIFIER, row.verifier_id),
        reference=row.reference,
        term=Period(row.valid_from, row.valid_to),
        revoked_at=row.revoked_at,
    )


_ROWS = Rows(kind=Kind.ACCREDITATION, table=t.accreditation, read=_accreditation)
