"""What a newly accepted CRL changes, in files of records. Decides nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import BinaryIO

from tashika.pki.standing import Reason
from tashika_server.index import Changes, Entry, PackedEntry
from tashika_server.refresh.accept import AcceptedCrl
from tashika_server.refresh.records import CODES, Pairs, Records, pack, repack, split
from tashika_server.refresh.room import Room

__all__ = ["diff", "follow"]

_REMOVED = CODES[Reason.REMOVE_FROM_CRL]
SERIAL = 32
"""Octets of a record that are its serial; the reason stands behind it."""


class _Pile:
    """Records on their way to a file, which is opened for the first: most piles stay empty."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._file: BinaryIO | None = None

    def write(self, records: bytes) -> None:
        if self._file is None:
            self._file = self._room.scratch()
        self._file.write(records)

    def entries(self) -> Sequence[Entry]:
        return Records.of(self._file) if self._file else ()


class _Piles:
    """Records that are added, that were and are now, and that are removed."""

    def __init__(self, room: Room) -> None:
        self.added, self.removed = _Pile(room), _Pile(room)
        self._before, self._after = _Pile(room), _Pile(room)

    def change(self, old: bytes, new: bytes) -> None:
        """Note that one entry is another now, unless it is the same."""
        if old != new:
            self._before.write(old)
            self._after.write(new)

    def changes(self) -> Changes:
        return Changes(
            added=self.added.entries(),
            changed=Pairs(self._before.entries(), self._after.entries()),
            removed=self.removed.entries(),
        )


def diff(before: Iterable[PackedEntry], crl: AcceptedCrl, room: Room) -> Changes:
    """Compare what a partition lists, sorted by serial, with what its new CRL lists.

    One pass over two sorted sequences, neither of which is ever in memory. Raises NotTaken
    where the process that read the CRL has lied, and OSError where the disk is full.
    """
    piles = _Piles(room)
    old = map(repack, before)
    known = next(old, None)
    for block in crl.listed:
        if known is None:  # a first load has nothing else
            piles.added.write(block)
            continue
        for record in split(block):
            while known and known[:SERIAL] < record[:SERIAL]:
                piles.removed.write(known)
                known = next(old, None)
            if known and known[:SERIAL] == record[:SERIAL]:
                piles.change(known, record)
                known = next(old, None)
            else:
                piles.added.write(record)
    while known:
        piles.removed.write(known)
        known = next(old, None)
    return piles.changes()


def follow(
    find: Callable[[list[int]], Mapping[int, Entry]], delta: AcceptedCrl, room: Room
) -> Changes:
    """Work out what a delta changes; `find` says what the partition lists of serials (T31)."""
    piles = _Piles(room)
    for block in delta.listed:
        records = {int.from_bytes(record[:SERIAL], "big"): record for record in split(block)}
        known = find(list(records))
        for serial, record in records.items():
            old = known.get(serial)
            if record[SERIAL] == _REMOVED:
                # RFC 5280 5.3.1: it may be of an entry that came and went since the base.
                if old:
                    piles.removed.write(pack(old))
            elif old:
                piles.change(pack(old), record)
            else:
                piles.added.write(record)
    return piles.changes()
