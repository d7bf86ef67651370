"""Epochs, partitions and publications: what the history knows beside what happened.

An epoch is the life of one index; a partition is live in it until it is dropped; a publication
is void if its generation never came to be. Each function is part of its caller's transaction.
"""

from collections.abc import Mapping
from datetime import datetime

from tashika_server.history.store import Connection, micros
from tashika_server.index import Mark, Snapshot
from tashika_server.issuer import Issuer

__all__ = [
    "IS_LIVE",
    "OWN",
    "add_place",
    "add_publication",
    "baseline",
    "in_step",
    "issuer_id",
    "make_void",
    "new_epoch",
]

IS_LIVE = "(dropped IS NULL OR (SELECT void FROM publication WHERE publication.id = dropped))"
"""Of a partition: it was not dropped, or the generation in which it was never came to be."""
OWN = "epoch.id NOT IN (SELECT epoch FROM taken_over)"
"""Of an epoch: it is of our index, not of another operator's (`portable`)."""


def in_step(connection: Connection, epoch: int, snapshot: Snapshot) -> bool:
    """Tell whether this is the index that was told of last, at most one commit behind."""
    told = connection.execute("SELECT generation FROM epoch WHERE id = ?", (epoch,)).fetchone()[0]
    if told - snapshot.generation not in (0, _generations(connection, epoch, told)):
        return False
    last = connection.execute(
        "SELECT fingerprint, partition, sha256 FROM publication"
        " JOIN place ON place.id = place JOIN issuer ON issuer.id = issuer"
        " WHERE epoch = ? AND publication.generation <= ? AND NOT void AND dropped IS NULL"
        " ORDER BY publication.id DESC LIMIT 1",
        (epoch, snapshot.generation),
    ).fetchone()
    if last is None:
        return True
    fingerprint, partition, digest = last
    mark = snapshot.mark(fingerprint, partition)
    return mark is not None and mark.sha256 == digest


def _generations(connection: Connection, epoch: int, last: int) -> int:
    """Count the generations of a commit: one of each partition, or the one of an issuer."""
    (partitions,) = connection.execute(
        "SELECT count(DISTINCT place) FROM publication JOIN place ON place.id = place"
        " WHERE epoch = ? AND publication.generation = ? AND NOT void AND sha256 IS NOT NULL",
        (epoch, last),
    ).fetchone()
    return max(1, int(partitions))


def new_epoch(
    connection: Connection, snapshot: Snapshot, issuers: Mapping[bytes, Issuer], at: int
) -> int:
    """Begin an epoch whose baseline is what the index lists by now."""
    (known,) = connection.execute(
        f"SELECT max(known_at) FROM epoch WHERE {OWN}"  # noqa: S608
    ).fetchone()
    at = max(at, known or 0)
    epoch = connection.execute(
        "INSERT INTO epoch (began_at, generation, known_at) VALUES (?, ?, ?) RETURNING id",
        (at, snapshot.generation, at),
    ).fetchone()[0]
    for fingerprint, each in issuers.items():
        issuer, marks = issuer_id(connection, fingerprint), snapshot.marks(fingerprint)
        names = {partition.name for partition in each.partitions} | marks.keys()
        for name in sorted(names):
            place = add_place(connection, epoch, issuer, name, at)
            if mark := marks.get(name):
                add_publication(connection, place, snapshot.generation, at, mark)
    return int(epoch)


def make_void(connection: Connection, epoch: int, *, after: int) -> None:
    """Let no publication of a later generation count: their commit never came."""
    query = "SELECT generation FROM epoch WHERE id = ?"
    if connection.execute(query, (epoch,)).fetchone()[0] <= after:
        return
    connection.execute(
        "UPDATE publication SET void = 1 WHERE generation > ? AND NOT void"
        " AND place IN (SELECT id FROM place WHERE epoch = ?)",
        (after, epoch),
    )
    connection.execute("UPDATE epoch SET generation = ? WHERE id = ?", (after, epoch))


def issuer_id(connection: Connection, fingerprint: bytes) -> int:
    """Return the number of an issuer, a new one if it has none."""
    connection.execute("INSERT OR IGNORE INTO issuer (fingerprint) VALUES (?)", (fingerprint,))
    query = "SELECT id FROM issuer WHERE fingerprint = ?"
    return int(connection.execute(query, (fingerprint,)).fetchone()[0])


def add_place(connection: Connection, epoch: int, issuer: int, partition: str, at: int) -> int:
    """Expect a partition from a moment on."""
    values = (epoch, issuer, partition, at)
    row = connection.execute(
        "INSERT INTO place (epoch, issuer, partition, expected_at) VALUES (?, ?, ?, ?)"
        " RETURNING id",
        values,
    ).fetchone()
    return int(row[0])


def baseline(connection: Connection, place: int) -> int | None:
    """Return the first publication of a partition that came to be."""
    row = connection.execute(
        "SELECT id FROM publication WHERE place = ? AND NOT void ORDER BY known_at, id LIMIT 1",
        (place,),
    ).fetchone()
    return row and int(row[0])


def add_publication(
    connection: Connection,
    place: int,
    generation: int,
    at: int,
    mark: Mark | None,
    *,
    pushed_at: datetime | None = None,
) -> int:
    """Enter what one CRL, or none, says of a partition from a generation on.

    A push feed's message has no number; what it says is known since `pushed_at`.
    """
    said: tuple[object, ...] = (None, None, None)
    if mark:
        number = None if pushed_at else str(mark.number)
        said = (number, micros(pushed_at or mark.this_update), mark.sha256)
    row = connection.execute(
        "INSERT INTO publication (place, generation, known_at, number, this_update, sha256)"
        " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        (place, generation, at, *said),
    ).fetchone()
    return int(row[0])
