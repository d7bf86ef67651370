"""One generation of the index, as long as it is held: everything that can be asked of it."""

from collections.abc import Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import Self

import lmdb

from tashika_server.index.errors import IndexMissing
from tashika_server.index.ground import Commit, Ground
from tashika_server.index.layout import (
    AT_ONCE,
    ID_BYTES,
    LISTS,
    pack_name,
    pack_number,
    pack_serial,
    partition_of,
    serial_prefixes,
    unpack_coverage,
    unpack_entry,
    unpack_number,
    unpack_serial,
)
from tashika_server.index.records import (
    unpack_change,
    unpack_fed,
    unpack_feed,
    unpack_place,
    unpack_quarantined,
    unpack_register_mark,
)
from tashika_server.index.store import Store
from tashika_server.index.values import (
    Change,
    Coverage,
    Entry,
    FeedMark,
    Finding,
    Mark,
    PackedEntry,
    Quarantined,
    RegisterMark,
)

__all__ = ["Snapshot"]

NOWHERE = b"\xff"
"""In place of the id of an issuer that there is not: no key begins with it."""
NOTHING = Finding(entry=None, coverage=None, issued=None)


class Snapshot:
    """One LMDB read transaction; not for use after its end, nor by two threads at once.

    An issuer is its fingerprint (name and key). Of an issuer that was never expected there is
    nothing: no coverage, no marks. An LMDB error is IndexMissing: in find() at once, of the
    other questions at the end of the block.
    """

    __slots__ = ("_databases", "_get_entry", "_grounds", "_transaction", "generation", "lineage")

    def __init__(self, store: Store) -> None:
        self._databases = store.databases
        self._transaction = store.begin()
        # A cursor finds a key in half the time that a transaction takes.
        self._get_entry = self._transaction.cursor().get
        commit = store.commit
        if commit is None or commit.number != self._transaction.id():
            commit = store.commit = self._commit()
        self._grounds = commit.grounds
        self.generation = commit.generation
        """Grows by one with each change of what is said of any certificate."""
        self.lineage = store.lineage
        """Whose generations these are: another object once another index is at the path."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        raised: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._transaction.abort()
        if isinstance(raised, lmdb.Error):
            raise IndexMissing(f"the index is unreadable: {raised}") from raised

    def find(self, fingerprint: bytes, serial: int) -> Finding:
        """Look one certificate up; a serial of any size may be asked for."""
        try:
            return self._find(fingerprint, serial)
        except lmdb.Error as failure:
            raise IndexMissing(f"the index is unreadable: {failure}") from failure

    def _find(self, fingerprint: bytes, serial: int) -> Finding:
        ground = self._grounds.get(fingerprint) or self._survey(fingerprint)
        if ground is None:
            return NOTHING
        try:
            length = serial.bit_length() + 7 >> 3
            key = ground.prefixes[length] + serial.to_bytes(length, "big")
        except (IndexError, OverflowError):  # longer than any key, or negative
            return ground.absent
        raw = self._get_entry(key)
        first, last = ground.stretch
        issued = first <= serial <= last or self._issued(ground, serial, key)
        if raw is None:
            return ground.issued if issued else ground.absent
        coverage = ground.coverages.get(partition_of(raw)) or self._coverage(ground, raw)
        return Finding(unpack_entry(serial, raw), coverage, issued)

    def _commit(self) -> Commit:
        generation = unpack_number(self._get("meta", b"generation"))
        return Commit(number=self._transaction.id(), generation=generation)

    def _survey(self, fingerprint: bytes) -> Ground | None:
        """Read what all look-ups of an issuer have in common; None for an unknown issuer."""
        issuer = self._get("issuers", fingerprint)
        if issuer is None:
            return None
        coverage = unpack_coverage(self._get("coverage", issuer))
        has_register = self._get("register", issuer) is not None
        ground = Ground.of(issuer, coverage, has_register=has_register)
        self._grounds[fingerprint] = ground
        return ground

    def _coverage(self, ground: Ground, raw: bytes) -> Coverage | None:
        """Read the coverage of the partition that lists an entry."""
        partition = partition_of(raw)
        coverage = unpack_coverage(self._get("coverage", ground.issuer + partition))
        ground.coverages[partition] = coverage
        return coverage

    def _issued(self, ground: Ground, serial: int, key: bytes) -> bool | None:
        """Find the range of the register that ends at or after the serial."""
        if not ground.has_register:
            return None
        with self._transaction.cursor(self._databases["register"]) as cursor:
            if not cursor.set_range(key) or not cursor.key().startswith(ground.issuer):
                return False
            last, first = unpack_serial(cursor.key()[ID_BYTES:]), unpack_serial(cursor.value())
        ground.stretch = first, last
        return first <= serial <= last

    def entries(self, fingerprint: bytes, partition: str) -> Iterator[Entry]:
        """Yield what one partition lists, sorted by serial."""
        for serial, raw in self._listed(fingerprint, partition):
            yield unpack_entry(int.from_bytes(serial, "big"), raw)

    def packed(self, fingerprint: bytes, partition: str) -> Iterator[PackedEntry]:
        """Yield the same as octets, at a third of the cost."""
        for serial, raw in self._listed(fingerprint, partition):
            yield serial, raw[ID_BYTES:]

    def entries_of(
        self, fingerprint: bytes, partition: str, serials: Iterable[int]
    ) -> dict[int, Entry]:
        """Return what one partition lists of some certificates; another's entries are left out."""
        place = self._place(fingerprint, partition)
        if place is None:
            return {}
        issuer, own = place[:ID_BYTES], place[ID_BYTES:]
        with self._transaction.cursor() as cursor:
            found = cursor.getmulti([issuer + pack_serial(serial) for serial in serials])
        rows = ((unpack_serial(key[ID_BYTES:]), raw) for key, raw in found)
        return {
            serial: unpack_entry(serial, raw) for serial, raw in rows if partition_of(raw) == own
        }

    def listing(self, fingerprint: bytes, serial: int) -> str | None:
        """Return the name of the partition that lists a certificate; for a look back, not often."""
        issuer = self._get("issuers", fingerprint) or NOWHERE
        raw = self._get("entries", issuer + pack_serial(serial))
        place = raw and self._get("marks", issuer + partition_of(raw))
        return unpack_place(place).name if place else None

    def everything(self, fingerprint: bytes) -> Iterator[Entry]:
        """Yield what all partitions of an issuer list, sorted by serial."""
        for key, raw in self._under("entries", self._get("issuers", fingerprint)):
            yield unpack_entry(unpack_serial(key), raw)

    def issued(self, fingerprint: bytes) -> Iterator[tuple[int, int]]:
        """Yield the ranges of an issuer's register, first to last serial, in order."""
        for key, raw in self._under("register", self._get("issuers", fingerprint)):
            if key:  # the issuer's own key holds the register's mark
                yield unpack_serial(raw), unpack_serial(key)

    def mark(self, fingerprint: bytes, partition: str) -> Mark | None:
        """Return the last accepted CRL of one partition."""
        place = self._place(fingerprint, partition)
        raw = place and self._get("marks", place)
        return unpack_place(raw).mark if raw else None

    def marks(self, fingerprint: bytes) -> dict[str, Mark]:
        """Return the last accepted CRLs by partition; a partition without one is not there."""
        places = map(unpack_place, self._of("marks", fingerprint))
        return {place.name: place.mark for place in places if place.mark}

    def has_marks(self, fingerprint: bytes) -> bool:
        """Tell whether a CRL of any partition of an issuer was ever accepted."""
        return any(unpack_place(raw).mark for raw in self._of("marks", fingerprint))

    def coverage(self, fingerprint: bytes) -> Coverage | None:
        """Return what all CRLs of an issuer say together; None while one has never arrived."""
        ground = self._grounds.get(fingerprint) or self._survey(fingerprint)
        return ground.absent.coverage if ground else None

    def count(self, fingerprint: bytes, partition: str) -> int:
        """Count what one partition lists, without reading it."""
        place = self._place(fingerprint, partition)
        return sum(self._count(name, place) for name in LISTS) if place else 0

    def quarantined(self, fingerprint: bytes) -> tuple[Quarantined, ...]:
        """Return why the newest files of this issuer's partitions are not in the index."""
        return tuple(map(unpack_quarantined, self._of("quarantine", fingerprint)))

    def in_quarantine(self, fingerprint: bytes, partition: str) -> Quarantined | None:
        """Return why the newest file of one partition is not in the index."""
        place = self._place(fingerprint, partition)
        raw = place and self._get("quarantine", place)
        return unpack_quarantined(raw) if raw else None

    def feed(self, fingerprint: bytes) -> FeedMark | None:
        """Return how far the push feed of an issuer has been taken in."""
        raw = self._get("feeds", self._get("issuers", fingerprint) or NOWHERE)
        return unpack_feed(raw) if raw else None

    def feed_in_quarantine(self, fingerprint: bytes) -> Quarantined | None:
        """Return why the push feed of an issuer is not followed."""
        raw = self._get("quarantine", self._get("issuers", fingerprint) or NOWHERE)
        return unpack_quarantined(raw) if raw else None

    def fed(self, fingerprint: bytes, partition: str, *, since: int) -> frozenset[int]:
        """Return the serials that a feed has spoken of since the CRL of this number was made."""
        if (place := self._place(fingerprint, partition)) is None:
            return frozenset()
        with self._transaction.cursor(self._databases["fed"]) as cursor:
            rows = map(unpack_fed, cursor.iternext_dup()) if cursor.set_key(place) else ()
            return frozenset(serial for number, serial in rows if number >= since)

    def register(self, fingerprint: bytes) -> RegisterMark | None:
        """Return which issued register is loaded for an issuer."""
        raw = self._get("register", self._get("issuers", fingerprint) or NOWHERE)
        return unpack_register_mark(raw) if raw else None

    def changes(self, *, after: int) -> list[Change] | None:
        """Return what changed after a generation of this lineage; None where it is not known.

        Each generation is there once, oldest first, and is one partition's or one issuer's; one
        commit may have made several. What is asked for is known for as many generations as the
        index keeps (`edit.KEPT_CHANGES`, `KEPT_PAGES`); whoever is further behind starts afresh.
        """
        with self._transaction.cursor(self._databases["changes"]) as cursor:
            known = cursor.set_range(pack_number(after + 1))
            found = [unpack_change(raw) for raw in cursor.iternext(keys=False)] if known else []
        complete = len(found) == self.generation - after
        return found if complete else None

    def _place(self, fingerprint: bytes, partition: str) -> bytes | None:
        """Return the key of a partition: the ids of its issuer and its own."""
        issuer = self._get("issuers", fingerprint) or NOWHERE
        place = self._get("places", issuer + pack_name(partition))
        return issuer + place if place else None

    def _listed(self, fingerprint: bytes, partition: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield serials as short as they can be, and values, of what one partition lists."""
        if (place := self._place(fingerprint, partition)) is None:
            return
        prefixes = serial_prefixes(place[:ID_BYTES])
        for name in LISTS:
            with (
                self._transaction.cursor(self._databases[name]) as listing,
                self._transaction.cursor() as entries,
            ):
                values = listing.iternext_dup() if listing.set_key(place) else iter(())
                while some := [value.lstrip(b"\0") for value in islice(values, AT_ONCE)]:
                    found = entries.getmulti([prefixes[len(each)] + each for each in some])
                    if len(found) < len(some):
                        raise IndexMissing(
                            "the index lists a serial without its entry; load it anew"
                        )
                    yield from zip(some, (raw for _, raw in found), strict=True)

    def _count(self, database: str, key: bytes) -> int:
        with self._transaction.cursor(self._databases[database]) as cursor:
            return cursor.count() if cursor.set_key(key) else 0

    def _of(self, database: str, fingerprint: bytes) -> Iterator[bytes]:
        """Yield the values whose keys begin with the issuer, one for each partition."""
        for _, value in self._under(database, self._get("issuers", fingerprint)):
            yield value

    def _under(self, database: str, issuer: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        """Yield what an issuer has in a database, with the rest of its key."""
        with self._transaction.cursor(self._databases[database]) as cursor:
            if issuer is None or not cursor.set_range(issuer):
                return
            for key, value in cursor:
                if not key.startswith(issuer):
                    return
                yield key[ID_BYTES:], value

    def _get(self, database: str, key: bytes) -> bytes | None:
        return self._transaction.get(key, db=self._databases[database])
