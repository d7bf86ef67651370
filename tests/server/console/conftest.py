"""A book on SQLite: what differs between the databases is tested below the API."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from support.console import Console, console
from tashika_server.book import Book, open_book


@pytest.fixture
def book(sqlite_template: Path, tmp_path: Path) -> Iterator[Book]:
    shutil.copy(sqlite_template, tmp_path / "book.sqlite")
    opened = open_book(f"sqlite:///{tmp_path / 'book.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture
async def api(book: Book) -> AsyncIterator[Console]:
    async with console(book) as served:
        yield served
