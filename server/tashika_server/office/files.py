"""Removes once a day the files whose time is over. Not for how (`files.retention`)."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from tashika.pki.errors import TashikaError
from tashika_server.book import Book
from tashika_server.clock import Clock
from tashika_server.files.archive import Archive
from tashika_server.files.retention import purge
from tashika_server.log import get_log

__all__ = ["RetentionParts", "keep_purging"]

log = get_log()

PURGE_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionParts:
    """What files are removed with."""

    book: Book
    archive: Archive
    keep: timedelta
    node: str
    clock: Clock


async def keep_purging(parts: RetentionParts) -> None:
    """Purge forever; what is wrong with the book or the disk today may be right tomorrow."""
    while True:
        await asyncio.to_thread(_purge, parts)
        await asyncio.sleep(PURGE_EVERY.total_seconds())


def _purge(parts: RetentionParts) -> None:
    try:
        gone = purge(
            parts.book,
            parts.archive,
            actor=f"office:{parts.node}",
            at=parts.clock.now(),
            keep=parts.keep,
        )
    except (TashikaError, OSError) as wrong:
        log.warning("files_not_purged", reason=str(wrong))
        return
    if gone:
        log.info("files_purged", files=gone)
