"""A machine that is gone for good: no month waits for word of its journals any more.

Only once all that it has journalled is taken in or left out by a person (`settling`): what is
forgotten here would be forgotten in silence.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from tashika_server.book import Change
from tashika_server.book.accounts import journal_alarm, journal_node, journal_stream
from tashika_server.metering.errors import RetirementRefused
from tashika_server.metering.streams import FINISHED, streams

__all__ = ["retire"]

SILENT_FOR = timedelta(minutes=1)
"""A running office reads its roster every ten seconds, and would be back at once."""


def retire(change: Change, node: str, reason: str) -> datetime:
    """Wait for a machine no more, and return when it was last heard of.

    It is back as soon as its office runs again. Raises RetirementRefused.
    """
    row = journal_node.c
    found = change.connection.execute(
        select(row.read_to, row.retired_at).where(row.node == node)
    ).one_or_none()
    if found is None:
        raise RetirementRefused(f"no machine {node} is known; {_known(change.connection)}")
    if found.retired_at is not None:
        raise RetirementRefused(f"{node} was retired at {found.retired_at}; nothing is left to do")
    if not reason.strip():
        raise RetirementRefused("a retirement needs a reason; say what became of the machine")
    if change.at - found.read_to < SILENT_FOR:
        raise RetirementRefused(
            f"the office of {node} reported at {found.read_to}; stop it, and wait a minute"
        )
    _demand_finished(change.connection, node)
    change.connection.execute(
        update(journal_node).where(row.node == node).values(retired_at=change.at)
    )
    before = {"read_to": found.read_to}
    change.record("node.retire", node, before=before, after={"reason": reason.strip()})
    last: datetime = found.read_to
    return last


def _demand_finished(connection: Connection, node: str) -> None:
    mine = journal_stream.c.node == node
    going = [each.id for each in streams(connection, mine, journal_stream.c.state.not_in(FINISHED))]
    told = journal_alarm.c.stream.in_(going) & journal_alarm.c.settled_at.is_(None)
    alarmed = connection.scalars(select(journal_alarm.c.id).where(told)).all()
    if going:
        settle = f" and settle {_listed('alarm', alarmed)}" if alarmed else ""
        raise RetirementRefused(
            f"{_listed('journal', going)} of {node} may hold answers that are not taken in; run an "
            f"office with its name and what is left of its journals{settle}"
        )


def _listed(what: str, found: Sequence[object]) -> str:
    return f"{what} {', '.join(map(str, found))}"


def _known(connection: Connection) -> str:
    found = connection.scalars(select(journal_node.c.node).order_by(journal_node.c.node)).all()
    return f"known are {', '.join(found)}" if found else "none has reported yet"
