"""One round of the refresher: every source has its turn, some of them at once.

Not for when a round begins (`process`), nor for what happens in a turn (`refresh`).
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tashika_server.refresh.first_load import FirstLoads
from tashika_server.refresh.source import AnySource, Source
from tashika_server.refresh.taking import Outcome, Tools

__all__ = ["Told", "Ways", "go_round"]

AT_ONCE = 96
"""Sources whose turn it is together, with six open files each at most. The work on what they
bring is done one by one, and what is ready when a turn to publish comes goes by one commit."""

Told = Callable[[AnySource, Outcome], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How a source is refreshed, and who hears what became of it."""

    refresh: Callable[[AnySource], Awaitable[Outcome]]
    """Settles its source by itself, unless the outcome is GATHERED."""
    settle: Told
    """For what was gathered, and what becomes of it."""
    told: Told
    """Hears of them one by one."""
    freed: Callable[[], list[Source]]
    """Returns, once, those that could go in as soon as another was published, which was now."""


async def go_round(sources: Sequence[AnySource], tools: Tools, ways: Ways) -> Counter[Outcome]:
    """Refresh these, and those that they set free; return what became of the CRLs."""
    with FirstLoads.of(sources, tools) as first:
        here = _Round(ways, first)
        for some in (sources, here.again):
            left = iter(list(some))
            await asyncio.gather(*(here.work(left) for _ in range(AT_ONCE)))
    return Counter(here.ended.values())


@dataclass(frozen=True, slots=True)
class _Round:
    ways: Ways
    first: FirstLoads
    again: dict[AnySource, Outcome] = field(default_factory=dict)
    """Loaded first, and to have another turn: for a delta, or because it could not be loaded."""
    ended: dict[Source, Outcome] = field(default_factory=dict)
    _turns: dict[AnySource, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def work(self, left: Iterator[AnySource]) -> None:
        for source in left:
            outcome = await self._refresh(source)
            if outcome is Outcome.UNCHANGED:
                outcome = self.again.get(source, outcome)
            if outcome is not Outcome.GATHERED:
                self._tell(source, outcome)
            for each, became in await self.first.ended(source, outcome):
                if became is Outcome.PUBLISHED and not each.partition.delta:
                    self.ways.settle(each, became)
                    self._tell(each, became)
                else:
                    self.again[each] = became
            # At once: a certificate that has moved there may be listed nowhere until then.
            while freed := self.ways.freed():
                for each in freed:
                    self._tell(each, await self._refresh(each))

    async def _refresh(self, source: AnySource) -> Outcome:
        async with self._turns[source]:
            return await self.ways.refresh(source)

    def _tell(self, source: AnySource, outcome: Outcome) -> None:
        self.ways.told(source, outcome)
        if isinstance(source, Source):
            self.ended[source] = outcome
