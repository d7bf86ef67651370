"""What the partitions of an issuer say, and what they say together, while an edit is written.

Each has its dates in lists that LMDB keeps sorted, so the weakest of thousands is the first of
each list, and nobody reads the others.
"""

from tashika_server.index.layout import (
    AWAITED,
    ID_BYTES,
    NEXT_UPDATE,
    THIS_UPDATE,
    pack_coverage,
    pack_date,
    unpack_coverage,
    unpack_date,
)
from tashika_server.index.store import Store, Transaction
from tashika_server.index.values import Coverage

__all__ = ["Coverages"]


class Coverages:
    """The coverage of partitions and issuers, by their keys."""

    def __init__(self, store: Store, transaction: Transaction) -> None:
        self._coverage = store.databases["coverage"]
        self._dates = store.databases["dates"]
        self._transaction = transaction

    def of(self, place: bytes) -> Coverage | None:
        """Return what a partition says; None while it is awaited."""
        return unpack_coverage(self._transaction.get(place, db=self._coverage))

    def speak(self, place: bytes, coverage: Coverage | None) -> None:
        """Let a partition say this; None while it is awaited. `conclude` goes after it."""
        self.hush(place)
        self._transaction.put(place, pack_coverage(coverage), db=self._coverage)
        for key, date in _dates(place, coverage):
            self._transaction.put(key, date, db=self._dates)

    def hush(self, place: bytes) -> None:
        """Forget the dates of what a partition has said so far."""
        for key, date in _dates(place, self.of(place)):
            self._transaction.delete(key, date, db=self._dates)

    def conclude(self, issuer: bytes) -> None:
        """Let an issuer say what all its partitions say together."""
        together = pack_coverage(self._together(issuer))
        self._transaction.put(issuer, together, db=self._coverage)

    def _together(self, issuer: bytes) -> Coverage | None:
        """Return the weakest of all that they say; None while one is awaited (T15)."""
        with self._transaction.cursor(self._dates) as cursor:
            if cursor.set_key(issuer + AWAITED) or not cursor.set_key(issuer + THIS_UPDATE):
                return None
            this_update, partition = unpack_date(cursor.value())
            alone = self.of(issuer + partition) if cursor.count() == 1 else None
            cursor.set_key(issuer + NEXT_UPDATE)
            next_update, _ = unpack_date(cursor.value())
        number = alone.number if alone else None
        return Coverage(number=number, this_update=this_update, next_update=next_update)


def _dates(place: bytes, coverage: Coverage | None) -> tuple[tuple[bytes, bytes], ...]:
    """Return the dates of a partition that says this."""
    issuer = place[:ID_BYTES]
    if coverage is None:
        return ((issuer + AWAITED, pack_date(None, place)),)
    return (
        (issuer + THIS_UPDATE, pack_date(coverage.this_update, place)),
        (issuer + NEXT_UPDATE, pack_date(coverage.next_update, place)),
    )
