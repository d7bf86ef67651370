"""The book of the registry, for the office and for the commands that keep it."""

from collections.abc import Mapping
from pathlib import Path

from tashika_server.agreements.registry import Issuers
from tashika_server.book import BadDsn, Book, BookUnreachable, open_book
from tashika_server.config import Config, Settings
from tashika_server.log import get_log
from tashika_server.policy import Guarded

__all__ = ["book_standing", "issuers", "operators", "registry_book", "two_person"]

log = get_log()


def registry_book(file: Path, settings: Settings) -> Book:
    """Open the book that a configuration file names, without connecting to it; BadDsn."""
    dsn, elsewhere = settings.book.dsn, settings.book.dsn_file
    if elsewhere:
        try:
            dsn = elsewhere.read_text().strip()
        except (OSError, UnicodeDecodeError) as wrong:
            raise BadDsn(f"{elsewhere} cannot be read; name a readable file") from wrong
    return open_book(dsn, relative_to=file.absolute().parent)


def book_standing(config: Config) -> str:
    """Say how the book stands; BadDsn, BookOutdated.

    One that cannot be reached now is no reason not to start: workers go on with what they
    know, and the office takes it up when it is back (T4).
    """
    book = registry_book(config.file, config.settings)
    try:
        with book.reading():
            return "the tables are as needed"
    except BookUnreachable as wrong:
        log.warning("book_unreachable", reason=str(wrong))
        return str(wrong)
    finally:
        book.close()


def two_person(settings: Settings) -> frozenset[Guarded]:
    """Return what the house wants two persons for."""
    return frozenset(settings.registry.two_person)


def operators(settings: Settings) -> Mapping[str, str]:
    """Return the operators of record by the names of the issuers that have one."""
    return {each.name: each.operator for each in settings.issuer if each.operator}


def issuers(settings: Settings) -> Issuers:
    """Return the issuers that an agreement may name."""
    return {each.name: each.family for each in settings.issuer}
