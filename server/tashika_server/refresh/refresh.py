"""How one partition is refreshed. The page to read first.

For the complete CRL, then for its delta if there is one, from the first source that serves:
fetch → accept → diff → bounds → keep (in the archive) → publish (one commit, with all that became
ready meanwhile). What is not taken in goes to quarantine with its reason, and the generation that
was served is served on. A process killed anywhere before the commit has published nothing; after
it, everything.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import wait
from contextlib import AsyncExitStack
from datetime import datetime
from enum import Enum, auto
from typing import ParamSpec, TypeVar

from tashika_server.index import IndexWriter, Mark, Quarantined
from tashika_server.log import get_log
from tashika_server.metrics import Tally
from tashika_server.refresh.fetch import NotModified
from tashika_server.refresh.origins import Origin
from tashika_server.refresh.room import Room
from tashika_server.refresh.source import Check, Kind, NotTaken, Source
from tashika_server.refresh.taking import (
    Outcome,
    Taking,
    Tools,
    mark_of,
    names_of,
    publish,
    take_in,
)

__all__ = ["Outcome", "Tools", "on_bench", "refresh"]

log = get_log()

SMALL_BYTES = 8 * 2**20
"""A larger file keeps its turn to be fetched until it is published, for the sake of the disk."""
P = ParamSpec("P")
T = TypeVar("T")


class Asking(Enum):
    """Whether a source may say that nothing has changed."""

    IF_CHANGED = auto()
    AFRESH = auto()


_refused = Tally(
    "tashika_crls_not_taken", "CRLs not taken in, by failed check.", label="check", allowed=Check
)


async def refresh(source: Source, tools: Tools, *, at: datetime) -> Outcome:
    """Bring the index up to date with one source; raises IndexWriteFailed."""
    known = _known_reason(source, tools.writer)
    results = [await _attempt(source, Kind.COMPLETE, tools, at)]
    if source.partition.delta and mark_of(source, tools.writer):
        results += await _follow_delta(source, tools, at)
    failures = [each for each in results if isinstance(each, NotTaken)]
    if failures:
        return await on_bench(tools, _set_aside, failures[0], known, source, tools.writer, at)
    for outcome in (Outcome.GATHERED, Outcome.PUBLISHED):
        if outcome in results:
            return outcome
    return await on_bench(tools, _leave, source, tools.writer, at)


async def _follow_delta(source: Source, tools: Tools, at: datetime) -> list[Outcome | NotTaken]:
    """Take the delta in; where the index is behind its base, get the complete CRL first."""
    result = await _attempt(source, Kind.DELTA, tools, at)
    if not isinstance(result, NotTaken) or result.check is not Check.BASE:
        return [result]
    log.warning("crl_delta_without_base", **names_of(source), detail=result.detail)
    complete = await _attempt(source, Kind.COMPLETE, tools, at, asking=Asking.AFRESH)
    return [complete, await _attempt(source, Kind.DELTA, tools, at)]


async def _attempt(
    source: Source,
    kind: Kind,
    tools: Tools,
    at: datetime,
    *,
    asking: Asking = Asking.IF_CHANGED,
) -> Outcome | NotTaken:
    """Take one of a partition's files in from the first of its sources that serves it.

    A source whose file is older than the index, or has had half of its time, has not served
    while there is another to ask. What waits for two persons waits on, whatever older file
    another source has.
    """
    failure: NotTaken | None = None
    has_served = False
    try:
        origins = tools.origins.of(source, kind, mark_of(source, tools.writer), at)
    except NotTaken as wrong:
        return wrong
    for origin in origins:
        try:
            outcome = await _take_from(origin, kind, source, tools, at=at, asking=asking)
        except NotTaken as wrong:
            if failure is None or wrong.check is Check.BOUNDS:
                failure = wrong
            log.warning("crl_source_failed", **names_of(source), check=wrong.check, kind=kind)
            continue
        if outcome is not Outcome.UNCHANGED:
            return outcome
        has_served = True
        if _is_young(mark_of(source, tools.writer), at):
            break
    if failure and (failure.check is Check.BOUNDS or not has_served):
        return failure
    return Outcome.UNCHANGED


def _is_young(mark: Mark | None, at: datetime) -> bool:
    return mark is not None and at < mark.this_update + (mark.next_update - mark.this_update) / 2


async def _take_from(
    origin: Origin, kind: Kind, source: Source, tools: Tools, *, at: datetime, asking: Asking
) -> Outcome:
    known = origin.known if asking is Asking.IF_CHANGED else None
    try:
        async with AsyncExitStack() as turn:
            await turn.enter_async_context(tools.fetcher.turns)
            with Room.within(tools.spool) as room:
                fetched = await tools.fetcher.fetch(origin.url, known, room.file)
                if isinstance(fetched, NotModified):
                    return Outcome.UNCHANGED
                if room.file.stat().st_size <= SMALL_BYTES:
                    await turn.aclose()
                taking = Taking(
                    source=source, kind=kind, url=origin.url, fetched=fetched, room=room, at=at
                )
                return await _take(taking, tools)
    except OSError as wrong:
        detail = f"it cannot be worked on: {wrong.strerror}; look at the disk of the spool"
        raise NotTaken(Check.DISK, detail) from wrong


async def _take(taking: Taking, tools: Tools) -> Outcome:
    try:
        publication = await on_bench(tools, take_in, taking, tools)
        if publication is None:
            tools.origins.has_the_same(taking.source, taking.url, taking.fetched)
            return Outcome.UNCHANGED
        return await on_bench(tools, publish, publication, taking, tools)
    finally:
        tools.press.withdraw(taking)


def _leave(source: Source, writer: IndexWriter, at: datetime) -> Outcome:
    """Leave everything as it is, but for a quarantine that is over."""
    mark = mark_of(source, writer)
    if mark and at >= mark.next_update:
        log.warning("crl_overdue", **names_of(source), since=str(mark.next_update))
    if _known_reason(source, writer):
        writer.release(source.fingerprint, source.partition.name)
        log.info("crl_in_order_again", **names_of(source))
    return Outcome.UNCHANGED


def _set_aside(
    failure: NotTaken,
    known: Quarantined | None,
    source: Source,
    writer: IndexWriter,
    at: datetime,
) -> Outcome:
    """Say why a file is not taken in: in the log each time, in the index once.

    `known` is the reason that was there before: a delta that was taken in has ended it.
    """
    log.warning("crl_not_taken", **names_of(source), check=failure.check, detail=failure.detail)
    _refused.count(failure.check)
    if known is None or (known.check, known.detail) != (failure.check, failure.detail):
        known = Quarantined(
            partition=source.partition.name, at=at, check=failure.check, detail=failure.detail
        )
    if known != _known_reason(source, writer):
        writer.quarantine(source.fingerprint, known)
    return Outcome.FAILED if failure.check is Check.FETCH else Outcome.QUARANTINED


async def on_bench(tools: Tools, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Work on the bench; when nobody waits any more, reading ends and publishing is finished."""
    begun = tools.bench.submit(work, *args, **kwargs)
    try:
        return await asyncio.wrap_future(begun)
    except asyncio.CancelledError:
        tools.cell.raze()
        raise
    finally:
        begun.cancel()
        wait([begun])  # the files that it works on are closed next


def _known_reason(source: Source, writer: IndexWriter) -> Quarantined | None:
    with writer.reader.snapshot() as snapshot:
        return snapshot.in_quarantine(source.fingerprint, source.partition.name)
