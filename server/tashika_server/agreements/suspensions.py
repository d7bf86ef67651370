"""Suspension and resumption of provision (提供の停止), each with its ground, reason and actor.

`suspend` and `resume` act at once; where a second person has to agree, or the other family
may have to follow, that is arranged in `proposals`. The value and its rows are in
`suspension_record`.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from tashika.pki.profile import Family
from tashika_server.agreements import ids
from tashika_server.agreements.agreement_record import Agreement, agreements
from tashika_server.agreements.errors import BadPeriod, BadScope, Duplicate, NotEntitled, WrongState
from tashika_server.agreements.grounds import GROUNDS, GroundFacts, following
from tashika_server.agreements.holders import HolderKind, find_holder
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.lifecycle import TRANSITIONS, State, Step
from tashika_server.agreements.parties import Verifier, find_verifier
from tashika_server.agreements.suspension_record import (
    ROWS,
    Resume,
    Suspend,
    Suspension,
    find_suspension,
    suspensions,
)
from tashika_server.agreements.wording import worded
from tashika_server.book import Change

__all__ = ["follow_ups", "resume", "state", "suspend"]


def suspend(change: Change, order: Suspend) -> Suspension:
    """Stop provision; it acts on every agreement of the verifier that grants the family."""
    verifier = find_verifier(change.connection, order.verifier)
    facts = GROUNDS[order.ground]
    since = order.since or change.at
    _demand_applicable(change.connection, order, verifier, facts)
    _demand_not_past(since, change.at)
    _demand_provision(change, verifier, facts.family)
    cause = _cause(change.connection, order, verifier, facts)
    _demand_new(change.connection, order)
    return ROWS.add(
        change,
        "suspension.add",
        verifier_id=ids.number(Kind.VERIFIER, verifier.id),
        family=facts.family,
        holder_id=ids.number(Kind.HOLDER, order.holder),
        ground=order.ground,
        act_version=verifier.act,
        reason=worded(order.reason, "reason"),
        since=since,
        suspended_by=change.actor,
        cause_id=None if cause is None else ids.number(Kind.SUSPENSION, cause.id),
    )


def resume(change: Change, order: Resume) -> Suspension:
    """Take a suspension back; one that has not begun never will."""
    before = find_suspension(change.connection, order.suspension)
    if before.until is not None:
        raise WrongState(
            f"{before.id} was resumed by {before.resumed_by}",
            rule=TRANSITIONS[Step.RESUME].rule,
            remedy="nothing is to be done",
        )
    return ROWS.alter(
        change,
        "suspension.resume",
        before,
        until=max(change.at, before.since),
        resumed_by=change.actor,
        resume_reason=worded(order.reason, "reason"),
    )


def follow_ups(
    connection: Connection, moved: Suspension, at: datetime
) -> tuple[Suspend | Resume, ...]:
    """Find what a suspension or resumption gives reason to do to the other family.

    The Act lets a stop of one family be a ground for the other; a person decides.
    """
    if moved.until is not None:
        return tuple(
            Resume(suspension=each.id, reason=f"{moved.id}, which it follows, was resumed")
            for each in suspensions(connection, moved.verifier)
            if each.cause == moved.id and each.until is None
        )
    ground = following(moved.family)
    if ground is None or not _may_be_followed(moved):
        return ()
    followed = any(
        each.ground is ground and each.until is None
        for each in suspensions(connection, moved.verifier)
    )
    if followed or not _provided(connection, moved.verifier, GROUNDS[ground].family, at):
        return ()
    return (
        Suspend(
            verifier=moved.verifier,
            ground=ground,
            reason=f"follows {moved.id}",
            since=moved.since,
            cause=moved.id,
        ),
    )


def state(agreement: Agreement, standing: Iterable[Suspension], at: datetime) -> State:
    """Tell where an agreement stands, given the suspensions of its verifier."""
    if agreement.stage is not State.ACTIVE:
        return agreement.stage
    pieces = agreement.timeline()
    if not any(period.end is None or at < period.end for _, period in pieces):
        return State.ENDED
    stopped = {each.family for each in standing if each.holder is None and each.stands(at)}
    granted = [version.scope.families for version, period in pieces if period.covers(at)]
    return State.SUSPENDED if granted and granted[0] <= stopped else State.ACTIVE


# --- Rules ----------------------------------------------------------------------------------


def _demand_applicable(
    connection: Connection, order: Suspend, verifier: Verifier, facts: GroundFacts
) -> None:
    verifier.demand({facts.family})
    rule = verifier.cite("each ground is about certain people", facts.clause)
    if facts.of_confirmers and not verifier.facts.has_confirmers:
        raise NotEntitled(
            f"{order.ground} is about confirmers, and {verifier.id} has none",
            rule=rule,
            remedy="give the ground that is about the verifier itself",
        )
    if order.holder is None:
        return
    holder = find_holder(connection, order.holder)
    if holder.verifier != verifier.id:
        raise BadScope(
            f"{holder.id} belongs to {holder.verifier}, not to {verifier.id}",
            rule="a holder is stopped under its own verifier",
            remedy=f"see `verifier show {verifier.id}`",
        )
    if facts.of_confirmers and holder.kind is not HolderKind.CONFIRMER:
        raise BadScope(
            f"{holder.id} is a {holder.kind}, not a confirmer",
            rule=rule,
            remedy="give a confirmer, or none to stop the group verifier",
        )


def _demand_not_past(since: datetime, at: datetime) -> None:
    if since < at:
        raise BadPeriod(
            "provision cannot be stopped in the past",
            rule="what has been answered stays answered",
            remedy="leave the time out to stop it now",
        )


def _demand_provision(change: Change, verifier: Verifier, family: Family) -> None:
    if not _provided(change.connection, verifier.id, family, change.at):
        raise WrongState(
            f"{verifier.id} has no agreement in force that grants {family}",
            rule=TRANSITIONS[Step.SUSPEND].rule,
            remedy="do not activate an agreement of theirs, or end what is drafted",
        )


def _provided(connection: Connection, verifier_id: str, family: Family, at: datetime) -> bool:
    standing = suspensions(connection, verifier_id)
    return any(
        state(each, standing, at) in TRANSITIONS[Step.SUSPEND].sources
        and any(family in version.scope.families for version, _ in each.timeline())
        for each in agreements(connection, verifier_id)
    )


def _cause(
    connection: Connection, order: Suspend, verifier: Verifier, facts: GroundFacts
) -> Suspension | None:
    if facts.follows is None:
        return None
    for each in suspensions(connection, verifier.id):
        named = order.cause in {None, each.id}
        stands = each.family is facts.follows and each.until is None
        if named and stands and _may_be_followed(each):
            return each
    raise WrongState(
        f"{order.cause or f'no suspension of {facts.follows}'} is in force for {verifier.id}",
        rule=verifier.cite(f"this ground is that {facts.follows} was stopped", facts.clause),
        remedy="give another ground, or reject the proposal",
    )


def _may_be_followed(cause: Suspension) -> bool:
    """Only a stop of the whole verifier for its own breach: the paragraphs cite each other."""
    facts = GROUNDS[cause.ground]
    return cause.holder is None and facts.follows is None and not facts.of_confirmers


def _demand_new(connection: Connection, order: Suspend) -> None:
    for each in suspensions(connection, order.verifier):
        same = (each.ground, each.holder) == (order.ground, order.holder)
        if same and each.until is None:
            raise Duplicate(
                f"{each.id} stops that already",
                rule="one suspension for one ground and scope",
                remedy=f"resume {each.id} first, or give the other ground there is",
            )
