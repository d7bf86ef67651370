"""Removing files whose time is over, by rule, with an entry in the ledger.

Articles 16 and 35 of the Act (2013) have revocation information files kept for a period that an
order sets; `[files] keep` is that period, or the issuer's own `keep`. The newest CRL of a
partition stays, however old. Compact sets are made of CRLs that are kept, and go sooner.

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
from tashika_server.book.once import record_once
from tashika_server.files.archive import Archive
from tashika_server.files.facts import Kept
from tashika_server.issuer import Retention, Retentions

__all__ = ["SETS", "PurgedFiles", "purge"]

SETS = Retention(keep=timedelta(days=31), basis="made of CRLs that are kept")
"""A verifier further behind takes the newest set whole; each may have 100 MB."""
_ACTION = "files.purge"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgedFiles:
    """What the ledger says of a purge."""

    files: int
    received: tuple[datetime, datetime]
    """From the first to the last of them."""
    basis: str


def purge(book: Book, archive: Archive, rules: Retentions, *, actor: str, at: datetime) -> int:
    """Remove what came longer ago than its issuer's rule keeps; returns how many files that were.

    Finishes what an earlier one was kept from. Raises ArchiveFailed, OSError, BookError.
    """
    for issuer in {issuer for issuer, _ in archive.catalog.places()}:
        for what, compact in (("files", False), ("compact sets", True)):
            before = at - _rule(rules, issuer, compact=compact).keep
            name = f"{what} of {issuer.hex()} before {before:%Y-%m-%dT%H:%M:%S.%fZ}"
            archive.catalog.let_go(name, issuer=issuer, compact=compact, before=before)
    leaving = archive.catalog.leaving()
    for name, files in groupby(sorted(leaving, key=_purge_of), key=_purge_of):
        going = sorted(files, key=lambda each: each.received_at)
        basis = _rule(rules, going[0].issuer, compact=not going[0].kind.is_crl).basis
        _enter(book, name, going, basis, actor=actor, at=at)
        archive.remove(going)
    return len(leaving)


def _rule(rules: Retentions, issuer: bytes, *, compact: bool) -> Retention:
    return SETS if compact else rules.of(issuer)


def _purge_of(file: Kept) -> str:
    return file.leaving or ""


def _enter(
    book: Book, name: str, files: Sequence[Kept], basis: str, *, actor: str, at: datetime
) -> None:
    """Tell the ledger, once: what is entered is not entered again."""
    received = files[0].received_at, files[-1].received_at
    said = PurgedFiles(files=len(files), received=received, basis=basis)
    record_once(book, _ACTION, name, said, actor=actor, at=at)
