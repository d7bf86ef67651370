"""The lines of an export of the ledger; docs/ledger.md has them byte by byte.

A line is one JSON object in canonical form, and its kind says what it is: `ledger` begins, then
entries and roots as the book has them, `end` ends.
"""

import json
from dataclasses import dataclass
from typing import Any

from tashika_server.book.plain import canonical, from_plain, plain
from tashika_server.book.trail import START, Entry
from tashika_server.ledger.errors import LedgerBroken
from tashika_server.ledger.root import Root

__all__ = ["FORMAT", "Beginning", "End", "Line", "read_line"]

FORMAT = "tashika-ledger/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """Where an export begins."""

    format: str = FORMAT
    first: int
    """The number of its first entry."""
    previous: bytes
    """The digest of the entry before."""
    previous_root: bytes
    """The digest of the root before."""

    @property
    def line(self) -> str:
        """Its form in an export."""
        return canonical({"kind": "ledger", **plain(self)})

    def demand_sound(self) -> None:
        """Raise LedgerBroken if it is of another form, or claims something before the first."""
        if self.format != FORMAT or self.first < 1:
            raise LedgerBroken(f"this is no ledger of the form {FORMAT}")
        if self.first == 1 and {self.previous, self.previous_root} != {START}:
            raise LedgerBroken("it claims something before entry 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The end of an export: without it, it was cut."""

    entries: int
    roots: int
    digest: bytes
    """SHA-256 of every octet before this line: finds accidents, and no forger."""

    @property
    def line(self) -> str:
        """Its form in an export."""
        return canonical({"kind": "end", **plain(self)})


Line = Beginning | Entry | Root | End
_KINDS: dict[str, type[Line]] = {"ledger": Beginning, "entry": Entry, "root": Root, "end": End}


def read_line(octets: bytes) -> Line:
    """Read a line of an export; LedgerBroken if it is not exactly as the ledger writes it."""
    try:
        text = octets.decode()
        values: dict[str, Any] = json.loads(text.removesuffix("\n"))
        line = from_plain(values, _KINDS[values.pop("kind")])
    except Exception as wrong:  # a forger may write whatever comes to mind
        raise _changed() from wrong
    if f"{line.line}\n" != text:
        raise _changed()
    return line


def _changed() -> LedgerBroken:
    return LedgerBroken("this is not as the ledger writes it: it was changed, or cut")
