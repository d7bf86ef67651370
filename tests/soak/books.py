"""What the callers have heard, the journals, and the ledger's totals, compared.

Nobody was killed, so the only answers of which nobody can tell whether they were heard are those
that a caller did not wait for: of each verifier they are at most as many as it broke off.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from drill.askers import Place
from drill.processes import ingester_of
from soak.callers import Caller
from tashika_server.assembly.registering import registry_book
from tashika_server.config import load_settings
from tashika_server.metering import alarms, streams
from tashika_server.metering.counting import Like, count
from tashika_server.metering.recount import Item, Span, extents, items
from tashika_server.metering.streams import FINISHED
from tashika_server.metering.totals import totals
from tashika_server.metering.usage import Delivery, Usage

ALWAYS = Span(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, kw_only=True)
class Books:
    """What the journals and the totals say of all that was provided."""

    became: Counter[tuple[str, Delivery]]
    """Statuses, by agreement and by what became of them."""
    placed: AbstractSet[Place]
    """Where those stand that were handed over under an agreement with receipts."""
    lost: int
    """Journalled and not in the totals."""
    doubled: int
    """In the totals and not journalled."""
    unfinished: int
    """Journals not taken in to their end."""
    alarms: int


def read(config: Path, *, receipts: frozenset[str]) -> Books:
    """Take in what is left, and read it all; `receipts` are the agreements that have them."""
    ingester_of(config).take_in()
    settings = load_settings(config)
    book = registry_book(config, settings)
    became, placed = Counter[tuple[str, Delivery]](), set[Place]()

    def noted(found: Iterable[Item]) -> Iterator[Usage]:
        for stream, usage in found:
            agreement, delivery = usage.context.agreement, usage.delivery
            became[agreement, delivery] += 1
            if agreement in receipts and delivery is Delivery.HANDED_OVER:
                placed.add(Place(stream, usage.sequence))
            yield usage

    try:
        with book.reading() as connection:
            found = extents(connection, [settings.metering.journal], ALWAYS)
            again = count(noted(items(found, ALWAYS)))
            totalled = Counter({Like(*each[:-1]): each.answers for each in totals(connection)})
            return Books(
                became=became,
                placed=placed,
                lost=(again - totalled).total(),
                doubled=(totalled - again).total(),
                unfinished=sum(
                    each.outlook not in FINISHED for each in streams.streams(connection)
                ),
                alarms=len(alarms.alarms(connection)),
            )
    finally:
        book.close()


def faults(callers: Sequence[Caller], books: Books) -> dict[str, int]:
    """Name everything that must be nought."""
    heard = [place for each in callers for place in each.places]
    excess = {one: books.became[one.agreement, Delivery.HANDED_OVER] - one.heard for one in callers}
    return {
        "heard, not in the journals as delivered": sum(max(0, -n) for n in excess.values()),
        "delivered, neither heard nor broken off": sum(
            max(0, n - one.broken) for one, n in excess.items()
        ),
        "abandoned, not broken off": sum(
            max(0, books.became[one.agreement, Delivery.ABANDONED] - one.broken) for one in callers
        ),
        "answers with the number of another": len(heard) - len(set(heard)),
        "numbers heard that no journal has": len(set(heard) - books.placed),
        "numbers in the journals that nobody heard": len(books.placed - set(heard)),
        "uncertain though nobody died": sum(
            n for (_, delivery), n in books.became.items() if delivery is Delivery.UNKNOWN
        ),
        "journalled, lost from the totals": books.lost,
        "doubled in the totals": books.doubled,
        "journals not taken in to their end": books.unfinished,
        "alarms": books.alarms,
    }
