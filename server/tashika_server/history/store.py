"""The tables of the history, in one SQLite file: epochs, partitions, publications, events.

An epoch is the life of one index file; its generations are those of the index. An event has its
certificate, its publication and what is listed since, some 20 bytes. Not for what it means
(`events`), nor for who asks (`look_back`) or tells (`telling`).
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tashika.pki.standing import Reason
from tashika_server.history.errors import HistoryFailed
from tashika_server.history.events import What
from tashika_server.index import Entry

__all__ = [
    "Connection",
    "Row",
    "connect",
    "connected",
    "instant",
    "micros",
    "pack",
    "serial_key",
    "unpack",
    "writing",
]

Connection = sqlite3.Connection
Row = tuple[int, int | None, int | None, int | None]
"""What happened, negative where illegal; then the entry: revoked_at, reason, invalid_since."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS epoch (
    id INTEGER PRIMARY KEY,
    began_at INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    known_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS issuer (id INTEGER PRIMARY KEY, fingerprint BLOB NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS place (
    id INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    issuer INTEGER NOT NULL,
    partition TEXT NOT NULL,
    expected_at INTEGER NOT NULL,
    dropped INTEGER
);
CREATE INDEX IF NOT EXISTS place_named ON place (epoch, issuer, partition);
CREATE TABLE IF NOT EXISTS publication (
    id INTEGER PRIMARY KEY,
    place INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    known_at INTEGER NOT NULL,
    number TEXT,
    this_update INTEGER,
    sha256 BLOB,
    void INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS publication_place ON publication (place, known_at);
CREATE TABLE IF NOT EXISTS event (
    issuer INTEGER NOT NULL,
    serial NOT NULL,
    publication INTEGER NOT NULL,
    what INTEGER NOT NULL,
    revoked_at INTEGER,
    reason INTEGER,
    since INTEGER,
    PRIMARY KEY (issuer, serial, publication)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS taken_over (
    epoch INTEGER PRIMARY KEY,
    issuer INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    source BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS purge (
    id INTEGER PRIMARY KEY,
    issuer INTEGER NOT NULL,
    before INTEGER NOT NULL,
    events INTEGER NOT NULL,
    entered INTEGER NOT NULL DEFAULT 0,
    UNIQUE (issuer, before)
);
"""
_PATIENCE_SECONDS = 30.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LARGEST = 1 << 63
"""SQLite's integers end below it; larger serials are octets, which sort behind all of them."""


def connect(file: Path) -> Connection:
    """Open the history, made if there is none; raises HistoryFailed."""
    try:
        # SQLite gives the files beside it the same mode; who is revoked is nobody else's business.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640))
        connection = sqlite3.connect(
            file, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_SCHEMA)
    except (sqlite3.Error, OSError) as wrong:
        raise _failed(file, wrong) from wrong
    return connection


@contextmanager
def connected(file: Path) -> Iterator[Connection]:
    """Read the history as it is at this moment; raises HistoryFailed, also if there is none."""
    where = f"{file.absolute().as_uri()}?mode=rw"
    try:
        with closing(
            sqlite3.connect(where, uri=True, timeout=_PATIENCE_SECONDS, isolation_level=None)
        ) as connection:
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as wrong:
        raise _failed(file, wrong) from wrong


@contextmanager
def writing(file: Path, connection: Connection) -> Iterator[Connection]:
    """Change it as one whole, durable at the end of the block; raises HistoryFailed."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except sqlite3.Error as wrong:
        raise _failed(file, wrong) from wrong


def serial_key(serial: int) -> int | bytes:
    """Write a serial of any size as a key."""
    if 0 <= serial < _LARGEST:
        return serial
    return serial.to_bytes((serial.bit_length() + 8) // 8, "big", signed=True)


def pack(what: What, entry: Entry | None, *, illegal: bool = False) -> Row:
    """Write what happened."""
    code = -what if illegal else int(what)
    if entry is None:
        return code, None, None, None
    since = entry.invalid_since
    return (
        code,
        int(entry.revoked_at.timestamp()),
        entry.reason,
        None if since is None else int(since.timestamp()),
    )


def unpack(serial: int, row: Row) -> tuple[What, Entry | None, bool]:
    """Read what happened."""
    code, revoked_at, reason, since = row
    if revoked_at is None:
        return What(abs(code)), None, code < 0
    entry = Entry(
        serial,
        datetime.fromtimestamp(revoked_at, UTC),
        None if reason is None else Reason(reason),
        None if since is None else datetime.fromtimestamp(since, UTC),
    )
    return What(abs(code)), entry, code < 0


def micros(at: datetime) -> int:
    """Write a moment as the tables have it."""
    return (at - _EPOCH) // _MICROSECOND


def instant(at: int) -> datetime:
    """Read a moment."""
    return _EPOCH + at * _MICROSECOND


def _failed(file: Path, wrong: sqlite3.Error | OSError) -> HistoryFailed:
    return HistoryFailed(f"the history {file} cannot be used ({wrong}); look at its disk")
