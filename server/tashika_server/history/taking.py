"""Taking in what another operator remembers of an issuer, in the form of `portable`.

Nothing of it is believed before it was read to its end: each line has its form and names only
what stands before it. What is entered are epochs of that operator, beside our own.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tashika_server.history.epochs import issuer_id
from tashika_server.history.errors import NotRemembered
from tashika_server.history.portable import FIRST
from tashika_server.history.store import Connection, serial_key, unpack, writing

__all__ = ["BadHistory", "check_history", "take_history"]

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
                if line != FIRST:
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
