"""The entries of partitions, and the lists of whose they are, while an edit is written.

An entry stands under its serial number, whichever partition of the issuer lists it, so no two of
them can have it. Each partition's list has the serials that are its own. Not for what CRLs say of
themselves (`edit`), nor for what an entry is made of (`layout`).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from tashika_server.index.errors import SerialTaken
from tashika_server.index.layout import (
    ID_BYTES,
    LISTS,
    LONG_LIST,
    SHORT_LIST,
    SHORT_SERIAL_BYTES,
    listed_bytes,
    pack_entries,
    pack_entry,
    pack_serial,
    serial_prefixes,
)
from tashika_server.index.order import Row, in_order, put_ascending
from tashika_server.index.records import unpack_place
from tashika_server.index.store import Store, Transaction
from tashika_server.index.values import Changes, Entry

__all__ = ["Entries"]


class Entries:
    """The entries of partitions, by the keys of these: the ids of issuer and partition."""

    def __init__(self, store: Store, transaction: Transaction, *, spare: Path) -> None:
        """`spare` is a directory for what memory does not hold."""
        self._databases = store.databases
        self._entries = store.databases["entries"]
        self._transaction = transaction
        self._spare = spare

    def apply(self, placed: Sequence[tuple[bytes, Changes]]) -> None:
        """Add, change and remove entries of partitions; raises SerialTaken.

        Whatever goes goes first, so a certificate may move from one partition to another.
        """
        for place, changes in placed:
            self._remove(place, changes.removed)
        self._add([(place, changes.added) for place, changes in placed if changes.added])
        for place, changes in placed:
            for _, entry in changes.changed:
                _, rest = pack_entry(entry)
                key = _key(place, entry.serial)
                self._transaction.put(key, place[ID_BYTES:] + rest, db=self._entries)

    def drop(self, place: bytes) -> None:
        """Remove all entries of a partition."""
        for listing in LISTS:
            with self._transaction.cursor(self._databases[listing]) as cursor:
                values = list(cursor.iternext_dup()) if cursor.set_key(place) else []
            for value in values:
                key = _key(place, int.from_bytes(value, "big"))
                self._transaction.delete(key, db=self._entries)
            self._transaction.delete(place, db=self._databases[listing])

    def _add(self, placed: Sequence[tuple[bytes, Sequence[Entry]]]) -> None:
        """Add entries of partitions, all of them in the order of keys.

        The serials of an issuer's partitions are mixed; a page that fills at once becomes full.
        """
        pieces = self._listing(placed)
        if len(placed) == 1:
            self._put_new(pieces)  # sorted as it comes
            return
        with in_order(pieces, self._spare) as ordered:
            self._put_new(ordered)

    def _put_new(self, pieces: Iterable[list[Row]]) -> None:
        with self._transaction.cursor(self._entries) as cursor:
            for rows in pieces:
                if put_ascending(cursor, iter(rows)) < len(rows):
                    raise SerialTaken(self._holder(rows))

    def _holder(self, rows: Sequence[Row]) -> str:
        """Name a partition that lists what one of these rows wanted to."""
        places = [
            (key[:ID_BYTES], value[:ID_BYTES], known[:ID_BYTES])
            for key, value in rows
            if (known := self._transaction.get(key, db=self._entries))
        ]
        issuer, *_, holder = next((each for each in places if each[1] != each[2]), places[0])
        raw = self._transaction.get(issuer + holder, b"", db=self._databases["marks"])
        return unpack_place(raw).name

    def _listing(self, placed: Sequence[tuple[bytes, Sequence[Entry]]]) -> Iterator[list[Row]]:
        """Put entries into the lists of their partitions, and yield the rows that they become."""
        for place, entries in placed:
            prefixes, partition = serial_prefixes(place[:ID_BYTES]), place[ID_BYTES:]
            for some in pack_entries(entries):
                self._list_all(place, [serial for serial, _ in some])
                yield [(prefixes[len(serial)] + serial, partition + rest) for serial, rest in some]

    def _list_all(self, place: bytes, serials: Sequence[bytes]) -> None:
        long = bisect_right(serials, SHORT_SERIAL_BYTES, key=len)
        self._list(SHORT_LIST, place, serials[:long])
        self._list(LONG_LIST, place, serials[long:])

    def _list(self, name: str, place: bytes, serials: Sequence[bytes]) -> None:
        if not serials:
            return
        width = listed_bytes(serials[0])
        rows = [(place, serial.rjust(width, b"\0")) for serial in serials]
        with self._transaction.cursor(self._databases[name]) as cursor:
            listed = cursor.set_key(place) and cursor.last_dup()
            behind = not listed or cursor.value() < rows[0][1]
            cursor.putmulti(rows, append=behind)

    def _remove(self, place: bytes, entries: Sequence[Entry]) -> None:
        prefixes = serial_prefixes(place[:ID_BYTES])
        for serial, _ in chain.from_iterable(pack_entries(entries)):
            self._transaction.delete(prefixes[len(serial)] + serial, db=self._entries)
            name = SHORT_LIST if len(serial) <= SHORT_SERIAL_BYTES else LONG_LIST
            value = serial.rjust(listed_bytes(serial), b"\0")
            self._transaction.delete(place, value, db=self._databases[name])


def _key(place: bytes, serial: int) -> bytes:
    return place[:ID_BYTES] + pack_serial(serial)
