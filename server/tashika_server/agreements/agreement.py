"""Agreements (取決め): what a verifier may ask, in versions that take effect one after another.

The page where an agreement's life is led; each verb checks its rules, writes the rows and
leaves its entry in the audit trail. The value and its rows are in `agreement_record`.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from tashika.pki.profile import Family
from tashika_server.agreements import agreement_record as record
from tashika_server.agreements.accreditations import accreditations
from tashika_server.agreements.act import ACCREDITATION, agreement_clause, notification_clause
from tashika_server.agreements.agreement_record import (
    Agreement,
    Version,
    agreements,
    find_agreement,
)
from tashika_server.agreements.errors import BadPeriod, NotEntitled, Overlap
from tashika_server.agreements.lifecycle import State, Step, follow
from tashika_server.agreements.notifications import notifications
from tashika_server.agreements.parties import (
    Verifier,
    close_verifier,
    demand_not_ended,
    find_verifier,
)
from tashika_server.agreements.period import Period
from tashika_server.agreements.scope import Issuers, Scope, demand_sound
from tashika_server.agreements.terms import Environment, Method
from tashika_server.book import Change

__all__ = [
    "add_agreement",
    "advance_agreement",
    "change_agreement",
    "end_agreement",
    "end_verifier",
]


def add_agreement(
    change: Change,
    verifier_id: str,
    *,
    environment: Environment,
    period: Period,
    scope: Scope,
    issuers: Issuers,
) -> Agreement:
    """Draft an agreement; nobody may ask by it before it is active."""
    verifier = find_verifier(change.connection, verifier_id)
    demand_not_ended(verifier)
    demand_sound(scope, verifier, issuers)
    drafted = Agreement(
        id="",
        verifier=verifier.id,
        environment=environment,
        stage=State.DRAFT,
        versions=(Version(number=1, period=period, scope=scope),),
    )
    _demand_apart(change.connection, verifier, drafted)
    added = record.insert_agreement(change, drafted)
    change.record("agreement.add", added.id, before=None, after=added)
    return added


def change_agreement(
    change: Change, agreement_id: str, *, period: Period, scope: Scope, issuers: Issuers
) -> Agreement:
    """Add a version with this scope that takes effect at the start of the period.

    It stands until the period's end, and replaces the versions planned for later.
    """
    before, verifier = _open_agreement(change, agreement_id)
    demand_sound(scope, verifier, issuers)
    if before.stage is State.ACTIVE and period.start < change.at:
        raise BadPeriod(
            f"a change of {before.id} cannot take effect in the past, {period}",
            rule="what has been answered stays under the terms it was answered by",
            remedy="let it take effect now or later",
        )
    version = Version(number=len(before.versions) + 1, period=period, scope=scope)
    after = replace(before, versions=(*before.versions, version))
    if before.stage is not State.DRAFT:
        _demand_notified(change.connection, verifier, after, change.at)
    _demand_apart(change.connection, verifier, after)
    record.insert_version(change, after)
    change.record("agreement.change", after.id, before=before, after=after)
    return after


def advance_agreement(
    change: Change, agreement_id: str, step: Step, *, concluded_at: datetime | None = None
) -> Agreement:
    """Take a step: NOTIFY, AGREE (concluded now unless said otherwise) or ACTIVATE."""
    before, verifier = _open_agreement(change, agreement_id)
    stage = _follow(before, step, verifier)
    _demand_notified(change.connection, verifier, before, change.at)
    after = replace(before, stage=stage)
    if step is Step.AGREE:
        after = replace(after, concluded_at=concluded_at or change.at)
        _demand_past(after, change.at)
    if step is Step.ACTIVATE:
        _demand_accredited(change.connection, verifier, before, change.at)
        after = replace(after, activated_at=change.at)
    record.update_agreement(change, after)
    change.record(f"agreement.{step}", after.id, before=before, after=after)
    return after


def end_agreement(change: Change, agreement_id: str) -> Agreement:
    """End it now; to end it later, change its period."""
    before, verifier = _open_agreement(change, agreement_id)
    after = replace(before, stage=_follow(before, Step.END, verifier), ended_at=change.at)
    record.update_agreement(change, after)
    change.record("agreement.end", after.id, before=before, after=after)
    return after


def end_verifier(change: Change, verifier_id: str) -> Verifier:
    """End a verifier and all its agreements now."""
    verifier = find_verifier(change.connection, verifier_id)
    demand_not_ended(verifier)
    for each in agreements(change.connection, verifier.id):
        if each.stage is not State.ENDED:
            end_agreement(change, each.id)
    return close_verifier(change, verifier)


# --- Rules ----------------------------------------------------------------------------------


def _open_agreement(change: Change, agreement_id: str) -> tuple[Agreement, Verifier]:
    agreement = find_agreement(change.connection, agreement_id)
    verifier = find_verifier(change.connection, agreement.verifier)
    _follow(agreement, Step.END, verifier)  # what can still end has not ended
    return agreement, verifier


def _follow(agreement: Agreement, step: Step, verifier: Verifier) -> State:
    families = agreement.newest.scope.families
    return follow(
        agreement.stage, step, category=verifier.category, families=families, act=verifier.act
    )


def _demand_apart(connection: Connection, verifier: Verifier, agreement: Agreement) -> None:
    """Raise Overlap if another agreement of the verifier grants the same at the same time."""
    for other in agreements(connection, verifier.id):
        if other.id == agreement.id or other.environment is not agreement.environment:
            continue
        for version, period in agreement.timeline():
            for standing, its_period in other.timeline():
                both = period.common(its_period)
                for family, method in sorted(version.scope.lines & standing.scope.lines):
                    if both is not None:
                        raise Overlap(
                            f"{other.id} of {verifier.id} grants {family} by {method} "
                            f"in {agreement.environment} too, {both}",
                            rule=verifier.cite(
                                "one agreement fixes what is provided",
                                agreement_clause(verifier.category, family),
                            ),
                            remedy=f"change {other.id}, end it, or give another period",
                        )


def _demand_notified(
    connection: Connection, verifier: Verifier, agreement: Agreement, at: datetime
) -> None:
    if agreement.environment is not Environment.PRODUCTION:
        return  # test certificates are nobody's: the Act has nothing to say
    in_force = {
        each.family for each in notifications(connection, verifier.id) if each.period.covers(at)
    }
    for family in sorted(_families_to_notify(agreement.newest.scope) - in_force):
        raise NotEntitled(
            f"{verifier.id} has not notified that it will ask for {family} information",
            rule=verifier.cite(
                "a party notifies beforehand", notification_clause(verifier.category, family)
            ),
            remedy=f"record it with `verifier notify {verifier.id} --family {family}`",
        )


def _families_to_notify(scope: Scope) -> frozenset[Family]:
    if any(grant.method is Method.CORRESPONDING for grant in scope.grants):
        return frozenset({Family.SIGNATURE, Family.USER_AUTH})
    return scope.families - {Family.OTHER}


def _demand_accredited(
    connection: Connection, verifier: Verifier, agreement: Agreement, at: datetime
) -> None:
    if not verifier.facts.accredited or agreement.environment is not Environment.PRODUCTION:
        return
    terms = [each.in_force for each in accreditations(connection, verifier.id)]
    if not any(term.covers(at) for term in terms if term):
        raise NotEntitled(
            f"{verifier.id} has no accreditation in force",
            rule=verifier.cite("without renewal an accreditation lapses", ACCREDITATION),
            remedy=f"record it with `verifier accredit {verifier.id}`",
        )


def _demand_past(agreement: Agreement, at: datetime) -> None:
    if agreement.concluded_at is not None and agreement.concluded_at > at:
        raise BadPeriod(
            f"{agreement.id} cannot have been concluded in the future",
            rule="what is recorded has happened",
            remedy="record it on that day",
        )
