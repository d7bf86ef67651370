"""Acts that one person proposes and another decides, and those the Act gives a reason for.

`submit` is the door for people: it does an act at once, or records it as a proposal where the
house wants two persons for it. A suspension or resumption of one family also leaves a proposal
to do the same to the other, for the operator to decide (see `suspensions.follow_ups`).
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row

from tashika_server.agreements import ids
from tashika_server.agreements.compromises import (
    Compromise,
    DeclareCompromise,
    WithdrawCompromise,
    declare_compromise,
    withdraw_compromise,
)
from tashika_server.agreements.credentials import IssueCredential, Issued, issue_credential
from tashika_server.agreements.errors import SamePerson, WrongState
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.releases import Release, Released, release_file
from tashika_server.agreements.rows import Rows
from tashika_server.agreements.suspension_record import Resume, Suspend, Suspension
from tashika_server.agreements.suspensions import follow_ups, resume, suspend
from tashika_server.agreements.wording import folded, worded
from tashika_server.book import Change
from tashika_server.book import tables as t
from tashika_server.book.plain import from_plain, plain
from tashika_server.policy import ALWAYS_TWO, Guarded

__all__ = [
    "Decision",
    "Order",
    "Proposal",
    "approve",
    "find_proposal",
    "is_same_person",
    "proposals",
    "reject",
    "submit",
]

Order = Suspend | Resume | IssueCredential | DeclareCompromise | WithdrawCompromise | Release
Done = Suspension | Issued | Compromise | Released


class Decision(StrEnum):
    """Where a proposal stands."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


_ORDERS: dict[Guarded, type[Order]] = {
    Guarded.SUSPENSION: Suspend,
    Guarded.RESUMPTION: Resume,
    Guarded.CREDENTIAL: IssueCredential,
    Guarded.RELEASE: Release,
    Guarded.COMPROMISE: DeclareCompromise,
    Guarded.COMPROMISE_END: WithdrawCompromise,
}
_GUARDED = {order: guarded for guarded, order in _ORDERS.items()}
_ACTS: dict[Guarded, Callable[[Change, Any], Done]] = {
    Guarded.SUSPENSION: suspend,
    Guarded.RESUMPTION: resume,
    Guarded.CREDENTIAL: issue_credential,
    Guarded.RELEASE: release_file,
    Guarded.COMPROMISE: declare_compromise,
    Guarded.COMPROMISE_END: withdraw_compromise,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An order that waits for a decision, or did."""

    id: str
    action: Guarded
    order: Order
    proposed_by: str
    proposed_at: datetime
    second_person: bool
    """Whether the proposer may not approve it."""
    state: Decision = Decision.OPEN
    decided_by: str | None = None
    decided_at: datetime | None = None
    remark: str | None = None


def submit(change: Change, order: Order, *, two_person: Collection[Guarded]) -> Done | Proposal:
    """Do what is ordered, or propose it if a second person has to agree.

    What would be refused is refused here already, proposal or not.
    """
    action = _GUARDED[type(order)]
    if action not in ALWAYS_TWO | frozenset(two_person):
        return _perform(change, action, order, two_person)
    with change.rehearsing():
        _perform(change, action, order, two_person)
    return _propose(change, order, two_person)


def approve(change: Change, proposal_id: str, *, two_person: Collection[Guarded]) -> Done:
    """Approve a proposal and do at once what it orders."""
    before = _open_proposal(change.connection, proposal_id)
    if before.second_person and is_same_person(before.proposed_by, change.actor):
        raise SamePerson(
            f"{change.actor} proposed {before.id} and may not approve it too",
            rule=f"two persons for a {before.action}, as the house has set",
            remedy="let somebody else approve it",
        )
    _decide(change, before, Decision.APPROVED, None)
    return _perform(change, before.action, _in_time(before.order, change.at), two_person)


def reject(change: Change, proposal_id: str, *, remark: str) -> Proposal:
    """Reject a proposal; its proposer may do so too."""
    before = _open_proposal(change.connection, proposal_id)
    return _decide(change, before, Decision.REJECTED, worded(remark, "remark"))


def find_proposal(connection: Connection, proposal_id: str) -> Proposal:
    """Look one up; NoSuchRecord."""
    return _ROWS.find(connection, proposal_id)


def proposals(connection: Connection) -> tuple[Proposal, ...]:
    """List all proposals, the decided ones too."""
    return _ROWS.list(connection)


def _perform(
    change: Change, action: Guarded, order: Order, two_person: Collection[Guarded]
) -> Done:
    done = _ACTS[action](change, order)
    if isinstance(done, Suspension):
        if done.until is not None:
            _drop_followers(change, done)
        waiting = {_aim(each.order) for each in _waiting(change.connection)}
        for follow_up in follow_ups(change.connection, done, change.at):
            if _aim(follow_up) not in waiting:
                _propose(change, follow_up, two_person)
    return done


def _drop_followers(change: Change, resumed: Suspension) -> None:
    """Reject what was proposed because of a suspension that is no more."""
    for each in _waiting(change.connection):
        if isinstance(each.order, Suspend) and each.order.cause == resumed.id:
            _decide(change, each, Decision.REJECTED, f"{resumed.id} was resumed")


def _waiting(connection: Connection) -> tuple[Proposal, ...]:
    return _ROWS.list(connection, None, t.proposal.c.state == Decision.OPEN)


def _aim(order: Order) -> tuple[str, ...]:
    """Tell what an order would change, whatever the reason and the time."""
    if isinstance(order, Suspend):
        return order.verifier, order.ground
    match order:
        case Resume():
            return (order.suspension,)
        case DeclareCompromise():
            return (order.issuer,)
        case WithdrawCompromise():
            return (order.compromise,)
        case IssueCredential():
            return (order.agreement,)
        case Release():
            return (order.sha256,)


def _propose(change: Change, order: Order, two_person: Collection[Guarded]) -> Proposal:
    action = _GUARDED[type(order)]
    return _ROWS.add(
        change,
        "proposal.add",
        action=action,
        payload=plain(order),
        proposed_by=change.actor,
        proposed_at=change.at,
        second_person=action in ALWAYS_TWO | frozenset(two_person),
        state=Decision.OPEN,
    )


def _decide(change: Change, before: Proposal, decision: Decision, remark: str | None) -> Proposal:
    return _ROWS.alter(
        change,
        f"proposal.{decision}",
        before,
        state=decision,
        decided_by=change.actor,
        decided_at=change.at,
        remark=remark,
    )


def _open_proposal(connection: Connection, proposal_id: str) -> Proposal:
    found = find_proposal(connection, proposal_id)
    if found.state is not Decision.OPEN:
        raise WrongState(
            f"{found.id} was {found.state} by {found.decided_by}",
            rule="a proposal is decided once",
            remedy="propose it anew",
        )
    return found


def _in_time(order: Order, at: datetime) -> Order:
    """Let a suspension whose time came while it waited begin now."""
    if isinstance(order, Suspend) and order.since is not None and order.since < at:
        return replace(order, since=None)
    return order


def is_same_person(one: str, other: str) -> bool:
    """Tell whether two names are one person's, however they are written."""
    return folded(one) == folded(other)


def _proposal(row: Row[Any]) -> Proposal:
    action = Guarded(row.action)
    return Proposal(
        id=ids.label(Kind.PROPOSAL, row.id),
        action=action,
        order=from_plain(row.payload, _ORDERS[action]),
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        second_person=row.second_person,
        state=Decision(row.state),
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        remark=row.remark,
    )


_ROWS = Rows(kind=Kind.PROPOSAL, table=t.proposal, read=_proposal)
