"""A chain of entries: each names the digest of the one before. Pure; for any source of entries."""

from tashika_server.book.trail import START, Entry
from tashika_server.ledger.errors import LedgerBroken

__all__ = ["Chain"]


class Chain:
    """Follows entries one by one from a known place; by default from the very first."""

    def __init__(self, *, number: int = 0, head: bytes = START) -> None:
        self.number = number
        """Of the last entry that was followed."""
        self.head = head
        """Its digest."""

    def follow(self, entry: Entry, digest: bytes) -> None:
        """Take the next entry and its digest; LedgerBroken if it was not written next."""
        due = self.number + 1
        if entry.number > due:
            raise LedgerBroken(f"entry {due} is missing: entry {entry.number} stands in its place")
        if entry.number < due:
            raise LedgerBroken(
                f"entry {entry.number} stands where entry {due} is due: "
                "it is there twice, or out of its order"
            )
        if entry.previous != self.head:
            raise LedgerBroken(
                f"entry {due} does not follow what is before it: "
                f"it was changed after it was written, or entry {self.number} was"
            )
        self.number, self.head = due, digest
