"""Ledger entries of what may be done twice: whoever is killed behind one does not enter another."""

from datetime import datetime

from tashika_server.book.book import Book
from tashika_server.book.trail import entries

__all__ = ["record_once"]


def record_once(
    book: Book, action: str, subject: str, after: object, *, actor: str, at: datetime
) -> None:
    """Enter what was done to `subject`, unless this actor has entered it; raises BookError."""
    with book.writing(actor=actor, at=at) as change:
        known = entries(change.connection, subject=subject)
        if not any((each.action, each.actor) == (action, actor) for each in known):
            change.record(action, subject, before=None, after=after)
