"""Notifications (届出): a verifier told the operator beforehand which information it will ask for.

One for each family of certificates. While there is none, provision under a production
agreement stands still, from the very instant of the withdrawal.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from tashika.pki.profile import Family
from tashika_server.agreements import ids
from tashika_server.agreements.act import CONFIRMERS, notification_clause
from tashika_server.agreements.errors import BadPeriod, BadScope, Duplicate, NotEntitled, WrongState
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.parties import Verifier, demand_not_ended, find_verifier
from tashika_server.agreements.period import Period
from tashika_server.agreements.rows import Rows
from tashika_server.agreements.wording import worded
from tashika_server.book import Change
from tashika_server.book import tables as t

__all__ = ["Notification", "add_notification", "notifications", "withdraw_notification"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What was notified, and since when; ends with its withdrawal."""

    id: str
    verifier: str
    family: Family
    period: Period
    confirmers: str | None = None
    """For a group verifier: the range of those it will answer (署名確認者の範囲)."""


def add_notification(
    change: Change,
    verifier_id: str,
    *,
    family: Family,
    received_at: datetime,
    confirmers: str | None = None,
) -> Notification:
    """Record that a verifier's notification was received."""
    verifier = find_verifier(change.connection, verifier_id)
    demand_not_ended(verifier)
    verifier.demand({family})
    _demand_notifiable(verifier, family)
    _demand_range(verifier, confirmers)
    if received_at > change.at:
        raise BadPeriod(
            "a notification cannot have been received in the future",
            rule="what is recorded has happened",
            remedy="record it when it arrives",
        )
    if found := _open(change.connection, verifier.id, family):
        raise Duplicate(
            f"{verifier.id} has notified {family} with {found.id}",
            rule="one notification in force for one family",
            remedy="withdraw it first",
        )
    return _ROWS.add(
        change,
        "notification.add",
        verifier_id=ids.number(Kind.VERIFIER, verifier.id),
        family=family,
        received_at=received_at,
        confirmers=confirmers and worded(confirmers, "range"),
    )


def withdraw_notification(change: Change, verifier_id: str, *, family: Family) -> Notification:
    """End the notification now; what was provided by reason of it stops with it."""
    verifier = find_verifier(change.connection, verifier_id)
    before = _open(change.connection, verifier.id, family)
    if before is None or not before.period.can_end(change.at):
        raise WrongState(
            f"{verifier.id} has no notification for {family} in force",
            rule="only what is in force can be withdrawn",
            remedy=f"see `verifier show {verifier.id}`",
        )
    return _ROWS.alter(change, "notification.withdraw", before, withdrawn_at=change.at)


def notifications(
    connection: Connection, verifier_id: str | None = None
) -> tuple[Notification, ...]:
    """List the notifications of one verifier, or of all, the withdrawn ones too."""
    return _ROWS.list(connection, verifier_id)


def _open(connection: Connection, verifier_id: str, family: Family) -> Notification | None:
    return next(
        (
            each
            for each in notifications(connection, verifier_id)
            if each.family is family and each.period.end is None
        ),
        None,
    )


def _demand_notifiable(verifier: Verifier, family: Family) -> None:
    if notification_clause(verifier.category, family) is None:
        raise BadScope(
            f"{family} information needs no notification",
            rule="the Act does not speak of it",
            remedy="go on without one",
        )


def _demand_range(verifier: Verifier, confirmers: str | None) -> None:
    if verifier.facts.has_confirmers == bool(confirmers and confirmers.strip()):
        return
    if verifier.facts.has_confirmers:
        what, remedy = "states no range of confirmers", "state which members it will answer"
    else:
        what, remedy = "states a range of confirmers", "leave it out"
    raise NotEntitled(
        f"the notification of {verifier.id} {what}",
        rule=verifier.cite("a group verifier, and no other, notifies the range", CONFIRMERS),
        remedy=remedy,
    )


def _notification(row: Row[Any]) -> Notification:
    return Notification(
        id=ids.label(Kind.NOTIFICATION, row.id),
        verifier=ids.label(Kind.VERIFIER, row.verifier_id),
        family=Family(row.family),
        period=Period(row.received_at, row.withdrawn_at),
        confirmers=row.confirmers,
    )


_ROWS = Rows(kind=Kind.NOTIFICATION, table=t.notification, read=_notification)
