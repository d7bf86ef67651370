"""Removing files whose time is over, by rule, with an entry in the ledger.

Articles 16 and 35 of the Act (2013) have revocation information files kept for a period that an
order sets; `[files] keep` is that period. The newest CRL of a partition stays, however old.

| killed                           | rows    | ledger    | content    | the next purge           |
|----------------------------------|---------|-----------|------------|--------------------------|
| before the rows are marked       | kept    | no entry  | there      | begins                   |
| after that                       | leaving | no entry  | there      | enters it, removes       |
| after the entry                  | leaving | one entry | there      | removes, enters no other |
| after the removal, or half of it | leaving | one entry | gone, half | removes the rest         |
| after the rows are closed        | gone    | one entry | gone       | has nothing to do        |

A row stays for good, so `files list` still tells what was kept. Not for the history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from tashika_server.book import Book
from tashika_server.book.trail import entries
from tashika_server.files.archive import Archive
from tashika_server.files.catalog import Kept

__all__ = ["BASIS", "PurgedFiles", "purge"]

BASIS = "2013 16, 35"
"""As `agreements.act` cites: version and articles."""
_ACTION = "files.purge"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgedFiles:
    """What the ledger says of a purge."""

    files: int
    received: tuple[datetime, datetime]
    """From the first to the last of them."""
    basis: str = BASIS


def purge(book: Book, archive: Archive, *, actor: str, at: datetime, keep: timedelta) -> int:
    """Remove what came longer than `keep` ago; returns how many files that were.

    Finishes what an earlier one was kept from. Raises ArchiveFailed, OSError, BookError.
    """
    before = at - keep
    archive.catalog.let_go(f"files before {before:%Y-%m-%dT%H:%M:%S.%fZ}", before=before)
    leaving = archive.catalog.leaving()
    for name, files in groupby(sorted(leaving, key=_purge_of), key=_purge_of):
        going = sorted(files, key=lambda each: each.received_at)
        _enter(book, name, going, actor=actor, at=at)
        archive.remove(going)
    return len(leaving)


def _purge_of(file: Kept) -> str:
    return file.leaving or ""


def _enter(book: Book, name: str, files: Sequence[Kept], *, actor: str, at: datetime) -> None:
    """Tell the ledger, once: what is entered is not entered again."""
    said = PurgedFiles(files=len(files), received=(files[0].received_at, files[-1].received_at))
    with book.writing(actor=actor, at=at) as change:
        known = entries(change.connection, subject=name)
        if not any((each.action, each.actor) == (_ACTION, actor) for each in known):
            change.record(_ACTION, name, before=None, after=said)
