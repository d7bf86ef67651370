"""What a newly accepted CRL changes, in files of records. Decides nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO, Self

from tashika.pki.standing import Reason
from tashika_server.index import Changes, Entry
from tashika_server.refresh.accept import AcceptedCrl
from tashika_server.refresh.records import CODES, Pairs, Records, pack
from tashika_server.refresh.room import Room

__all__ = ["diff", "follow"]

_REMOVED = CODES[Reason.REMOVE_FROM_CRL]
_REASON_AT = 4
"""Where the reason stands in the rest of a record."""


@dataclass(frozen=True, slots=True)
class _Piles:
    """Records that are added, that were and are now, and that are removed."""

    added: BinaryIO
    before: BinaryIO
    after: BinaryIO
    removed: BinaryIO

    @classmethod
    def within(cls, room: Room) -> Self:
        return cls(room.scratch(), room.scratch(), room.scratch(), room.scratch())

    def change(self, old: bytes, new: bytes) -> None:
        """Note that one entry is another now, unless it is the same."""
        if old != new:
            self.before.write(old)
            self.after.write(new)

    def changes(self) -> Changes:
        added, before, after, removed = map(
            Records.of, (self.added, self.before, self.after, self.removed)
        )
        return Changes(added=added, changed=Pairs(before, after), removed=removed)


def diff(before: Iterable[Entry], crl: AcceptedCrl, room: Room) -> Changes:
    """Compare what a partition lists, sorted by serial, with what its new CRL lists.

    One pass over two sorted sequences, neither of which is ever in memory. Raises NotTaken
    where the process that read the CRL has lied, and OSError where the disk is full.
    """
    piles = _Piles.within(room)
    old = iter(before)
    known = next(old, None)
    for serial, rest in crl.listed:
        if known is None:  # a first load has nothing else
            piles.added.write(serial + rest)
            continue
        number = int.from_bytes(serial, "big")
        while known and known.serial < number:
            piles.removed.write(pack(known))
            known = next(old, None)
        if known and known.serial == number:
            piles.change(pack(known), serial + rest)
            known = next(old, None)
        else:
            piles.added.write(serial + rest)
    while known:
        piles.removed.write(pack(known))
        known = next(old, None)
    return piles.changes()


def follow(find: Callable[[int], Entry | None], delta: AcceptedCrl, room: Room) -> Changes:
    """Work out what a delta changes; `find` says what the partition lists of a serial (T31)."""
    piles = _Piles.within(room)
    for serial, rest in delta.listed:
        known = find(int.from_bytes(serial, "big"))
        if rest[_REASON_AT] == _REMOVED:
            # RFC 5280 5.3.1: it may be of an entry that came and went since the base.
            if known:
                piles.removed.write(pack(known))
        elif known:
            piles.change(pack(known), serial + rest)
        else:
            piles.added.write(serial + rest)
    return piles.changes()
