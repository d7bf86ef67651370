"""What passes between the book and the refresher of this machine.

What was published is entered into the ledger; which files two persons have released is told.
Not for refreshing: the index is only read here, and what it says is in `ledger.refreshes`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tashika_server.agreements.releases import released_files
from tashika_server.book import Book, BookError
from tashika_server.clock import Clock
from tashika_server.durable import write_atomically
from tashika_server.index import IndexMissing, IndexReader
from tashika_server.ledger.refreshes import enter_refreshes, entered_up_to, refreshes
from tashika_server.log import get_log

__all__ = ["RefreshParts", "enter_new_refreshes", "keep_entering_refreshes", "tell_released"]

log = get_log()

LOOK_EVERY = timedelta(seconds=5)
"""The CRLs of four thousand partitions, each every fifteen minutes, are twenty in that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshParts:
    """What it works with."""

    book: Book
    index: IndexReader
    node: str
    """The name of this machine, which no other with the same book has."""
    issuers: Mapping[bytes, str]
    """The names of the configured issuers by their fingerprints."""
    released: Path
    """The file by which the refresher knows what was released."""
    clock: Clock


async def keep_entering_refreshes(parts: RefreshParts) -> None:
    """Look for new generations forever; without the book or the index, try again later."""
    entered: int | None = None
    trouble = ""
    while True:
        try:
            entered = await asyncio.to_thread(enter_new_refreshes, parts, entered)
            await asyncio.to_thread(tell_released, parts)
            trouble = ""
        except (BookError, IndexMissing, OSError) as wrong:
            if str(wrong) != trouble:
                log.warning("refreshes_not_entered", reason=str(wrong))
            trouble = str(wrong)
        await asyncio.sleep(LOOK_EVERY.total_seconds())


def enter_new_refreshes(parts: RefreshParts, entered: int | None = None) -> int:
    """Enter what is new and return up to which generation all is; BookError, IndexMissing.

    `entered` is what the last call returned: the book is left alone if that is still all.
    """
    with parts.index.snapshot() as view:
        if view.generation == entered:
            return entered
    with parts.book.reading() as connection:
        after = entered_up_to(connection, parts.node)
    with parts.index.snapshot() as view:
        found, generation = refreshes(view, after, parts.issuers), view.generation
    if found:
        actor = f"office:{parts.node}"
        with parts.book.writing(actor=actor, at=parts.clock.now()) as change:
            if not enter_refreshes(change, parts.node, found, after=after):
                return after
    return generation


def tell_released(parts: RefreshParts) -> None:
    """Let the refresher know of each file that was ever released; BookError, OSError."""
    with parts.book.reading() as connection:
        text = "".join(f"{digest}\n" for digest in sorted(released_files(connection)))
    if not parts.released.exists() or parts.released.read_text() != text:
        write_atomically(parts.released, text.encode())
