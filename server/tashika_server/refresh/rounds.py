"""One round of the refresher: every source has its turn, some of them at once.

Not for when a round begins (`process`), nor for what happens in a turn (`refresh`).
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence

from tashika_server.refresh.first_load import FirstLoads
from tashika_server.refresh.source import AnySource, Source
from tashika_server.refresh.taking import Outcome, Tools

__all__ = ["Told", "go_round"]

AT_ONCE = 96
"""Sources whose turn it is together, with six open files each at most. The work on what they
bring is done one by one, and what is ready when a turn to publish comes goes by one commit."""

Told = Callable[[AnySource, Outcome], None]


async def go_round(
    sources: Sequence[AnySource],
    tools: Tools,
    *,
    refresh: Callable[[AnySource], Awaitable[Outcome]],
    settle: Told,
    told: Told,
) -> Counter[Outcome]:
    """Refresh these; return what became of the CRLs, of which `told` hears one by one.

    `refresh` settles its source by itself, unless the outcome is GATHERED; for that, and for
    what becomes of it, this is.
    """
    counts = Counter[Outcome]()
    # Loaded first, and to have another turn: for a delta, or because it could not be loaded.
    again = dict[AnySource, Outcome]()

    def tell(source: AnySource, outcome: Outcome) -> None:
        told(source, outcome)
        if isinstance(source, Source):
            counts[outcome] += 1

    async def work(left: Iterator[AnySource], first: FirstLoads) -> None:
        for source in left:
            outcome = await refresh(source)
            if outcome is Outcome.UNCHANGED:
                outcome = again.get(source, outcome)
            if outcome is not Outcome.GATHERED:
                tell(source, outcome)
            for each, became in await first.ended(source, outcome):
                if became is Outcome.PUBLISHED and not each.partition.delta:
                    settle(each, became)
                    tell(each, became)
                else:
                    again[each] = became

    with FirstLoads.of(sources, tools) as first:
        for some in (sources, again):
            left = iter(list(some))
            await asyncio.gather(*(work(left, first) for _ in range(AT_ONCE)))
    return counts
