"""What the lab's feeds have said: rows of lab.sqlite, and what has happened since."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from tashika.pki.standing import Reason
from tashika_server.lab.records import Happening

__all__ = ["SCHEMA", "Happened", "Said", "happened_since", "last_said", "lines_after", "say"]

SCHEMA = """
CREATE TABLE feed (
    issuer TEXT NOT NULL, sequence INTEGER NOT NULL, at INTEGER NOT NULL,
    event INTEGER NOT NULL, line BLOB NOT NULL,
    PRIMARY KEY (issuer, sequence)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The last message of one issuer."""

    sequence: int
    at: datetime
    event: int
    """The last one of the log that was looked at."""
    line: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One event about a holder's certificate, and where it is to be told."""

    event: int
    municipality: str
    serial: int
    happening: Happening
    at: datetime
    reason: Reason | None
    invalid_since: datetime | None


def last_said(db: sqlite3.Connection, issuer: str) -> Said | None:
    """Return the last message of an issuer."""
    query = "SELECT * FROM feed WHERE issuer = ? ORDER BY sequence DESC LIMIT 1"
    row = db.execute(query, (issuer,)).fetchone()
    if row is None:
        return None
    at = datetime.fromtimestamp(row["at"], UTC)
    return Said(sequence=row["sequence"], at=at, event=row["event"], line=row["line"])


def say(db: sqlite3.Connection, issuer: str, said: Said) -> None:
    """Add a message, within the caller's transaction; its number must be the next."""
    row = (issuer, said.sequence, int(said.at.timestamp()), said.event, said.line)
    db.execute("INSERT INTO feed VALUES (?, ?, ?, ?, ?)", row)


def lines_after(db: sqlite3.Connection, issuer: str, sequence: int, most: int) -> list[bytes]:
    """Return so many messages of an issuer at most that come after a number."""
    query = "SELECT line FROM feed WHERE issuer = ? AND sequence > ? ORDER BY sequence LIMIT ?"
    return [row["line"] for row in db.execute(query, (issuer, sequence, most))]


def happened_since(db: sqlite3.Connection, issuer: str, event: int) -> list[Happened]:
    """Return what has happened to holders' certificates of an issuer, in its order."""
    query = """SELECT * FROM events JOIN certificates USING (family, serial)
        WHERE id > ? AND issuer = ? AND role = 'holder'
            AND happening IN ('held', 'released', 'revoked') ORDER BY id"""
    return [
        Happened(
            event=row["id"],
            municipality=row["municipality"],
            serial=row["serial"],
            happening=Happening(row["happening"]),
            at=datetime.fromtimestamp(row["at"], UTC),
            reason=None if row["reason"] is None else Reason(row["reason"]),
            invalid_since=row["invalid_since"]
            and datetime.fromtimestamp(row["invalid_since"], UTC),
        )
        for row in db.execute(query, (event, issuer))
    ]
