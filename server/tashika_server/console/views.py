"""What people and programs look at: records put together, the same for commands and API."""

import json
from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from tashika.pki.profile import Family
from tashika_server.agreements import registry
from tashika_server.agreements.registry import (
    Accreditation,
    Agreement,
    Holder,
    Notice,
    Notification,
    State,
    Suspension,
    Verifier,
)
from tashika_server.agreements.terms import Environment
from tashika_server.book import Entry, trail

__all__ = [
    "Dossier",
    "Standing",
    "Trace",
    "audit",
    "ending_soon",
    "list_agreements",
    "show_agreement",
    "show_verifier",
    "trace",
]

PAGE = 500
"""Entries of the trail in one reply."""
FARTHEST = 3660
"""Days ahead for which it makes sense to ask what ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A verifier with all that it has."""

    verifier: Verifier
    notifications: tuple[Notification, ...]
    accreditations: tuple[Accreditation, ...]
    holders: tuple[Holder, ...]
    agreements: tuple[Agreement, ...]
    suspensions: tuple[Suspension, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An agreement and where it stands now."""

    agreement: Agreement
    state: State

    @property
    def grants(self) -> tuple[str, ...]:
        """What its newest version grants, a word each."""
        lines = sorted(self.agreement.newest.scope.lines)
        return tuple(f"{family}:{method}" for family, method in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One entry of the audit trail."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: Any
    after: Any


def show_verifier(connection: Connection, verifier_id: str) -> Dossier:
    """Show one verifier with all that it has."""
    verifier = registry.find_verifier(connection, verifier_id)
    return Dossier(
        verifier=verifier,
        notifications=registry.notifications(connection, verifier.id),
        accreditations=registry.accreditations(connection, verifier.id),
        holders=registry.holders(connection, verifier.id),
        agreements=registry.agreements(connection, verifier.id),
        suspensions=registry.suspensions(connection, verifier.id),
    )


def list_agreements(
    connection: Connection, at: datetime, *, verifier_id: str | None = None
) -> tuple[Standing, ...]:
    """List the agreements of one verifier, or of all, and where each stands."""
    standing = defaultdict(list)
    for each in registry.suspensions(connection, verifier_id):
        standing[each.verifier].append(each)
    lapsed = _unaccredited(connection, at, verifier_id)
    return tuple(
        _standing(each, standing[each.verifier], at, lapsed=lapsed)
        for each in registry.agreements(connection, verifier_id)
    )


def show_agreement(connection: Connection, agreement_id: str, at: datetime) -> Standing:
    """Show one agreement with its versions, and where it stands."""
    found = registry.find_agreement(connection, agreement_id)
    standing = registry.suspensions(connection, found.verifier)
    return _standing(found, standing, at, lapsed=_unaccredited(connection, at, found.verifier))


def _standing(
    agreement: Agreement, standing: Iterable[Suspension], at: datetime, *, lapsed: Container[str]
) -> Standing:
    """Say where an agreement stands; `lapsed` are the verifiers without an accreditation."""
    state = registry.state(agreement, standing, at)
    of_the_act = Family.OTHER not in agreement.newest.scope.families
    production = agreement.environment is Environment.PRODUCTION
    if state is State.ACTIVE and agreement.verifier in lapsed and of_the_act and production:
        state = State.LAPSED
    return Standing(agreement=agreement, state=state)


def _unaccredited(connection: Connection, at: datetime, verifier_id: str | None) -> frozenset[str]:
    """Name the verifiers that need an accreditation and have none in force."""
    found = registry.accreditations(connection, verifier_id)
    covered = {e.verifier for e in found if (term := e.in_force) and term.covers(at)}
    known = (
        registry.verifiers(connection)
        if verifier_id is None
        else (registry.find_verifier(connection, verifier_id),)
    )
    needing = {each.id for each in known if each.facts.accredited}
    return frozenset(needing - covered)


def ending_soon(
    connection: Connection, at: datetime, *, days: int = registry.AHEAD.days
) -> tuple[Notice, ...]:
    """List what ends within some days, and accreditations that have lapsed."""
    ahead = timedelta(days=min(days, FARTHEST))
    return tuple(registry.notices(connection, at, ahead=ahead))


def audit(
    connection: Connection, *, subject: str | None = None, after: int = 0
) -> tuple[Trace, ...]:
    """Read the audit trail above a number, oldest first, a page at a time."""
    entries = trail.entries(connection, subject=subject, after=after)
    return tuple(map(trace, islice(entries, PAGE)))


def trace(entry: Entry) -> Trace:
    """Open the JSON of an entry."""
    return Trace(
        number=entry.number,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        before=entry.before and json.loads(entry.before),
        after=entry.after and json.loads(entry.after),
    )
