"""How a file stands in the catalogue: the tables, and a row as it is written and read.

Numbers of CRLs are text, since they may have 20 octets (RFC 5280 5.2.3). Times are microseconds
where they order what came, and seconds where a CRL says them. Not for what is asked (`catalog`).
"""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tashika_server.files.facts import Facts, Kept, Kind

__all__ = ["SCHEMA", "SELECT", "insert", "kept", "micros", "moment"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS place (
    id INTEGER PRIMARY KEY,
    issuer BLOB NOT NULL,
    partition TEXT NOT NULL,
    UNIQUE (issuer, partition)
);
CREATE TABLE IF NOT EXISTS file (
    id INTEGER PRIMARY KEY,
    place INTEGER NOT NULL REFERENCES place,
    kind TEXT NOT NULL,
    number TEXT NOT NULL,
    base TEXT,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    size INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    leaving TEXT,
    gone INTEGER NOT NULL DEFAULT 0,
    UNIQUE (place, sha256)
);
CREATE INDEX IF NOT EXISTS file_in_time ON file (place, kind, received_at);
CREATE INDEX IF NOT EXISTS file_content ON file (sha256);
CREATE INDEX IF NOT EXISTS file_leaving ON file (leaving) WHERE leaving IS NOT NULL AND NOT gone;
"""
SELECT = """
SELECT file.id, issuer, partition, kind, number, base, this_update, next_update, sha256, size,
       received_at, leaving
FROM file JOIN place ON place.id = file.place
"""
"""What `kept` reads."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def insert(
    connection: sqlite3.Connection, facts: Facts, *, size: int, at: datetime, leaving: str | None
) -> None:
    """Enter a file, unless its partition has it; `leaving` is the purge by which it went."""
    where = (facts.issuer, facts.partition)
    connection.execute("INSERT OR IGNORE INTO place (issuer, partition) VALUES (?, ?)", where)
    connection.execute(
        "INSERT OR IGNORE INTO file (place, kind, number, base, this_update, next_update, sha256,"
        " size, received_at, leaving, gone) SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM place"
        " WHERE issuer = ? AND partition = ?",
        (
            facts.kind,
            str(facts.number),
            None if facts.base is None else str(facts.base),
            _seconds(facts.this_update),
            _seconds(facts.next_update),
            facts.sha256,
            size,
            micros(at),
            leaving,
            leaving is not None,
            *where,
        ),
    )


def micros(at: datetime) -> int:
    """Write a time as the microseconds since 1970 that rows are ordered by."""
    return (at - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """Read such a time."""
    return _EPOCH + microseconds * _MICROSECOND


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def kept(row: Sequence[Any]) -> Kept:
    """Read a row of SELECT."""
    number, issuer, partition, kind, crl, base, this_update, next_update, digest, size, at, why = (
        row
    )
    return Kept(
        id=number,
        issuer=issuer,
        partition=partition,
        kind=Kind(kind),
        number=int(crl),
        base=None if base is None else int(base),
        this_update=datetime.fromtimestamp(this_update, UTC),
        next_update=datetime.fromtimestamp(next_update, UTC),
        sha256=digest,
        size=size,
        received_at=moment(at),
        leaving=why,
    )
