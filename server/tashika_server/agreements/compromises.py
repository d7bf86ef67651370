"""The compromise of an issuer's key: declared and taken back by two persons, kept in the book.

One switch for each key (Act art. 14, 33): while it is on, everything that was ever issued under
the key is revoked. How the workers come to know is in `compromise_file`, what they then say is in
`responder.compromised`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from tashika_server.agreements import ids
from tashika_server.agreements.act import clause
from tashika_server.agreements.errors import BadPeriod, Duplicate, WrongState
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.rows import Rows
from tashika_server.agreements.wording import worded
from tashika_server.book import Change
from tashika_server.book import tables as t

__all__ = [
    "REVOKED_BY_LAW",
    "Compromise",
    "DeclareCompromise",
    "WithdrawCompromise",
    "compromises",
    "declare_compromise",
    "find_compromise",
    "withdraw_compromise",
]

REVOKED_BY_LAW = {"signature": clause("14"), "user-auth": clause("33")}
"""Where the Act has everything under a compromised key revoked, by family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclareCompromise:
    """An order to revoke everything under one issuer's key."""

    issuer: str
    """Its name in the configuration."""
    fingerprint: bytes
    """Of its name and key, SHA-256: a name may be given to another key one day."""
    family: str
    reason: str
    """For the record of the house; it is not published."""
    since: datetime | None = None
    """When the key was lost, as far as is known; None is when the order is approved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawCompromise:
    """An order to say again of each certificate what the issuer's CRLs say."""

    compromise: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compromise:
    """That a key was declared compromised, by whom, and whether that was taken back."""

    id: str
    issuer: str
    fingerprint: bytes
    family: str
    reason: str
    since: datetime
    """The date that certificates under the key are revoked as of."""
    declared_at: datetime
    declared_by: str
    """Who approved it; the proposal says who proposed."""
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None
    withdraw_reason: str | None = None


def declare_compromise(change: Change, order: DeclareCompromise) -> Compromise:
    """Turn the switch on; raises Duplicate if it is on, BadPeriod for a time to come."""
    for each in compromises(change.connection):
        if each.fingerprint == order.fingerprint and each.withdrawn_at is None:
            raise Duplicate(
                f"{each.id} says so of {each.issuer} already",
                rule="one switch for each key",
                remedy="nothing is to be done",
            )
    since = order.since or change.at
    if since > change.at:
        raise BadPeriod(
            "a key cannot be compromised from a time to come",
            rule="what is known is declared",
            remedy="leave the time out for now",
        )
    return _ROWS.add(
        change,
        "compromise.declare",
        issuer=order.issuer,
        fingerprint=order.fingerprint,
        family=order.family,
        reason=worded(order.reason, "reason"),
        since=since,
        declared_at=change.at,
        declared_by=change.actor,
    )


def withdraw_compromise(change: Change, order: WithdrawCompromise) -> Compromise:
    """Turn the switch off; raises WrongState if it is off."""
    before = find_compromise(change.connection, order.compromise)
    if before.withdrawn_at is not None:
        raise WrongState(
            f"{before.id} was withdrawn by {before.withdrawn_by}",
            rule="a declaration is withdrawn once",
            remedy="nothing is to be done",
        )
    return _ROWS.alter(
        change,
        "compromise.withdraw",
        before,
        withdrawn_at=change.at,
        withdrawn_by=change.actor,
        withdraw_reason=worded(order.reason, "reason"),
    )


def find_compromise(connection: Connection, compromise_id: str) -> Compromise:
    """Look one up; NoSuchRecord."""
    return _ROWS.find(connection, compromise_id)


def compromises(connection: Connection) -> tuple[Compromise, ...]:
    """List all that were declared, the withdrawn ones too."""
    return _ROWS.list(connection)


def _compromise(row: Row[Any]) -> Compromise:
    return Compromise(
        id=ids.label(Kind.COMPROMISE, row.id),
        issuer=row.issuer,
        fingerprint=row.fingerprint,
        family=row.family,
        reason=row.reason,
        since=row.since,
        declared_at=row.declared_at,
        declared_by=row.declared_by,
        withdrawn_at=row.withdrawn_at,
        withdrawn_by=row.withdrawn_by,
        withdraw_reason=row.withdraw_reason,
    )


_ROWS = Rows(kind=Kind.COMPROMISE, table=t.compromise, read=_compromise)
