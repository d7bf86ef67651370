"""Answers that come too late for their month: counted, and an alarm.

A frozen month stays as it is. What comes in afterwards, from a machine that was given up and is
back, is in the totals; the difference is for a person to make good.
"""

from collections.abc import Iterable

from sqlalchemy import select

from tashika_server.book import Change
from tashika_server.book.accounts import month
from tashika_server.metering.alarms import Alarm, Doubt, open_alarm
from tashika_server.metering.counting import Like
from tashika_server.metering.usage import month_of

__all__ = ["tell_of_late"]


def tell_of_late(change: Change, stream: str, counts: Iterable[Like]) -> tuple[Alarm | None, ...]:
    """Raise an alarm for each frozen month that answers of a stream were counted in.

    One for each month and stream, None while it is open; reading goes on.
    """
    frozen = frozenset(change.connection.scalars(select(month.c.id)))
    late = sorted(frozen & {month_of(each.hour) for each in counts})
    return tuple(
        open_alarm(change, Doubt.LATE, None, at=None, detail=_told(stream, each)) for each in late
    )


def _told(stream: str, name: str) -> str:
    return (
        f"answers of {name}, which is frozen, came in from journal {stream}; "
        f"see `tashika-server month difference CONFIG {name}`"
    )
