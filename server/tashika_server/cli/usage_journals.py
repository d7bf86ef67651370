"""The verbs of `usage` about the workers' journals: how far they are, and what is amiss."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tashika_server.book import Change
from tashika_server.book.accounts import journal_alarm
from tashika_server.cli.arguments import one_of
from tashika_server.cli.registrar import add_list, add_write
from tashika_server.config import load_settings
from tashika_server.console.operators import Role
from tashika_server.metering import alarms, streams
from tashika_server.metering.alarms import Alarm
from tashika_server.metering.counting import Range
from tashika_server.metering.retirement import retire
from tashika_server.metering.settling import Settlement, settle
from tashika_server.metering.streams import FINISHED, Outlook, Uncertainty

__all__ = ["add_verbs"]


def add_verbs(verbs: Any) -> None:
    """Add them."""
    text = "list the workers' journals, and what is not known of them"
    columns = ["id", "node", "outlook", "caught_up_to", "answers", "delivery_unknown", "lost"]
    add_list(verbs, "streams", _streams, text, *columns).add_argument(
        "--all", action="store_true", help="with those of which all is known and taken in"
    )
    columns = ["id", "kind", "stream", "segment", "offset", "detail", "raised_at", "settled_by"]
    add_list(verbs, "alarms", _alarms, "list what does not add up", *columns).add_argument(
        "--all", action="store_true", help="with those that are settled"
    )
    _add_settle(verbs)
    _add_retire(verbs)


def _add_settle(verbs: Any) -> None:
    verb = add_write(
        verbs, "settle", _settle, "deal with an alarm: read on, or leave something out"
    )
    verb.add_argument("alarm", type=int, metavar="NUMBER")
    verb.add_argument("how", **one_of(*Settlement), help="it was mended; or it cannot be")
    verb.add_argument("--reason", required=True, help="what was found and done, for the record")
    verb.set_defaults(keeper=Role.FINANCE)


def _add_retire(verbs: Any) -> None:
    text = "wait no more for a machine that is gone, once all of its journals is dealt with"
    verb: ArgumentParser = add_write(verbs, "retire", _retire, text)
    verb.add_argument("node", metavar="NODE", help="its name, as `usage streams` has it")
    verb.add_argument("--reason", required=True, help="what became of it, for the record")
    verb.set_defaults(keeper=Role.FINANCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Journal:
    """A worker's journal as far as it is taken in."""

    id: str
    node: str
    outlook: Outlook
    started_at: datetime
    caught_up_to: datetime | None
    answers: int
    delivery_unknown: tuple[str, ...]
    lost: tuple[str, ...]


def _streams(options: Namespace, connection: Connection) -> Sequence[_Journal]:
    doubts = streams.uncertainties(connection)
    return [
        _Journal(
            id=each.id,
            node=each.node,
            outlook=each.outlook,
            started_at=each.started_at,
            caught_up_to=each.caught_up_to,
            answers=each.cursor.sequence,
            delivery_unknown=_ranges(doubts.get(each.id, Uncertainty()).delivery_unknown),
            lost=_ranges(doubts.get(each.id, Uncertainty()).lost),
        )
        for each in streams.streams(connection)
        if options.all or each.id in doubts or each.outlook not in FINISHED
    ]


def _ranges(found: Sequence[Range]) -> tuple[str, ...]:
    return tuple(f"{each.first}-{each.last}" for each in found)


def _alarms(options: Namespace, connection: Connection) -> Sequence[Alarm]:
    still = () if options.all else (journal_alarm.c.settled_at.is_(None),)
    return alarms.alarms(connection, *still)


def _settle(options: Namespace, change: Change) -> Alarm:
    here = load_settings(options.config).metering
    return settle(
        change,
        here.journal,
        options.alarm,
        options.how,
        node=here.node_name,
        reason=options.reason,
    )


def _retire(options: Namespace, change: Change) -> datetime:
    return retire(change, options.node, options.reason)
