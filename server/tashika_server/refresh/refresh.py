"""How one partition is refreshed. The page to read first.

fetch → accept → diff → bounds → publish (one commit). What is not taken in goes to quarantine
with its reason, and the generation that was served is served on. A process killed anywhere
before the commit has done nothing; after it, everything.
"""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tashika_server.index import Changes, IndexWriter, Mark, Quarantined, SerialTaken
from tashika_server.log import get_log
from tashika_server.metrics import Tally
from tashika_server.refresh.accept import AcceptedCrl, accept, check_bounds
from tashika_server.refresh.diff import diff
from tashika_server.refresh.fetch import Fetched, Fetcher, NotModified
from tashika_server.refresh.guards import check_guarded
from tashika_server.refresh.held import HeldFiles
from tashika_server.refresh.reconciling import tell_differences
from tashika_server.refresh.source import Check, NotTaken, Source

__all__ = ["Outcome", "Tools", "refresh"]

log = get_log()


class Outcome(StrEnum):
    """What became of one refresh of one source."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    QUARANTINED = "quarantined"
    FAILED = "failed"
    """No file came."""


_refused = Tally(
    "tashika_crls_not_taken", "CRLs not taken in, by failed check.", label="check", allowed=Check
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a refresh works with."""

    fetcher: Fetcher
    writer: IndexWriter
    held: HeldFiles
    """Where files wait that are beyond their bounds."""
    bench: Executor
    """One thread, for the work on files and index: one CRL at a time, and the loop stays free."""


async def refresh(source: Source, tools: Tools, *, at: datetime) -> Outcome:
    """Bring the index up to date with one source; raises IndexWriteFailed."""
    do = asyncio.get_running_loop().run_in_executor
    try:
        mark = _mark(source, tools.writer)
        fetched = await tools.fetcher.fetch(source.partition.url, mark)
        return await do(tools.bench, _take_in, fetched, mark, source, tools, at)
    except NotTaken as failure:
        return await do(tools.bench, _set_aside, failure, source, tools.writer, at)


def _take_in(
    fetched: Fetched | NotModified,
    mark: Mark | None,
    source: Source,
    tools: Tools,
    at: datetime,
) -> Outcome:
    writer = tools.writer
    if isinstance(fetched, NotModified) or (mark and fetched.sha256 == mark.sha256):
        return _keep(mark, source, writer, at)
    crl = accept(fetched.body, source, mark, at=at)
    with writer.reader.snapshot() as before:
        changes = diff(before.entries(source.fingerprint, source.partition.name), crl)
    with tools.held.unless_released(source, fetched.sha256, fetched.body):
        check_bounds(changes, source.issuer, mark)
        check_guarded(changes, source.issuer)
    outcome = _publish(crl, changes, fetched, source, writer)
    tools.held.forget(fetched.sha256)
    return outcome


def _publish(
    crl: AcceptedCrl, changes: Changes, fetched: Fetched, source: Source, writer: IndexWriter
) -> Outcome:
    mark = Mark(
        number=crl.number,
        this_update=crl.this_update,
        next_update=crl.next_update,
        sha256=fetched.sha256,
        entries=len(crl.entries),
        etag=fetched.etag,
        last_modified=fetched.last_modified,
    )
    tell_differences(changes, mark, source, writer.reader)
    try:
        generation = writer.publish(source.fingerprint, source.partition.name, changes, mark)
    except SerialTaken as taken:
        raise NotTaken(Check.ENTRIES, f"{taken}; ask the issuer") from taken
    log.info(
        "crl_published",
        **_names(source),
        number=crl.number,
        generation=generation,
        added=len(changes.added),
        changed=len(changes.changed),
        removed=len(changes.removed),
    )
    return Outcome.PUBLISHED


def _keep(mark: Mark | None, source: Source, writer: IndexWriter, at: datetime) -> Outcome:
    """Leave everything as it is, but for a quarantine that is over."""
    if mark and at >= mark.next_update:
        log.warning("crl_overdue", **_names(source), since=str(mark.next_update))
    if _known_reason(source, writer):
        writer.release(source.fingerprint, source.partition.name)
        log.info("crl_in_order_again", **_names(source))
    return Outcome.UNCHANGED


def _set_aside(failure: NotTaken, source: Source, writer: IndexWriter, at: datetime) -> Outcome:
    """Say why a file is not taken in: in the log each time, in the index once."""
    log.warning("crl_not_taken", **_names(source), check=failure.check, detail=failure.detail)
    _refused.count(failure.check)
    known = _known_reason(source, writer)
    if known is None or (known.check, known.detail) != (failure.check, failure.detail):
        reason = Quarantined(
            partition=source.partition.name, at=at, check=failure.check, detail=failure.detail
        )
        writer.quarantine(source.fingerprint, reason)
    return Outcome.FAILED if failure.check is Check.FETCH else Outcome.QUARANTINED


def _mark(source: Source, writer: IndexWriter) -> Mark | None:
    with writer.reader.snapshot() as snapshot:
        return snapshot.mark(source.fingerprint, source.partition.name)


def _known_reason(source: Source, writer: IndexWriter) -> Quarantined | None:
    with writer.reader.snapshot() as snapshot:
        return snapshot.in_quarantine(source.fingerprint, source.partition.name)


def _names(source: Source) -> dict[str, str]:
    return {"issuer": source.issuer.name, "partition": source.partition.name}
