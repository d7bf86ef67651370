"""The durable SQL store: transactions, tables with their migrations, and the audit trail.

SQLite by default, PostgreSQL by DSN. What the rows mean is not here but in `agreements`.
"""

from tashika_server.book.book import Book, Change, Mode, open_book
from tashika_server.book.errors import (
    BadDsn,
    BookError,
    BookOutdated,
    BookRefuses,
    BookUnreachable,
)
from tashika_server.book.trail import Entry

__all__ = [
    "BadDsn",
    "Book",
    "BookError",
    "BookOutdated",
    "BookRefuses",
    "BookUnreachable",
    "Change",
    "Entry",
    "Mode",
    "open_book",
]
