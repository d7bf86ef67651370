"""What can go wrong with the book as a store; a rule of the registry broken is not here."""

from tashika.pki.errors import TashikaError

__all__ = ["BadDsn", "BookError", "BookOutdated", "BookRefuses", "BookUnreachable"]


class BookError(TashikaError):
    """Something is wrong with the book itself."""


class BadDsn(BookError):
    """The address of the book is not one we can open; never shows the address's password."""


class BookUnreachable(BookError):
    """The database does not answer, or stays locked (T4).

    Raised at a commit, it leaves open whether the change was kept: read before trying again.
    """


class BookOutdated(BookError):
    """The tables are missing, older or newer than this program's; `book upgrade` makes them so."""


class BookRefuses(BookError):
    """A constraint of the tables stopped a change that the rules above them let through."""
