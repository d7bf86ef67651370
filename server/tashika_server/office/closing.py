"""Closes the days of the ledger with signed roots, soon after each is over in Japan.

Not for what a root is (`ledger.roots`). Several offices with one book may all have a key: one
of them closes a day.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from tashika.pki.algorithms import PrivateKey
from tashika_server.book import Book, BookError
from tashika_server.clock import Clock
from tashika_server.ledger.errors import LedgerBroken
from tashika_server.ledger.roots import close_days
from tashika_server.log import get_log

__all__ = ["ClosingParts", "keep_closing_days"]

log = get_log()

LOOK_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingParts:
    """What it works with."""

    book: Book
    key: PrivateKey
    node: str
    """The name of this machine, which no other with the same book has."""
    clock: Clock


async def keep_closing_days(parts: ClosingParts) -> None:
    """Close what is over, forever; a ledger that does not hold is not signed, and said so."""
    trouble = ""
    while True:
        try:
            await asyncio.to_thread(_close, parts)
            trouble = ""
        except (BookError, LedgerBroken) as wrong:
            if str(wrong) != trouble:
                broken = isinstance(wrong, LedgerBroken)
                (log.error if broken else log.warning)("days_not_closed", reason=str(wrong))
            trouble = str(wrong)
        await asyncio.sleep(LOOK_EVERY.total_seconds())


def _close(parts: ClosingParts) -> None:
    at = parts.clock.now()
    for root in close_days(parts.book, parts.key, actor=f"office:{parts.node}", at=at):
        log.info("day_closed", day=str(root.day), last=root.last, root=root.root.hex())
