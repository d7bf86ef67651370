"""One file on its way from the spool into the index, once it has been fetched.

`take_in`: accept → diff → bounds → keep (in the archive); then `publish`, with whatever else is
ready, by one commit. Works on the bench, one file at a time. Not for where files come from, nor
for what becomes of those not taken in.
"""

from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Protocol

from tashika_server.index import Changes, IndexWriter, Mark, Publication
from tashika_server.log import get_log
from tashika_server.refresh.accept import AcceptedCrl, Reading, ReadingLimits, accept
from tashika_server.refresh.cell import Cell
from tashika_server.refresh.diff import diff, follow
from tashika_server.refresh.fetch import Fetched, Fetcher
from tashika_server.refresh.guards import check_bounds
from tashika_server.refresh.heads import NotNews
from tashika_server.refresh.held import HeldFiles
from tashika_server.refresh.marks import mark_of_complete, mark_of_delta
from tashika_server.refresh.origins import Origins
from tashika_server.refresh.press import Press
from tashika_server.refresh.reconciling import tell_differences, unsaid
from tashika_server.refresh.room import Room
from tashika_server.refresh.source import Check, Kind, NotTaken, Source

__all__ = [
    "Keeper",
    "Outcome",
    "Taking",
    "Tools",
    "mark_of",
    "names_of",
    "publish",
    "take_in",
    "tell_published",
]

log = get_log()


class Outcome(StrEnum):
    """What became of one refresh of one source."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    QUARANTINED = "quarantined"
    FAILED = "failed"
    """No file came."""
    GATHERED = "gathered"
    """Ready, and waits for the other partitions of its issuer."""


class Keeper(Protocol):
    """The archive of CRLs as they came.

    Called for each CRL that has been accepted, before it is published, so what the index says
    is in the archive; after a crash in between, once more for the same CRL. On return the file
    is durable there. Raises OSError when it cannot be, and nothing is published then.
    """

    def keep(
        self,
        source: Source,
        file: Path,
        *,
        number: int,
        base: int | None,
        this_update: datetime,
        next_update: datetime,
        sha256: bytes,
        at: datetime,
    ) -> None:
        """Keep a copy of a file, which is gone when the refresh has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a refresh works with."""

    fetcher: Fetcher
    writer: IndexWriter
    cell: Cell
    limits: ReadingLimits
    spool: Path
    """Where files are while they are taken in."""
    held: HeldFiles
    """Where files wait that are beyond their bounds."""
    keeper: Keeper | None
    bench: Executor
    """One thread, for the work on files and index: one CRL at a time, and the loop stays free."""
    press: Press
    """Where it waits to be published."""
    origins: Origins = field(default_factory=Origins)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taking:
    """One file on its way in; equal to itself only."""

    source: Source
    kind: Kind
    url: str
    fetched: Fetched
    room: Room
    at: datetime


def take_in(taking: Taking, tools: Tools) -> Publication | None:
    """Make ready what one fetched file changes, and have it wait; raises NotTaken.

    It is published or withdrawn before the file's room is left; None for what is known.
    """
    source, room, mark = taking.source, taking.room, mark_of(taking.source, tools.writer)
    if taking.fetched.sha256 in _accepted(mark, taking.kind):
        return None
    reading = Reading(cell=tools.cell, room=room, limits=tools.limits)
    try:
        crl = accept(taking.fetched, source, mark, reading, kind=taking.kind, at=taking.at)
    except NotNews:
        return None
    changes = _compare(crl, taking, tools)
    news = unsaid(changes, crl.number, source, tools.writer.reader)
    vanished = None  # where two persons have let it in, the day begins anew
    with tools.held.unless_released(source, taking.fetched):
        vanished = check_bounds(news, source.issuer, mark, at=taking.at)
    _hand_to_keeper(crl, taking, tools.keeper)
    last = mark and replace(mark, vanished=vanished)
    publication = Publication(
        fingerprint=source.fingerprint,
        partition=source.partition.name,
        changes=changes,
        mark=_next_mark(crl, changes, last, taking, tools.writer),
    )
    tell_differences(news, publication.mark, source, tools.writer.reader)
    tools.press.add(taking, publication)
    return publication


def publish(publication: Publication, taking: Taking, tools: Tools) -> Outcome:
    """Publish what waits, this at any rate; raises NotTaken and IndexWriteFailed."""
    if tools.press.gathers(publication.fingerprint):
        return Outcome.GATHERED
    generation = tools.press.publish(taking)
    tools.held.forget(taking.fetched.sha256)
    tell_published(publication, generation, taking.source, kind=taking.kind)
    return Outcome.PUBLISHED


def tell_published(
    publication: Publication, generation: int, source: Source, *, kind: Kind
) -> None:
    """Write into the log what a CRL has changed."""
    changes = publication.changes
    log.info(
        "crl_published",
        **names_of(source),
        kind=kind,
        number=publication.mark.number,
        generation=generation,
        added=len(changes.added),
        changed=len(changes.changed),
        removed=len(changes.removed),
    )


def _accepted(mark: Mark | None, kind: Kind) -> tuple[bytes, ...]:
    """Return the digest of the last accepted file of this kind."""
    if kind is Kind.DELTA:
        return (mark.delta.sha256,) if mark and mark.delta else ()
    return (mark.sha256,) if mark else ()


def _compare(crl: AcceptedCrl, taking: Taking, tools: Tools) -> Changes:
    place = taking.source.fingerprint, taking.source.partition.name
    with tools.writer.reader.snapshot() as snapshot:
        if taking.kind is Kind.COMPLETE:
            return diff(snapshot.packed(*place), crl, taking.room)
        return follow(partial(snapshot.entries_of, *place), crl, taking.room)


def _hand_to_keeper(crl: AcceptedCrl, taking: Taking, keeper: Keeper | None) -> None:
    if keeper is None:
        return
    try:
        keeper.keep(
            taking.source,
            taking.fetched.path,
            number=crl.number,
            base=crl.base,
            this_update=crl.this_update,
            next_update=crl.next_update,
            sha256=taking.fetched.sha256,
            at=taking.at,
        )
    except OSError as wrong:
        detail = f"it cannot be archived: {wrong.strerror}; look at the disk of the archive"
        raise NotTaken(Check.ARCHIVE, detail) from wrong


def _next_mark(
    crl: AcceptedCrl, changes: Changes, last: Mark | None, taking: Taking, writer: IndexWriter
) -> Mark:
    fetched, url = taking.fetched, taking.url
    if taking.kind is Kind.COMPLETE or last is None:
        return mark_of_complete(crl, fetched, url, last=last)
    with writer.reader.snapshot() as view:
        listed = view.count(taking.source.fingerprint, taking.source.partition.name)
    return mark_of_delta(crl, fetched, url, last=last, listed=listed, changes=changes)


def mark_of(source: Source, writer: IndexWriter) -> Mark | None:
    """Return what the next file of a source is measured by."""
    with writer.reader.snapshot() as snapshot:
        return snapshot.mark(source.fingerprint, source.partition.name)


def names_of(source: Source) -> dict[str, str]:
    """Name a source in the log."""
    return {"issuer": source.issuer.name, "partition": source.partition.name}
