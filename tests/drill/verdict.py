"""What a drill has shown: what the callers have, the journals and the ledger's totals, compared.

The three are counted apart: the callers wrote down their receipts, the journals are read again
answer by answer, and the totals are what the ingesters that were killed have left in the book.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from drill.askers import Asker, Place
from drill.processes import ingester_of
from tashika_server.agreements.terms import Method
from tashika_server.assembly.registering import registry_book
from tashika_server.config import load_settings
from tashika_server.ledger.billable import Fact, shipped_billable
from tashika_server.metering import alarms, streams
from tashika_server.metering.counting import Like, count
from tashika_server.metering.recount import Span, extents, items
from tashika_server.metering.streams import FINISHED
from tashika_server.metering.totals import totals
from tashika_server.metering.usage import Delivery, Usage

ALWAYS = Span(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The counts of one drill; `faults` are those that must be nought."""

    killed: Counter[str]
    seconds: float
    asked_again: int
    """Questions whose connection broke."""
    acknowledged: int
    journalled: int
    journals: int
    """Those that have any answer."""
    counted: int
    """In the ledger's totals."""
    uncertain: frozenset[Place]
    """Journalled, then the worker died: nobody can tell whether they were heard."""
    uncertain_heard: int
    """Those that were: the verifiers have them for nothing."""
    faults: dict[str, int]

    @property
    def is_good(self) -> bool:
        return not any(self.faults.values())


def judge(
    config: Path, askers: Sequence[Asker], killed: Counter[str], *, seconds: float
) -> Verdict:
    """Take in what is left, as the next start would, and compare."""
    ingester_of(config).take_in()
    journalled, totalled, finished, alarmed, doubtful = _read(config)
    heard = [place for each in askers for place in each.acknowledged]
    once = set(heard)
    became = {place: usage.delivery for place, usage in journalled.items()}
    unknown = frozenset(place for place in journalled if became[place] is Delivery.UNKNOWN)
    again = count(journalled.values())
    return Verdict(
        killed=killed,
        seconds=seconds,
        asked_again=sum(each.broken for each in askers),
        acknowledged=len(heard),
        journalled=len(journalled),
        journals=len({place.stream for place in journalled}),
        counted=totalled.total(),
        uncertain=unknown,
        uncertain_heard=len(unknown & once),
        faults={
            "answers with the number of another": len(heard) - len(once),
            "acknowledged, not in the journals": len(once - journalled.keys()),
            "acknowledged, counted as abandoned": sum(
                became.get(place) is Delivery.ABANDONED for place in once
            ),
            "counted as delivered, never heard": sum(
                delivery is Delivery.HANDED_OVER and place not in once
                for place, delivery in became.items()
            ),
            "journalled, lost from the totals": (again - totalled).total(),
            "doubled in the totals": (totalled - again).total(),
            "uncertain in the journals or the trail alone": len(unknown ^ doubtful),
            "uncertain, not waived": sum(_is_billed(journalled[place]) for place in unknown),
            "journals not taken in to their end": finished,
            "alarms": alarmed,
        },
    )


def _read(config: Path) -> tuple[dict[Place, Usage], Counter[Like], int, int, set[Place]]:
    settings = load_settings(config)
    book = registry_book(config, settings)
    try:
        with book.reading() as connection:
            found = extents(connection, [settings.metering.journal], ALWAYS)
            journalled = {
                Place(stream, usage.sequence): usage for stream, usage in items(found, ALWAYS)
            }
            totalled = Counter({Like(*each[:-1]): each.answers for each in totals(connection)})
            unfinished = sum(each.outlook not in FINISHED for each in streams.streams(connection))
            doubtful = {
                Place(stream, number)
                for stream, doubt in streams.uncertainties(connection).items()
                for each in doubt.delivery_unknown
                for number in range(each.first, each.last + 1)
            }
            return journalled, totalled, unfinished, len(alarms.alarms(connection)), doubtful
    finally:
        book.close()


def _is_billed(usage: Usage) -> bool:
    fact = Fact(Method(usage.context.method), usage.standing, usage.occasion, usage.delivery)
    return shipped_billable().decide(fact).billable
