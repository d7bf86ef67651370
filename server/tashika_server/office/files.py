"""Removes once a day the files and events whose time is over.

Not for how (`files.retention`, `history.purging`).
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tashika.pki.errors import TashikaError
from tashika_server.book import Book
from tashika_server.clock import Clock
from tashika_server.files.archive import Archive
from tashika_server.files.retention import purge
from tashika_server.history.purging import purge_events
from tashika_server.issuer import Retentions
from tashika_server.log import get_log

__all__ = ["RetentionParts", "keep_purging"]

log = get_log()

PURGE_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionParts:
    """What files and events are removed with."""

    book: Book
    archive: Archive
    history: Path
    rules: Retentions
    node: str
    clock: Clock


async def keep_purging(parts: RetentionParts) -> None:
    """Purge forever; what is wrong with the book or the disk today may be right tomorrow."""
    while True:
        await asyncio.to_thread(_purge_files, parts)
        await asyncio.to_thread(_purge_events, parts)
        await asyncio.sleep(PURGE_EVERY.total_seconds())


def _purge_files(parts: RetentionParts) -> None:
    actor, at = f"office:{parts.node}", parts.clock.now()
    try:
        gone = purge(parts.book, parts.archive, parts.rules, actor=actor, at=at)
    except (TashikaError, OSError) as wrong:
        log.warning("files_not_purged", reason=str(wrong))
        return
    if gone:
        log.info("files_purged", files=gone)


def _purge_events(parts: RetentionParts) -> None:
    actor, at = f"office:{parts.node}", parts.clock.now()
    try:
        gone = purge_events(parts.book, parts.history, parts.rules, actor=actor, at=at)
    except (TashikaError, OSError) as wrong:
        log.warning("events_not_purged", reason=str(wrong))
        return
    if gone:
        log.info("events_purged", events=gone)
