"""One change of the index in the making: everything that happens within a write transaction.

Whoever holds the transaction commits it; nothing here is durable or visible before.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from pathlib import Path

from tashika_server.index.coverages import Coverages
from tashika_server.index.entries import Entries
from tashika_server.index.layout import (
    ID_BYTES,
    id_of,
    pack_id,
    pack_name,
    pack_number,
    pack_serial,
    unpack_number,
)
from tashika_server.index.order import put_ascending
from tashika_server.index.records import (
    Place,
    pack_change,
    pack_fed,
    pack_feed,
    pack_place,
    pack_quarantined,
    pack_register_mark,
    unpack_fed,
    unpack_place,
)
from tashika_server.index.store import Cursor, Store, Transaction
from tashika_server.index.values import (
    Change,
    Changes,
    Coverage,
    FeedMark,
    Mark,
    Publication,
    Quarantined,
    RegisterMark,
)

__all__ = ["Edit"]

KEPT_CHANGES = 50_000
"""Generations whose changes are kept: four rounds of a nation's 11,000 partitions."""
KEPT_PAGES = 1024
"""And the most that they take, 4 MiB: a million short serials, a week of a nation's."""


class Edit:
    """The next generation of the index while it is being written.

    Partitions are those that `expect` has made known; another name is a KeyError.
    """

    def __init__(self, store: Store, transaction: Transaction, *, spare: Path) -> None:
        """`spare` is a directory for what memory does not hold."""
        self._databases = store.databases
        self._transaction = transaction
        self._entries = Entries(store, transaction, spare=spare)
        self._said = Coverages(store, transaction)

    def expect(self, fingerprint: bytes, partitions: Iterable[str]) -> bool:
        """Make exactly these the partitions of an issuer; tell whether that is news.

        A partition that is no longer named goes with all its entries. A new one leaves the
        issuer's unlisted serials without coverage until its CRL has come (T15).
        """
        issuer = self._issuer(fingerprint)
        places = {unpack_place(raw).name: key for key, raw in self._rows("marks", issuer)}
        wanted = set(partitions)
        for name in places.keys() - wanted:
            self._drop(places[name], name)
        last = max(places.values(), default=issuer + bytes(ID_BYTES))
        for number, name in enumerate(sorted(wanted - places.keys()), id_of(last) + 1):
            self._found(issuer + pack_id(number), name)
        self.cover(fingerprint)
        # Whoever follows the issuer's feed, if somebody still does, says anew what is wrong.
        self._delete("quarantine", issuer)
        return places.keys() != wanted

    def apply(self, publications: Sequence[Publication]) -> None:
        """Add, change and remove entries of partitions; raises SerialTaken."""
        self._entries.apply(
            [(self._place(each.fingerprint, each.partition), each.changes) for each in publications]
        )

    def mark(self, fingerprint: bytes, partition: str, mark: Mark) -> None:
        """Let a CRL speak for its partition, and end its quarantine; `cover` goes after it."""
        place = self._place(fingerprint, partition)
        self._put("marks", place, pack_place(Place(name=partition, mark=mark)))
        coverage = Coverage(
            number=mark.number, this_update=mark.this_update, next_update=mark.next_update
        )
        self._said.speak(place, coverage)
        self._delete("quarantine", place)

    def cover(self, fingerprint: bytes) -> None:
        """Work out what the issuer's partitions say together."""
        issuer = self._issuer(fingerprint)
        self._said.conclude(issuer)

    def unsaid(self, crl: Publication) -> Publication:
        """Leave out of a CRL's changes what a feed has said since; forget what came before."""
        place, number = self._place(crl.fingerprint, crl.partition), crl.mark.number
        with self._cursor("fed") as cursor:
            rows = list(cursor.iternext_dup()) if cursor.set_key(place) else []
        said = [unpack_fed(row) for row in rows]
        for row, (base, _) in zip(rows, said, strict=True):
            if base < number:
                self._delete("fed", place, row)
        since = {serial for base, serial in said if base >= number}
        return replace(crl, changes=crl.changes.without(since))

    def known(self, fingerprint: bytes, partition: str) -> Mark:
        """Return the last CRL of a partition that has one."""
        place = self._place(fingerprint, partition)
        raw = self._transaction.get(place, db=self._databases["marks"])
        mark = unpack_place(raw).mark if raw else None
        if mark is None:
            raise KeyError(partition)
        return mark

    def hear(self, fingerprint: bytes, partition: str, number: int, changes: Changes) -> None:
        """Remember that a feed has said so after the CRL of this number was made."""
        place = self._place(fingerprint, partition)
        for entry in changes.entries():
            self._put("fed", place, pack_fed(number, entry.serial))

    def freshen(self, fingerprint: bytes, partition: str, this_update: datetime) -> None:
        """Let what a partition says be known since `this_update`, and until when it was before."""
        place = self._place(fingerprint, partition)
        known = self._said.of(place)
        if known and known.this_update < this_update:
            self._said.speak(
                place,
                Coverage(
                    number=known.number, this_update=this_update, next_update=known.next_update
                ),
            )

    def feed(self, fingerprint: bytes, mark: FeedMark) -> None:
        """Note how far an issuer's push feed is taken in, and end its quarantine."""
        issuer = self._issuer(fingerprint)
        self._put("feeds", issuer, pack_feed(mark))
        self._delete("quarantine", issuer)

    def register(
        self, fingerprint: bytes, ranges: Iterable[tuple[int, int]], mark: RegisterMark
    ) -> None:
        """Replace the issued register of an issuer; ranges ascend and do not overlap."""
        self.drop_register(fingerprint)
        self.extend_register(fingerprint, ranges, mark)

    def extend_register(
        self, fingerprint: bytes, ranges: Iterable[tuple[int, int]], mark: RegisterMark
    ) -> None:
        """Add to the issued register of an issuer; all ranges are behind those it has."""
        issuer = self._issuer(fingerprint)
        with self._cursor("register") as cursor:
            put_ascending(
                cursor, ((issuer + pack_serial(last), pack_serial(first)) for first, last in ranges)
            )
        self._put("register", issuer, pack_register_mark(mark))

    def drop_register(self, fingerprint: bytes) -> None:
        """Let an issuer have no issued register."""
        for key, _ in list(self._rows("register", self._issuer(fingerprint))):
            self._delete("register", key)

    def quarantine(self, fingerprint: bytes, quarantined: Quarantined) -> None:
        """Note why the newest file of a partition is not taken in."""
        place = self._place(fingerprint, quarantined.partition)
        self._put("quarantine", place, pack_quarantined(quarantined))

    def quarantine_feed(self, fingerprint: bytes, quarantined: Quarantined) -> None:
        """Note why a push feed is not followed."""
        self._put("quarantine", self._issuer(fingerprint), pack_quarantined(quarantined))

    def release(self, fingerprint: bytes, partition: str) -> None:
        """Forget why: the newest file is in order."""
        self._delete("quarantine", self._place(fingerprint, partition))

    def record(self, fingerprint: bytes, partition: str | None, changes: Changes | None) -> int:
        """Make a generation of this edit and return its number; without Changes, all changes."""
        last = self._transaction.get(b"generation", db=self._databases["meta"])
        change = Change(
            generation=unpack_number(last) + 1,
            fingerprint=fingerprint,
            partition=partition,
            serials=changes.serials() if changes else None,
        )
        key = pack_number(change.generation)
        self._put("meta", b"generation", key)
        self._put("changes", key, pack_change(change))
        self._trim()
        return change.generation

    def _trim(self) -> None:
        """Forget the oldest changes, but never the newest."""
        with self._cursor("changes") as cursor:
            while (kept := self._transaction.stat(self._databases["changes"]))["entries"] > 1:
                pages = kept["leaf_pages"] + kept["overflow_pages"]
                if kept["entries"] <= KEPT_CHANGES and pages <= KEPT_PAGES:
                    return
                cursor.first()
                cursor.delete()

    def _found(self, place: bytes, name: str) -> None:
        self._put("places", place[:ID_BYTES] + pack_name(name), place[ID_BYTES:])
        self._put("marks", place, pack_place(Place(name=name)))
        self._said.speak(place, None)

    def _drop(self, place: bytes, name: str) -> None:
        self._entries.drop(place)
        self._said.hush(place)
        for database in ("marks", "coverage", "quarantine", "fed"):
            self._delete(database, place)
        self._delete("places", place[:ID_BYTES] + pack_name(name))

    def _issuer(self, fingerprint: bytes) -> bytes:
        """Return the id of an issuer, a new one if it has none; ids are never used again."""
        if issuer := self._transaction.get(fingerprint, db=self._databases["issuers"]):
            return issuer
        known = self._transaction.stat(self._databases["issuers"])["entries"]
        self._put("issuers", fingerprint, pack_id(known + 1))
        return pack_id(known + 1)

    def _place(self, fingerprint: bytes, partition: str) -> bytes:
        """Return the key of a partition: the ids of its issuer and its own."""
        issuer = self._issuer(fingerprint)
        name = pack_name(partition)
        place = self._transaction.get(issuer + name, db=self._databases["places"])
        if place is None:
            raise KeyError(partition)
        return issuer + place

    def _rows(self, database: str, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        with self._cursor(database) as cursor:
            if cursor.set_range(prefix):
                yield from takewhile(lambda row: row[0].startswith(prefix), cursor)

    def _cursor(self, database: str) -> Cursor:
        return self._transaction.cursor(self._databases[database])

    def _put(self, database: str, key: bytes, value: bytes) -> None:
        self._transaction.put(key, value, db=self._databases[database])

    def _delete(self, database: str, key: bytes, value: bytes = b"") -> None:
        self._transaction.delete(key, value, db=self._databases[database])
