"""Adjustments: what a frozen statement got wrong, made good by a line of its own.

One person enters it with a reason, another one approves it; only then does it count. The
statement stays as it was frozen, and the adjustment goes on a later sheet of it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row

from tashika_server.agreements import ids
from tashika_server.agreements.errors import SamePerson
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.proposals import is_same_person
from tashika_server.agreements.rows import Rows
from tashika_server.agreements.wording import worded
from tashika_server.book import Change
from tashika_server.book import accounts as a
from tashika_server.ledger.errors import AdjustmentDecided, BadAdjustment
from tashika_server.ledger.statement import find_statement

__all__ = [
    "Adjustment",
    "Decision",
    "add_adjustment",
    "adjustments",
    "approve_adjustment",
    "find_adjustment",
    "reject_adjustment",
]

MOST = 1_000_000_000_000
"""Fifty thousand million provisions at 20 yen: a larger amount is a slip."""


class Decision(StrEnum):
    """Where an adjustment stands."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """So many yen more, or fewer, than a frozen statement says."""

    id: str
    statement: str
    yen: int
    reason: str
    entered_by: str
    entered_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    rejected_by: str | None = None
    rejected_at: datetime | None = None

    @property
    def state(self) -> Decision:
        """Whether it counts."""
        if self.approved_by is not None:
            return Decision.APPROVED
        return Decision.OPEN if self.rejected_by is None else Decision.REJECTED


def add_adjustment(change: Change, statement_id: str, *, yen: int, reason: str) -> Adjustment:
    """Enter a correction of a frozen statement; a second person has to approve it."""
    statement = find_statement(change.connection, statement_id)
    if not 0 < abs(yen) <= MOST:
        raise BadAdjustment(
            f"{yen} yen is no adjustment",
            rule=f"an adjustment changes an amount, by {MOST} yen at most",
            remedy="give the yen to add, or to take off with a minus",
        )
    return _ROWS.add(
        change,
        "adjustment.add",
        statement_id=ids.number(Kind.STATEMENT, statement.id),
        yen=yen,
        reason=worded(reason, "reason"),
        entered_by=change.actor,
        entered_at=change.at,
    )


def approve_adjustment(change: Change, adjustment_id: str) -> Adjustment:
    """Let an adjustment count; SamePerson for whoever entered it."""
    before = _open(change.connection, adjustment_id)
    if is_same_person(before.entered_by, change.actor):
        raise SamePerson(
            f"{change.actor} entered {before.id} and may not approve it too",
            rule="two persons for every adjustment",
            remedy="let somebody else approve it",
        )
    decided = {"approved_by": change.actor, "approved_at": change.at}
    return _ROWS.alter(change, "adjustment.approve", before, **decided)


def reject_adjustment(change: Change, adjustment_id: str) -> Adjustment:
    """Let an adjustment never count; whoever entered it may take it back so."""
    before = _open(change.connection, adjustment_id)
    decided = {"rejected_by": change.actor, "rejected_at": change.at}
    return _ROWS.alter(change, "adjustment.reject", before, **decided)


def find_adjustment(connection: Connection, adjustment_id: str) -> Adjustment:
    """Look one up; NoSuchRecord."""
    return _ROWS.find(connection, adjustment_id)


def adjustments(connection: Connection, statement_id: str | None = None) -> tuple[Adjustment, ...]:
    """List those of one statement, or all, in the order in which they were entered."""
    return _ROWS.list(connection, statement_id)


def _open(connection: Connection, adjustment_id: str) -> Adjustment:
    found = find_adjustment(connection, adjustment_id)
    if found.state is not Decision.OPEN:
        raise AdjustmentDecided(
            f"{found.id} was {found.state} by {found.approved_by or found.rejected_by}",
            rule="an adjustment is decided once",
            remedy="enter another one",
        )
    return found


def _adjustment(row: Row[Any]) -> Adjustment:
    values = row._asdict()
    return Adjustment(
        id=ids.label(Kind.ADJUSTMENT, values.pop("id")),
        statement=ids.label(Kind.STATEMENT, values.pop("statement_id")),
        **values,
    )


_ROWS = Rows(kind=Kind.ADJUSTMENT, table=a.adjustment, read=_adjustment, owner=Kind.STATEMENT)
