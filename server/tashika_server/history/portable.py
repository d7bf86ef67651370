"""The history of one issuer as text: what one operator hands over and the next takes in.

One JSON array in each line, first a word; times are microseconds since 1970, of an entry seconds:

    ["history", 1]
    ["epoch", n, began_at, generation, known_at, complete]
    ["place", n, epoch, partition, expected_at]
    ["publication", n, place, generation, known_at, number, this_update, sha256]
    ["dropped", place, publication]
    ["event", serial, publication, what, revoked_at, reason, since]
    ["forgotten", before]

What the index lists and no event tells comes along as baselines. So an epoch that was followed
to the end is complete: what has no event was listed nowhere, and every answer about it is the
same at both operators. Not for reading that (`taking`), nor for its proof (`handover`).
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from tashika_server.history.epochs import IS_LIVE, OWN, baseline
from tashika_server.history.errors import NotRemembered
from tashika_server.history.events import What
from tashika_server.history.store import Connection, connected, micros, pack, serial_key
from tashika_server.index import Snapshot

__all__ = ["FIRST", "give_history"]

FIRST = ["history", 1]
"""What a history begins with; the number is the version of the form."""


def give_history(
    file: Path, snapshot: Snapshot, fingerprint: bytes, *, at: datetime
) -> Iterator[bytes]:
    """Yield all that is kept of an issuer, as of a generation of the index and a moment.

    The snapshot must have been taken before. Raises HistoryFailed, and NotRemembered where the
    history does not follow this index.
    """
    with connected(file) as connection:
        for line in (FIRST, *_lines(connection, snapshot, fingerprint, micros(at))):
            yield json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _lines(
    connection: Connection, snapshot: Snapshot, fingerprint: bytes, at: int
) -> Iterator[Any]:
    issuer = connection.execute(
        "SELECT id FROM issuer WHERE fingerprint = ?", (fingerprint,)
    ).fetchone()
    if issuer is None:
        return
    current, generation = connection.execute(
        f"SELECT id, generation FROM epoch WHERE {OWN} ORDER BY id DESC LIMIT 1"  # noqa: S608
    ).fetchone() or (0, 0)
    if generation < snapshot.generation:
        raise NotRemembered("the history does not follow this index; start the service anew")
    counts = "NOT void AND (epoch <> ? OR publication.generation <= ?)"
    now = (current, snapshot.generation)
    for row in connection.execute(
        "SELECT epoch.id, began_at, generation, CASE epoch.id WHEN ? THEN max(known_at, ?)"
        " ELSE known_at END, epoch.id = ? OR coalesce(complete, 0) FROM epoch"
        " LEFT JOIN taken_over ON taken_over.epoch = epoch.id"
        " WHERE EXISTS (SELECT 1 FROM place WHERE place.epoch = epoch.id AND place.issuer = ?)",
        (current, at, current, *issuer),
    ):
        yield "epoch", *row
    for row in connection.execute(
        "SELECT id, epoch, partition, expected_at FROM place WHERE issuer = ?", issuer
    ):
        yield "place", *row
    for row in connection.execute(
        "SELECT publication.id, place, generation, known_at, number, this_update, hex(sha256)"  # noqa: S608
        " FROM publication JOIN place ON place.id = place"
        f" WHERE issuer = ? AND {counts} ORDER BY publication.id",
        (*issuer, *now),
    ):
        yield "publication", *row
    for row in connection.execute(
        "SELECT place.id, dropped FROM place JOIN publication ON publication.id = dropped"  # noqa: S608
        f" WHERE issuer = ? AND {counts}",
        (*issuer, *now),
    ):
        yield "dropped", *row
    for serial, *row in connection.execute(
        "SELECT serial, publication, what, revoked_at, reason, since FROM event"  # noqa: S608
        " JOIN publication ON publication.id = publication JOIN place ON place.id = place"
        f" WHERE event.issuer = ? AND {counts}",
        (*issuer, *now),
    ):
        yield "event", _serial_text(serial), *row
    yield from _unchanged(connection, snapshot, fingerprint, current, issuer[0])
    for (before,) in connection.execute("SELECT max(before) FROM purge WHERE issuer = ?", issuer):
        if before is not None:
            yield "forgotten", before


def _unchanged(
    connection: Connection, snapshot: Snapshot, fingerprint: bytes, epoch: int, issuer: int
) -> Iterator[Any]:
    """Yield as baselines what the index lists and no event of its epoch tells."""
    told = (
        "SELECT 1 FROM event JOIN publication ON publication.id = publication"
        " JOIN place ON place.id = place"
        " WHERE event.issuer = ? AND serial = ? AND epoch = ? AND NOT void LIMIT 1"
    )
    places = connection.execute(
        f"SELECT id, partition FROM place WHERE epoch = ? AND issuer = ? AND {IS_LIVE}",  # noqa: S608
        (epoch, issuer),
    ).fetchall()
    for place, partition in places:
        first = baseline(connection, place)
        for entry in snapshot.entries(fingerprint, partition):
            if first is None:
                raise NotRemembered(f"the history never heard of {partition}; start the service")
            key = serial_key(entry.serial)
            if connection.execute(told, (issuer, key, epoch)).fetchone() is None:
                yield "event", f"{entry.serial:x}", first, *pack(What.BASELINE, entry)


def _serial_text(key: int | bytes) -> str:
    number = key if isinstance(key, int) else int.from_bytes(key, "big", signed=True)
    return f"{number:x}"
