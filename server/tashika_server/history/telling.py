"""How the history is told: by the index's writer, each generation once, before its commit.

What a generation says is durable here first. If its commit never comes, the next telling, or
the next start, finds the index behind and makes that publication void: so each generation
counts exactly once, and the generation is the offset.

The first CRL of a partition is its baseline: none of its entries is copied, unless something
is told of it already. Only when one of them changes is it written down as it was, beside what
it becomes. What never changes is said by the index itself.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from tashika_server.clock import Clock
from tashika_server.history.epochs import (
    IS_LIVE,
    OWN,
    add_place,
    add_publication,
    baseline,
    in_step,
    issuer_id,
    make_void,
    new_epoch,
)
from tashika_server.history.events import Illegal, Keeping, What, happening
from tashika_server.history.store import (
    Connection,
    Row,
    connect,
    micros,
    pack,
    serial_key,
    writing,
)
from tashika_server.index import Changes, Entry, IndexReader, Publication
from tashika_server.issuer import Issuer
from tashika_server.log import get_log
from tashika_server.metrics import Tally

__all__ = ["Teller"]

log = get_log()

_illegal = Tally(
    "tashika_illegal_transitions",
    "What issuers did to certificates and may not.",
    label="transition",
    allowed=Illegal,
)
_ALARMED = Counter[tuple[str, str, Illegal]]
_EventRow = tuple[object, ...]
_AT_ONCE = 500
"""Certificates asked about in one statement; one by one, telling takes twice the CPU time."""


class Teller:
    """The history as its one writer has it: a Historian. From one thread at a time."""

    def __init__(
        self,
        file: Path,
        connection: Connection,
        issuers: Mapping[bytes, Issuer],
        clock: Clock,
        epoch: int,
    ) -> None:
        self._file = file
        self._connection = connection
        self._issuers = issuers
        self._clock = clock
        self._epoch = epoch

    @classmethod
    def begin(
        cls, file: Path, reader: IndexReader, issuers: Sequence[Issuer], clock: Clock
    ) -> Self:
        """Get in step with the index before anything is written to it; raises HistoryFailed.

        An index that is not the one of the last telling (made anew, restored, or written to
        without a history) begins a new epoch: what it lists is the baseline.
        """
        connection = connect(file)
        known = {each.identity.fingerprint: each for each in issuers}
        with reader.snapshot() as snapshot, writing(file, connection):
            newest = f"SELECT max(id) FROM epoch WHERE {OWN}"  # noqa: S608
            last = connection.execute(newest).fetchone()[0]
            if last is None or not in_step(connection, last, snapshot):
                last = new_epoch(connection, snapshot, known, micros(clock.now()))
                log.warning("history_begins", generation=snapshot.generation)
            make_void(connection, last, after=snapshot.generation)
        return cls(file, connection, known, clock, last)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def keep(self, generation: int, published: Sequence[Publication]) -> None:
        """Hear what one commit publishes; raises HistoryFailed, changing nothing."""
        alarms = _ALARMED()
        with writing(self._file, self._connection):
            at = self._advance(generation, before=generation - max(1, len(published)))
            for each in _in_order(published):
                self._publish(generation, each, at, alarms)
        self._raise_alarms(alarms)

    def expect(
        self,
        generation: int,
        fingerprint: bytes,
        partitions: Collection[str],
        leaving: Mapping[str, Sequence[Entry]],
    ) -> None:
        """Hear which partitions are expected, and what those listed that go."""
        with writing(self._file, self._connection) as connection:
            at = self._advance(generation, before=generation - 1)
            issuer = issuer_id(connection, fingerprint)
            for name, place in self._live(issuer).items():
                if name not in partitions:
                    self._drop(generation, issuer, place, leaving.get(name, ()), at)
            for name in sorted(set(partitions) - self._live(issuer).keys()):
                add_place(connection, self._epoch, issuer, name, at)

    def _advance(self, generation: int, *, before: int) -> int:
        """Begin what follows the generation `before` and return its time, which never falls."""
        make_void(self._connection, self._epoch, after=before)
        query = "SELECT known_at FROM epoch WHERE id = ?"
        (last,) = self._connection.execute(query, (self._epoch,)).fetchone()
        at: int = max(last, micros(self._clock.now()))
        self._connection.execute(
            "UPDATE epoch SET generation = ?, known_at = ? WHERE id = ?",
            (generation, at, self._epoch),
        )
        return at

    def _publish(self, generation: int, each: Publication, at: int, alarms: _ALARMED) -> None:
        issuer = issuer_id(self._connection, each.fingerprint)
        place = self._place(issuer, each.partition)
        if place is None:
            place = add_place(self._connection, self._epoch, issuer, each.partition, at)
        first = baseline(self._connection, place)
        publication = add_publication(
            self._connection, place, generation, at, each.mark, pushed_at=each.pushed_at
        )
        named = self._issuers[each.fingerprint]
        keeping = Keeping(family=named.family, beyond_expiry=named.archive_cutoff is not None)
        if first is None and not self._has_events(issuer):
            return
        pairs = list(_pairs(each))
        past = self._past(issuer, [serial for serial, _, _ in pairs])
        rows: list[_EventRow] = []
        for serial, before, after in pairs:
            last = past.get(serial_key(serial))
            if first is None and last is None:
                continue
            if before is not None and last is None and first is not None:
                rows.append(_row(issuer, before, first, pack(What.BASELINE, before)))
            what, illegal = happening(keeping, before, after, lapsed=last is What.LAPSED)
            said = pack(what, after, illegal=bool(illegal))
            rows.append((issuer, serial_key(serial), publication, *said))
            if illegal:
                alarms[named.name, each.partition, illegal] += 1
        self._add(rows)

    def _drop(
        self, generation: int, issuer: int, place: int, entries: Sequence[Entry], at: int
    ) -> None:
        first = baseline(self._connection, place)
        publication = add_publication(self._connection, place, generation, at, None)
        past = self._past(issuer, [entry.serial for entry in entries])
        rows = [
            _row(issuer, entry, first, pack(What.BASELINE, entry))
            for entry in entries
            if first is not None and serial_key(entry.serial) not in past
        ]
        dropped = pack(What.DROPPED, None)
        rows += [_row(issuer, entry, publication, dropped) for entry in entries]
        self._add(rows)
        update = "UPDATE place SET dropped = ? WHERE id = ?"
        self._connection.execute(update, (publication, place))

    def _past(self, issuer: int, serials: Sequence[int]) -> dict[int | bytes, What]:
        """Return what happened last in this epoch, of each of which anything is told yet."""
        found: dict[int | bytes, What] = {}
        for begin in range(0, len(serials), _AT_ONCE):
            keys = [serial_key(serial) for serial in serials[begin : begin + _AT_ONCE]]
            marks = ",".join("?" * len(keys))
            query = (
                "SELECT serial, what FROM event JOIN publication ON publication.id = publication"  # noqa: S608
                " JOIN place ON place.id = place"
                f" WHERE event.issuer = ? AND serial IN ({marks}) AND epoch = ? AND NOT void"
                " ORDER BY publication.id"
            )
            rows = self._connection.execute(query, (issuer, *keys, self._epoch))
            found.update((key, What(abs(what))) for key, what in rows)
        return found

    def _has_events(self, issuer: int) -> bool:
        query = "SELECT 1 FROM event WHERE issuer = ? LIMIT 1"
        return self._connection.execute(query, (issuer,)).fetchone() is not None

    def _add(self, rows: list[_EventRow]) -> None:
        insert = "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?, ?)"
        self._connection.executemany(insert, rows)

    def _place(self, issuer: int, partition: str) -> int | None:
        row = self._connection.execute(
            f"SELECT id FROM place WHERE epoch = ? AND issuer = ? AND partition = ? AND {IS_LIVE}",  # noqa: S608
            (self._epoch, issuer, partition),
        ).fetchone()
        return row and int(row[0])

    def _live(self, issuer: int) -> dict[str, int]:
        query = f"SELECT partition, id FROM place WHERE epoch = ? AND issuer = ? AND {IS_LIVE}"  # noqa: S608
        return dict(self._connection.execute(query, (self._epoch, issuer)))

    def _raise_alarms(self, alarms: _ALARMED) -> None:
        for (issuer, partition, illegal), count in alarms.items():
            log.error(
                "illegal_transition",
                issuer=issuer,
                partition=partition,
                transition=str(illegal),
                certificates=count,
            )
            _illegal.count(illegal, count)


def _row(issuer: int, entry: Entry, publication: int, said: Row) -> _EventRow:
    return issuer, serial_key(entry.serial), publication, *said


def _in_order(published: Sequence[Publication]) -> Sequence[Publication]:
    """Let whatever goes go first, as the index does: a certificate may move to a partition."""
    if len(published) == 1:
        return published
    going = [
        replace(each, changes=Changes(removed=each.changes.removed))
        for each in published
        if each.changes.removed
    ]
    return going + [replace(each, changes=replace(each.changes, removed=())) for each in published]


def _pairs(published: Publication) -> Iterator[tuple[int, Entry | None, Entry | None]]:
    """Yield serials with what was listed before and what is now."""
    changes = published.changes
    yield from ((entry.serial, None, entry) for entry in changes.added)
    yield from ((after.serial, before, after) for before, after in changes.changed)
    yield from ((entry.serial, entry, None) for entry in changes.removed)
