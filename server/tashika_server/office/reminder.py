"""Says in the log, each day, what ends soon: accreditations, agreements, credentials.

Nothing waits for anybody to read it: what ends stops by itself.
"""

import asyncio
from datetime import timedelta

from tashika_server.agreements.registry import Notice, notices
from tashika_server.book import Book, BookError
from tashika_server.clock import Clock
from tashika_server.log import get_log

__all__ = ["remind"]

log = get_log()

EVERY, AGAIN = timedelta(days=1), timedelta(minutes=5)
"""How often, and how soon again if the book could not be read."""


async def remind(book: Book, clock: Clock) -> None:
    """Remind forever."""
    while True:
        try:
            ending = await asyncio.to_thread(_ending, book, clock)
        except BookError:  # the compiler says so in the log
            pause = AGAIN
        else:
            pause = EVERY
            for each in ending:
                log.warning(
                    "ends_soon",
                    what=each.what,
                    subject=each.subject,
                    verifier=each.verifier,
                    ends=each.ends.isoformat(),
                )
        await asyncio.sleep(pause.total_seconds())


def _ending(book: Book, clock: Clock) -> list[Notice]:
    with book.reading() as connection:
        return notices(connection, clock.now())
