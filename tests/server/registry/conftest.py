"""An operator at a fresh registry, on SQLite and on PostgreSQL."""

import pytest

from support.registry import Office
from tashika_server.book import Book


@pytest.fixture
def office(book: Book) -> Office:
    return Office(book)
