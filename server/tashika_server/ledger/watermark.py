"""Whether a month is complete: over in Japan, every journal taken in past its end, no alarm.

A month closes by watermark: what has not been read could still change it (T39). Nodes and
streams are written by `metering`; nothing is written here.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from tashika_server.agreements.period import JST
from tashika_server.book import accounts as a
from tashika_server.ledger.days import Month
from tashika_server.ledger.errors import MonthIncomplete

__all__ = ["Obstacle", "demand_complete", "obstacles"]

FINISHED = ("ended", "dead")
"""States of a stream of which everything has been taken in."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason why a month cannot be closed, and what to do about it."""

    what: str
    remedy: str


def demand_complete(connection: Connection, month: Month, at: datetime) -> datetime:
    """Return up to when everything has been taken in; MonthIncomplete with every obstacle."""
    found = obstacles(connection, month, at)
    if found:
        raise MonthIncomplete(
            "\n".join(f"{month}: {each.what}" for each in found),
            rule="a month is closed once nothing of it can come any more",
            remedy="\n".join(dict.fromkeys(each.remedy for each in found)),
        )
    return min((reached for _, reached in _reached(connection, month) if reached), default=at)


def obstacles(connection: Connection, month: Month, at: datetime) -> tuple[Obstacle, ...]:
    """List what stands in the way of closing a month; nothing, if it can be closed."""
    found = []
    over = at >= month.end
    if not over:
        found.append(Obstacle(f"ends at {_text(month.end)}", "wait for the end of the month"))
    if connection.execute(select(a.journal_node)).first() is None:
        found.append(
            Obstacle("no machine has reported its journals", "start the office on every machine")
        )
    for what, until in _reached(connection, month):
        if over and (until is None or until < month.end):
            found.append(
                Obstacle(
                    f"{what} is taken in up to {'no time yet' if until is None else _text(until)}",
                    "let the office of that machine run; see `tashika-server usage streams`",
                )
            )
    found.extend(
        Obstacle(
            f"alarm {row.id} ({row.kind}) is open: {row.detail}",
            "settle it with a reason: `tashika-server usage settle`",
        )
        for row in connection.execute(
            select(a.journal_alarm)
            .where(a.journal_alarm.c.settled_at.is_(None))
            .order_by(a.journal_alarm.c.id)
        )
    )
    return tuple(found)


def _reached(connection: Connection, month: Month) -> list[tuple[str, datetime | None]]:
    """Tell of each machine, and each journal that may go on, up to when it has been read."""
    node, stream = a.journal_node.c, a.journal_stream.c
    nodes = select(node.node, node.read_to).where(node.retired_at.is_(None)).order_by(node.node)
    going = (stream.state.not_in(FINISHED), stream.started_at < month.end)
    streams = select(stream.id, stream.caught_up_to).where(*going).order_by(stream.id)
    return [
        *((f"the roster of {name}", read_to) for name, read_to in connection.execute(nodes)),
        *((f"journal {name}", read_to) for name, read_to in connection.execute(streams)),
    ]


def _text(at: datetime) -> str:
    return f"{at.astimezone(JST):%Y-%m-%d %H:%M JST}"
