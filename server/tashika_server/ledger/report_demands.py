"""Reports that are demanded of verifiers (art. 66): of whom they can be, due when, answered or not.

The reports themselves are letters and are kept elsewhere; here is what was asked, and its fate.
"""

from collections.abc import Container
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row

from tashika_server.agreements import ids
from tashika_server.agreements.act import REPORTS
from tashika_server.agreements.errors import NotEntitled, WrongState
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.parties import Verifier, demand_not_ended, find_verifier
from tashika_server.agreements.period import day_begins
from tashika_server.agreements.rows import Rows
from tashika_server.agreements.wording import worded
from tashika_server.book import Change
from tashika_server.book.accounts import report_demand
from tashika_server.ledger.days import DAY, day_of
from tashika_server.ledger.errors import BadDay

__all__ = [
    "DemandStanding",
    "DemandState",
    "ReportDemand",
    "answer_report",
    "demand_report",
    "find_demand",
    "report_demands",
    "standing_of",
]


class DemandState(StrEnum):
    """Where a demand stands."""

    OPEN = "open"
    OVERDUE = "overdue"
    ANSWERED = "answered"
    ANSWERED_LATE = "answered-late"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDemand:
    """One report that was demanded of one verifier."""

    id: str
    verifier: str
    demanded_at: datetime
    due: date
    """The last day of Japan on which it is in time."""
    subject: str
    """What it is to be about."""
    reference: str
    """Of the letter that demands it."""
    answered_at: datetime | None
    note: str
    """Where the answer is kept; empty before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandStanding:
    """A demand and where it stands now."""

    demand: ReportDemand
    state: DemandState


def demand_report(
    change: Change, verifier_id: str, *, due: date, subject: str, reference: str
) -> ReportDemand:
    """Enter a demand; NotEntitled for whom the Act exempts, BadDay for a day that is over."""
    verifier = find_verifier(change.connection, verifier_id)
    demand_not_ended(verifier)
    _demand_not_exempt(verifier)
    if due < day_of(change.at):
        raise BadDay(
            f"{due} is over",
            rule="a report is due on a day that is still to come, or today",
            remedy="give a later day",
        )
    return _ROWS.add(
        change,
        "report.demand",
        verifier_id=ids.number(Kind.VERIFIER, verifier.id),
        demanded_at=change.at,
        due=due,
        subject=worded(subject, "subject"),
        reference=worded(reference, "reference"),
        note="",
    )


def answer_report(change: Change, demand_id: str, *, note: str) -> ReportDemand:
    """Enter that the report has come, and where it is kept; WrongState if it had."""
    before = find_demand(change.connection, demand_id)
    if before.answered_at is not None:
        raise WrongState(
            f"{before.id} was answered already",
            rule="a demand is answered once",
            remedy="demand another report if this one does not do",
        )
    return _ROWS.alter(
        change, "report.answer", before, answered_at=change.at, note=worded(note, "note")
    )


def find_demand(connection: Connection, demand_id: str) -> ReportDemand:
    """Look one up; NoSuchRecord."""
    return _ROWS.find(connection, demand_id)


def report_demands(
    connection: Connection,
    at: datetime,
    *,
    verifier: str | None = None,
    states: Container[DemandState] = frozenset(DemandState),
) -> tuple[DemandStanding, ...]:
    """List all that are in one of these states now, or those of one verifier, oldest first."""
    standing = (standing_of(each, at) for each in _ROWS.list(connection, verifier))
    return tuple(each for each in standing if each.state in states)


def standing_of(demand: ReportDemand, at: datetime) -> DemandStanding:
    """Tell where a demand stands."""
    return DemandStanding(demand=demand, state=_state(demand, at))


def _state(demand: ReportDemand, at: datetime) -> DemandState:
    over = day_begins(demand.due + DAY)
    if demand.answered_at is None:
        return DemandState.OVERDUE if at >= over else DemandState.OPEN
    return DemandState.ANSWERED_LATE if demand.answered_at >= over else DemandState.ANSWERED


def _demand_not_exempt(verifier: Verifier) -> None:
    if not verifier.facts.reports:
        raise NotEntitled(
            f"{verifier.id} is a party of category {verifier.category}",
            rule=verifier.cite("reports are not demanded of administration and courts", REPORTS),
            remedy="ask for it without a demand",
        )


def _demand(row: Row[Any]) -> ReportDemand:
    return ReportDemand(
        id=ids.label(Kind.DEMAND, row.id),
        verifier=ids.label(Kind.VERIFIER, row.verifier_id),
        demanded_at=row.demanded_at,
        due=row.due,
        subject=row.subject,
        reference=row.reference,
        answered_at=row.answered_at,
        note=row.note,
    )


_ROWS = Rows(kind=Kind.DEMAND, table=report_demand, read=_demand)
