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
same at both operators. Not for the form of a hand-over, nor its proof (`handover`).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tashika_server.history.epochs import IS_LIVE, OWN, baseline, issuer_id
from tashika_server.history.errors import NotRemembered
from tashika_server.history.events import What
from tashika_server.history.store import (
    Connection,
    connected,
    micros,
    pack,
    serial_key,
    unpack,
    writing,
)
from tashika_server.index import Snapshot

__all__ = ["BadHistory", "check_history", "give_history", "take_history"]

_FIRST = ["history", 1]
_Line = list[Any]
_INT, _TEXT, _OPTIONAL_INT, _OPTIONAL_TEXT = int, str, int | None, str | None
_FORMS: dict[str, tuple[Any, ...]] = {
    "epoch": (_INT, _INT, _INT, _INT, _INT),
    "place": (_INT, _INT, _TEXT, _INT),
    "publication": (_INT, _INT, _INT, _INT, _OPTIONAL_TEXT, _OPTIONAL_INT, _OPTIONAL_TEXT),
    "dropped": (_INT, _INT),
    "event": (_TEXT, _INT, _INT, _OPTIONAL_INT, _OPTIONAL_INT, _OPTIONAL_INT),
    "forgotten": (_INT,),
}


class BadHistory(NotRemembered):
    """A history that is handed over is not what it should be; names the line."""


def give_history(
    file: Path, snapshot: Snapshot, fingerprint: bytes, *, at: datetime
) -> Iterator[bytes]:
    """Yield all that is kept of an issuer, as of a generation of the index and a moment.

    The snapshot must have been taken before. Raises HistoryFailed, and NotRemembered where the
    history does not follow this index.
    """
    with connected(file) as connection:
        for line in (_FIRST, *_lines(connection, snapshot, fingerprint, micros(at))):
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


# --- On the other side ----------------------------------------------------------------------


def check_history(lines: Iterable[bytes]) -> None:
    """Raise BadHistory unless all of it can be taken in."""
    for _ in _read(lines):
        pass


def take_history(
    file: Path, connection: Connection, fingerprint: bytes, lines: Iterable[bytes], *, source: bytes
) -> None:
    """Take all of it in, or nothing; what came from the same source is there already.

    `source` is the digest of the hand-over. Raises HistoryFailed, BadHistory.
    """
    with writing(file, connection):
        if connection.execute("SELECT 1 FROM taken_over WHERE source = ?", (source,)).fetchone():
            return
        taker = _Taker(connection, issuer_id(connection, fingerprint), source)
        for line in _read(lines):
            taker.take(line)


@dataclass(slots=True)
class _Taker:
    """Enters lines under numbers of our own."""

    connection: Connection
    issuer: int
    source: bytes
    epochs: dict[int, int] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)
    publications: dict[int, int] = field(default_factory=dict)

    def take(self, line: _Line) -> None:
        """Enter one line; it was read by `_read`."""
        word, *said = line
        match word:
            case "epoch":
                number, *times, complete = said
                self.epochs[number] = new = self._insert(
                    "epoch (began_at, generation, known_at)", *times
                )
                self._insert(
                    "taken_over (epoch, issuer, complete, source)",
                    *(new, self.issuer, complete, self.source),
                )
            case "place":
                number, epoch, partition, expected = said
                self.places[number] = self._insert(
                    "place (epoch, issuer, partition, expected_at)",
                    *(self.epochs[epoch], self.issuer, partition, expected),
                )
            case "publication":
                number, place, *rest, digest = said
                self.publications[number] = self._insert(
                    "publication (place, generation, known_at, number, this_update, sha256)",
                    *(self.places[place], *rest, bytes.fromhex(digest) if digest else None),
                )
            case "dropped":
                place, publication = said
                self.connection.execute(
                    "UPDATE place SET dropped = ? WHERE id = ?",
                    (self.publications[publication], self.places[place]),
                )
            case "event":
                serial, publication, *row = said
                self._insert(
                    "event (issuer, serial, publication, what, revoked_at, reason, since)",
                    *(self.issuer, serial_key(int(serial, 16)), self.publications[publication]),
                    *row,
                )
            case _:
                values = (self.issuer, *said)
                self.connection.execute(
                    "INSERT OR IGNORE INTO purge (issuer, before, events, entered)"
                    " VALUES (?, ?, 0, 1)",
                    values,
                )

    def _insert(self, table: str, *values: object) -> int:
        marks = ",".join("?" * len(values))
        cursor = self.connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608
        return int(cursor.lastrowid or 0)


def _read(lines: Iterable[bytes]) -> Iterator[_Line]:
    """Yield lines of the right form that name only what stands before them; raises BadHistory."""
    known: dict[str, set[int]] = {"epoch": set(), "place": set(), "publication": set()}
    seen = 0
    for seen, raw in enumerate(lines, start=1):
        try:
            line = json.loads(raw)
            if seen == 1:
                if line != _FIRST:
                    raise ValueError("it is no history of this version")
                continue
            _require(line, known)
        except (ValueError, LookupError, TypeError, OverflowError) as wrong:
            raise BadHistory(f"line {seen} of the history cannot be taken in: {wrong}") from wrong
        yield line
    if not seen:
        raise BadHistory("the history is empty; have it made anew")


def _require(line: _Line, known: dict[str, set[int]]) -> None:
    word, *said = line
    form = _FORMS[word]
    if len(said) != len(form) or not all(map(_fits, said, form)):
        raise ValueError(f"a {word} is not what it should be")
    match word:
        case "place":
            _name(known["epoch"], said[1])
        case "publication":
            _name(known["place"], said[1])
            bytes.fromhex(said[6] or "")
        case "dropped":
            _name(known["place"], said[0])
            _name(known["publication"], said[1])
        case "event":
            _name(known["publication"], said[1])
            unpack(int(said[0], 16), (said[2], said[3], said[4], said[5]))
    if word in known:
        known[word].add(said[0])


def _fits(value: object, form: Any) -> bool:
    return isinstance(value, form) and not isinstance(value, bool)


def _name(known: set[int], number: int) -> None:
    if number not in known:
        raise ValueError(f"it names {number}, which is not there")


def _serial_text(key: int | bytes) -> str:
    number = key if isinstance(key, int) else int.from_bytes(key, "big", signed=True)
    return f"{number:x}"
