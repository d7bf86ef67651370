"""Alarms about journals: what does not add up, and how a person dealt with it.

An alarm about a stream stops that stream where it stands, and any open alarm keeps every month
from being closed. Nothing here decides what an alarm means; `settling` does what a person says.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, update

from tashika_server.book import Change
from tashika_server.book.accounts import journal_alarm
from tashika_server.metering.reading import Cursor

__all__ = ["Alarm", "Doubt", "alarms", "close_alarm", "find_alarm", "left_out", "open_alarm"]


class Doubt(StrEnum):
    """What can be wrong beside the bytes of a segment (`ending.Harm`); names an alarm."""

    ROSTER = "roster"
    """The list of streams has lost a line."""
    STRAY = "stray"
    """A stream has begun that the list does not name."""
    STRANGER = "stranger"
    """A journal names a party or an agreement that the registry does not know."""
    LATE = "late"
    """Answers of a frozen month were counted: its statements know nothing of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing that does not add up."""

    id: int
    kind: str
    """An ending.Harm or a Doubt."""
    stream: str | None
    """None where it is about no stream, or stops none."""
    segment: int | None
    offset: int | None
    detail: str
    raised_at: datetime
    settled_at: datetime | None = None
    settled_by: str | None = None
    reason: str | None = None


def open_alarm(
    change: Change, kind: str, stream: str | None, *, at: Cursor | None, detail: str
) -> Alarm | None:
    """Raise an alarm, unless it is known: None then.

    A stream has one open alarm at most. What is not about a stream is told once for all; but
    of answers that come too late more may come after somebody has seen to the first.
    """
    column = journal_alarm.c
    known: list[ColumnElement[bool]] = [column.stream == stream]
    if stream is None:
        known = [column.kind == kind, column.detail == detail]
    if stream is not None or kind == Doubt.LATE:
        known.append(column.settled_at.is_(None))
    if alarms(change.connection, *known):
        return None
    values: dict[str, Any] = {
        "kind": str(kind),
        "stream": stream,
        "segment": at and at.segment,
        "offset": at and at.offset,
        "detail": detail,
        "raised_at": change.at,
    }
    alarm = Alarm(id=change.insert(journal_alarm, values), **values)
    change.record("alarm.raise", f"alarm {alarm.id}", before=None, after=alarm)
    return alarm


def close_alarm(change: Change, alarm: Alarm, reason: str) -> Alarm:
    """Note that a person has dealt with an alarm, and how."""
    values: dict[str, Any] = {"settled_at": change.at, "settled_by": change.actor, "reason": reason}
    mine = journal_alarm.c.id == alarm.id
    change.connection.execute(update(journal_alarm).where(mine).values(**values))
    after = replace(alarm, **values)
    change.record("alarm.settle", f"alarm {alarm.id}", before=alarm, after=after)
    return after


def find_alarm(connection: Connection, number: int) -> Alarm | None:
    """Look one up."""
    return next(iter(alarms(connection, journal_alarm.c.id == number)), None)


def left_out(connection: Connection, stream: str) -> frozenset[str]:
    """Return what the alarms said of the strangers of a stream that a person has left out."""
    column = journal_alarm.c
    settled = (column.kind == Doubt.STRANGER, column.settled_at.is_not(None))
    found = alarms(connection, column.stream == stream, *settled)
    return frozenset(each.detail for each in found)


def alarms(connection: Connection, *which: ColumnElement[bool]) -> tuple[Alarm, ...]:
    """List all, or some, in the order in which they were raised."""
    query = select(journal_alarm).where(*which).order_by(journal_alarm.c.id)
    return tuple(map(_alarm, connection.execute(query)))


def _alarm(row: Row[Any]) -> Alarm:
    return Alarm(**row._asdict())
