"""A suspension as a value, the orders that make and end one, and how it lies in the table."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from tashika.pki.profile import Family
from tashika_server.agreements import ids
from tashika_server.agreements.act import ActVersion
from tashika_server.agreements.grounds import GROUNDS, Ground
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.rows import Rows
from tashika_server.book import tables as t

__all__ = ["ROWS", "Resume", "Suspend", "Suspension", "find_suspension", "suspensions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend:
    """An order to stop provision of one family; the ground says which."""

    verifier: str
    ground: Ground
    reason: str
    holder: str | None = None
    """Stop one tenant, confirmer or processor only."""
    since: datetime | None = None
    """From when; None is at once."""
    cause: str | None = None
    """The suspension of the other family that this one follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """An order to provide again."""

    suspension: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """What was stopped, why, by whom, and whether it was taken back."""

    id: str
    verifier: str
    family: Family
    ground: Ground
    act: ActVersion
    """The version of the Act it was ordered by."""
    reason: str
    since: datetime
    suspended_by: str
    holder: str | None = None
    cause: str | None = None
    until: datetime | None = None
    resumed_by: str | None = None
    resume_reason: str | None = None

    @property
    def article(self) -> str:
        """Where its ground stands; empty outside the Act."""
        clause = GROUNDS[self.ground].clause
        return "" if clause is None else str(clause.at(self.act))

    def stands(self, at: datetime) -> bool:
        """Tell whether it stops anything at an instant."""
        return self.since <= at and (self.until is None or at < self.until)


def find_suspension(connection: Connection, suspension_id: str) -> Suspension:
    """Look one up; NoSuchRecord."""
    return ROWS.find(connection, suspension_id)


def suspensions(connection: Connection, verifier_id: str | None = None) -> tuple[Suspension, ...]:
    """List the suspensions of one verifier, or of all, the resumed ones too."""
    return ROWS.list(connection, verifier_id)


def _suspension(row: Row[Any]) -> Suspension:
    return Suspension(
        id=ids.label(Kind.SUSPENSION, row.id),
        verifier=ids.label(Kind.VERIFIER, row.verifier_id),
        family=Family(row.family),
        ground=Ground(row.ground),
        act=ActVersion(row.act_version),
        reason=row.reason,
        since=row.since,
        suspended_by=row.suspended_by,
        holder=ids.label(Kind.HOLDER, row.holder_id),
        cause=ids.label(Kind.SUSPENSION, row.cause_id),
        until=row.until,
        resumed_by=row.resumed_by,
        resume_reason=row.resume_reason,
    )


ROWS = Rows(kind=Kind.SUSPENSION, table=t.suspension, read=_suspension)
