"""A machine with journals and a book, on both databases."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.intake import Machine, register
from tashika_server.book import Book, open_book


@pytest.fixture
def machine(book: Book, tmp_path: Path) -> Machine:
    register(book)
    return Machine(book, tmp_path / "journal")


@pytest.fixture(scope="session")
def parties_template(sqlite_template: Path) -> Path:
    """A book with the parties that `machine` has."""
    path = sqlite_template.with_name("parties.sqlite")
    shutil.copy(sqlite_template, path)
    book = open_book(f"sqlite:///{path}")
    register(book)
    book.close()
    return path


@pytest.fixture
def light_machine(parties_template: Path, tmp_path: Path) -> Iterator[Machine]:
    """A machine for what does not depend on the database."""
    shutil.copy(parties_template, tmp_path / "book.sqlite")
    book = open_book(f"sqlite:///{tmp_path / 'book.sqlite'}")
    yield Machine(book, tmp_path / "journal")
    book.close()
