"""The book on both databases, for every test below."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.book import Postgres, postgres, upgraded
from tashika_server.book import Book, open_book

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_book(postgres_server: Postgres) -> str:
    """A database with the tables made: emptying it takes a tenth of copying it."""
    postgres_server.run("CREATE DATABASE book")
    upgraded(postgres_server.dsn("book")).close()
    return "book"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / "template.sqlite"
    upgraded(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=DATABASES)
def empty_dsn(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a book could be, but none has been made."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'book.sqlite'}"
    else:
        with request.getfixturevalue("postgres_server").fresh() as dsn:
            yield dsn


@pytest.fixture(params=DATABASES)
def book_dsn(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an empty book is, its tables made."""
    if request.param == "sqlite":
        path = tmp_path / "book.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
    else:
        server, name = map(request.getfixturevalue, ("postgres_server", "postgres_book"))
        server.empty(name)
        yield server.dsn(name)


@pytest.fixture
def book(book_dsn: str) -> Iterator[Book]:
    opened = open_book(book_dsn)
    yield opened
    opened.close()
