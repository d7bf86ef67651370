"""Looking back: all that is kept of one certificate, read in one go.

For any process, beside the one that writes. Not for what it tells (`story`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tashika_server.history.errors import NotRemembered
from tashika_server.history.events import Event
from tashika_server.history.store import Connection, Row, connected, instant, serial_key, unpack
from tashika_server.history.story import Chapter, Place, Story
from tashika_server.index import Snapshot

__all__ = ["look_back"]

_EVERY = 2**63 - 1
"""Of an epoch that is over, all generations count."""


def look_back(file: Path, snapshot: Snapshot, fingerprint: bytes, serial: int) -> Story:
    """Read what is kept of one certificate; raises HistoryFailed, NotRemembered.

    The snapshot must have been taken before: the history hears of a generation first.
    """
    with connected(file) as connection:
        epochs = connection.execute(
            "SELECT id, began_at, known_at, generation, complete FROM epoch"
            " LEFT JOIN taken_over ON taken_over.epoch = epoch.id"
            " ORDER BY complete IS NULL, began_at, id"  # what we followed ourselves comes last
        )
        rows = epochs.fetchall()
        if not rows or rows[-1][4] is not None or rows[-1][3] < snapshot.generation:
            raise NotRemembered("the history does not follow this index; start the service anew")
        chapters = []
        for epoch, began, known, _, complete in rows:
            current = epoch == rows[-1][0]
            last = snapshot.generation if current else _EVERY
            if not (places := _places(connection, epoch, last, fingerprint)):
                continue
            chapter = Chapter(
                began_at=max(instant(began), min(each.expected_at for each in places)),
                ended_at=None if current else instant(known),
                complete=bool(complete),
                events=_events(connection, epoch, last, fingerprint, serial),
                places=places,
            )
            chapters.append(chapter)
        (floor,) = connection.execute(
            "SELECT max(before) FROM purge JOIN issuer ON issuer.id = issuer WHERE fingerprint = ?",
            (fingerprint,),
        ).fetchone()
    return Story(
        chapters=chapters,
        entry=snapshot.find(fingerprint, serial).entry,
        listing=snapshot.listing(fingerprint, serial),
        forgotten=None if floor is None else instant(floor),
    )


def _events(
    connection: Connection, epoch: int, last: int, fingerprint: bytes, serial: int
) -> tuple[Event, ...]:
    rows = connection.execute(
        "SELECT what, revoked_at, reason, since, known_at, generation, partition, number,"
        " this_update FROM event JOIN publication ON publication.id = publication"
        " JOIN place ON place.id = place JOIN issuer ON issuer.id = event.issuer"
        " WHERE fingerprint = ? AND serial = ? AND NOT void AND epoch = ? AND generation <= ?"
        " ORDER BY publication.id",
        (fingerprint, serial_key(serial), epoch, last),
    )
    return tuple(_event(serial, row) for row in rows)


def _event(serial: int, row: Sequence[Any]) -> Event:
    *said, known_at, generation, partition, number, this_update = row
    what, entry, illegal = unpack(serial, cast("Row", tuple(said)))
    return Event(
        what=what,
        entry=entry,
        illegal=illegal,
        known_at=instant(known_at),
        generation=generation,
        partition=partition,
        number=None if number is None else int(number),
        this_update=None if this_update is None else instant(this_update),
    )


def _places(connection: Connection, epoch: int, generation: int, fingerprint: bytes) -> list[Place]:
    rows = connection.execute(
        "SELECT partition, expected_at,"
        " (SELECT known_at FROM publication WHERE place = place.id AND NOT void"
        "  AND publication.generation <= ? ORDER BY known_at LIMIT 1),"
        " (SELECT known_at FROM publication WHERE publication.id = dropped AND NOT void"
        "  AND publication.generation <= ?)"
        " FROM place JOIN issuer ON issuer.id = issuer WHERE epoch = ? AND fingerprint = ?"
        " ORDER BY place.id",
        (generation, generation, epoch, fingerprint),
    )
    return [
        Place(
            partition=partition,
            expected_at=instant(expected),
            baseline_at=None if baseline is None else instant(baseline),
            dropped_at=None if dropped is None else instant(dropped),
        )
        for partition, expected, baseline, dropped in rows
    ]
