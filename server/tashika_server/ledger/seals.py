"""Follows the roots of an export, each over the entries since the one before. Pure."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, time

from tashika.pki.merkle import Tree, leaf_hash
from tashika_server.agreements.period import JST
from tashika_server.ledger.errors import LedgerBroken
from tashika_server.ledger.root import Root

__all__ = ["Anchors", "Seals"]

Anchors = Mapping[date, bytes]
"""Merkle roots that somebody else has kept, by their day."""


class Seals:
    """Begins behind the entry `done` and behind the root whose digest is `head`."""

    def __init__(
        self, *, done: int, head: bytes, keys: Collection[bytes], anchors: Anchors
    ) -> None:
        self._head, self._trusted, self._anchors = head, keys, anchors
        self._tree = Tree()
        self._at: datetime | None = None
        """The time of the last entry that has no root yet."""
        self.done = done
        """The last entry under a root."""
        self.days: list[date] = []
        self.keys: dict[bytes, None] = {}
        """Every key that signed, in the order of its first root."""

    def add(self, at: datetime, digest: bytes) -> None:
        """Take in an entry of this time."""
        self._tree.add(leaf_hash(digest))
        self._at = at

    def follow(self, root: Root, digest: bytes) -> None:
        """Take the root of all entries since the last, and its digest; raises LedgerBroken."""
        self._demand_place(root)
        self._demand_day(root)
        if root.root != self._tree.root():
            raise LedgerBroken(f"the entries are not those that the root of {root.day} signs")
        root.demand_signed()
        if self._trusted and root.key not in self._trusted:
            raise LedgerBroken(f"the root of {root.day} is signed with somebody else's key")
        if self._anchors.get(root.day, root.root) != root.root:
            raise LedgerBroken(
                f"the root of {root.day} is not the one that was kept: "
                "all this was written anew, from that day or before it"
            )
        self.days.append(root.day)
        self.keys[root.key] = None
        self._tree, self._at = Tree(), None
        self._head, self.done = digest, root.last

    def demand_anchors(self) -> None:
        """Raise LedgerBroken if a root that was kept did not come."""
        for day in sorted(self._anchors.keys() - set(self.days)):
            raise LedgerBroken(
                f"the root of {day}, which was kept, is not here: "
                "the ledger was cut, or this is an export of other days"
            )

    def _demand_place(self, root: Root) -> None:
        due = (self.done + 1, self.done + self._tree.size)
        if (root.first, root.last) != due:
            raise LedgerBroken(
                f"the root of {root.day} is over the entries {root.first} to {root.last}, "
                f"but {due[0]} to {due[1]} are without one: something was left out here"
            )
        if root.previous != self._head or (self.days and root.day <= self.days[-1]):
            raise LedgerBroken(
                f"the root of {root.day} does not follow the one before: "
                "one of the two was changed, or one between them was left out"
            )

    def _demand_day(self, root: Root) -> None:
        """Demand that its last entry is from before the end of its day, and it is from after."""
        over = datetime.combine(root.day, time.max, JST)
        if self._at is None or not self._at <= over < root.closed_at:
            raise LedgerBroken(
                f"the root of {root.day} is not of that day: its last entry is of {self._at}, "
                f"and it was closed at {root.closed_at}"
            )
