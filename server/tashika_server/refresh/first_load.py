"""The issuers of which the index has nothing yet, in one round of the refresher.

Nothing is lost by waiting for the last of an issuer's partitions: before it has come, nobody is
told that any certificate of the issuer is good (T15). What cannot go in with the others takes a
turn like any other afterwards, which says why.
"""

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Self

from tashika_server.refresh.refresh import on_bench
from tashika_server.refresh.source import AnySource, Kind, Source
from tashika_server.refresh.taking import Outcome, Tools, tell_published

__all__ = ["FirstLoads"]


class FirstLoads:
    """The issuers that are loaded first, in the order of their sources; `of` makes it."""

    def __init__(self, groups: dict[bytes, list[Source]], tools: Tools) -> None:
        self._left = {fingerprint: len(group) for fingerprint, group in groups.items()}
        self._gathered: dict[bytes, list[Source]] = {fingerprint: [] for fingerprint in groups}
        self._tools = tools
        self._turn = asyncio.Lock()

    @classmethod
    @contextmanager
    def of(cls, sources: Sequence[AnySource], tools: Tools) -> Iterator[Self]:
        """Have gathered what comes of issuers with several partitions and no CRL at all yet."""
        groups = _first(sources, tools)
        tools.spool.mkdir(parents=True, exist_ok=True)
        with ExitStack() as files:
            for fingerprint in groups:
                file = files.enter_context(tempfile.TemporaryFile(dir=tools.spool))
                tools.press.gather(fingerprint, file)
            try:
                yield cls(groups, tools)
            finally:
                tools.press.gather_no_more()

    async def ended(self, source: AnySource, outcome: Outcome) -> list[tuple[Source, Outcome]]:
        """Note how a turn has ended, load what is complete, and return what became of it.

        What has to take another turn is UNCHANGED. Raises IndexWriteFailed.
        """
        if not isinstance(source, Source) or source.fingerprint not in self._left:
            return []
        self._left[source.fingerprint] -= 1
        if outcome is Outcome.GATHERED:
            self._gathered[source.fingerprint].append(source)
        became: list[tuple[Source, Outcome]] = []
        async with self._turn:
            # One after the other: pages fill only behind those of an issuer that came before.
            for fingerprint, left in list(self._left.items()):
                if left:
                    break
                del self._left[fingerprint]
                became += await on_bench(self._tools, self._load, fingerprint)
        return became

    def _load(self, fingerprint: bytes) -> list[tuple[Source, Outcome]]:
        published = self._tools.press.load(fingerprint)
        became = []
        for source in self._gathered.pop(fingerprint):
            if known := published.get(source.partition.name):
                self._tools.held.forget(known[0].mark.sha256)
                tell_published(*known, source, kind=Kind.COMPLETE)
            became.append((source, Outcome.PUBLISHED if known else Outcome.UNCHANGED))
        return became


def _first(sources: Sequence[AnySource], tools: Tools) -> dict[bytes, list[Source]]:
    """Return the sources of those issuers, by fingerprint."""
    groups = defaultdict[bytes, list[Source]](list)
    for source in sources:
        if isinstance(source, Source):
            groups[source.fingerprint].append(source)
    with tools.writer.reader.snapshot() as view:
        return {
            fingerprint: group
            for fingerprint, group in groups.items()
            if len(group) > 1 and not view.has_marks(fingerprint)
        }
