"""The lab's memory: lab.sqlite, with certificates, an append-only event log and CRL numbers.

A certificate's standing is never stored: it is what the latest event about it says. Knows
nothing of the law; `world` decides what may be written.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self

from tashika.pki.profile import Family
from tashika.pki.standing import Good, Reason, Revoked
from tashika_server.lab import said
from tashika_server.lab.crls import Listed
from tashika_server.lab.errors import LabError
from tashika_server.lab.records import Certificate, Event, Happening, Role

__all__ = ["ListMark", "State"]

PATIENCE = 30.0
"""Seconds to wait for another command's transaction, which lasts milliseconds."""

_SCHEMA = """
CREATE TABLE plan (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE certificates (
    family TEXT NOT NULL, serial INTEGER NOT NULL, issuer TEXT NOT NULL, role TEXT NOT NULL,
    not_before INTEGER NOT NULL, not_after INTEGER NOT NULL, der BLOB NOT NULL,
    person INTEGER, municipality TEXT,
    PRIMARY KEY (family, serial)
) STRICT, WITHOUT ROWID;
CREATE INDEX holdings ON certificates (person, family);
CREATE INDEX issues ON certificates (issuer, serial);
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, happening TEXT NOT NULL,
    family TEXT, serial INTEGER, person INTEGER,
    cause TEXT, reason INTEGER, invalid_since INTEGER, planned TEXT
) STRICT;
CREATE INDEX histories ON events (family, serial);
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TABLE lists (
    issuer TEXT NOT NULL, municipality TEXT NOT NULL,
    number INTEGER NOT NULL, this_update INTEGER, before INTEGER,
    PRIMARY KEY (issuer, municipality)
) STRICT, WITHOUT ROWID;
"""
_DECISIVE = "('issued', 'held', 'released', 'revoked')"


@dataclass(frozen=True, slots=True)
class ListMark:
    """The last CRL of one issuer and municipality."""

    number: int
    """Never used again, even if the file was not written."""
    this_update: datetime | None
    """Of the last one that was written; None while there is none."""
    before: datetime | None = None
    """Of the one before that: what had run out by then, the last one does not list."""


class State:
    """One open lab.sqlite; not for use from two threads. What a transaction wrote is durable."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA synchronous = FULL")

    @classmethod
    def create(cls, path: Path, plan: Mapping[str, str]) -> Self:
        """Make a new database that remembers the plan it was made by."""
        state = cls(path)
        state._db.executescript(_SCHEMA + said.SCHEMA)
        state._db.executemany("INSERT INTO plan VALUES (?, ?)", plan.items())
        return state

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """The open database, for what is kept in tables of its own (`said`)."""
        return self._db

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside one commit, or nothing."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as wrong:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(wrong, sqlite3.OperationalError):
                raise LabError(
                    f"lab.sqlite cannot be written ({wrong}); nothing changed"
                ) from wrong
            raise

    def plan(self) -> dict[str, str]:
        """Return what the lab was made by."""
        return dict(self._db.execute("SELECT name, value FROM plan").fetchall())

    # Certificates

    def next_serial(self, family: Family) -> int:
        """Return the next number of a family's one counter; CA certificates draw from it too."""
        query = "SELECT coalesce(max(serial), 0) + 1 FROM certificates WHERE family = ?"
        return int(self._db.execute(query, (family,)).fetchone()[0])

    def next_person(self) -> int:
        """Return the number of the next holder."""
        query = "SELECT coalesce(max(person), 0) + 1 FROM certificates"
        return int(self._db.execute(query).fetchone()[0])

    def serials(self, issuer: str) -> list[int]:
        """Return every serial issued under one key, in ascending order."""
        query = "SELECT serial FROM certificates WHERE issuer = ? ORDER BY serial"
        return [row["serial"] for row in self._db.execute(query, (issuer,))]

    def add(self, certificate: Certificate) -> None:
        """Remember a new certificate."""
        self._insert(
            "certificates",
            family=certificate.family,
            serial=certificate.serial,
            issuer=certificate.issuer,
            role=certificate.role,
            not_before=_seconds(certificate.not_before),
            not_after=_seconds(certificate.not_after),
            der=certificate.der,
            person=certificate.person,
            municipality=certificate.municipality,
        )

    def certificates(self, **wanted: str | int) -> list[Certificate]:
        """Return certificates whose columns have these values, by family and serial."""
        conditions = " AND ".join(f"{column} = ?" for column in wanted) or "TRUE"
        query = f"SELECT * FROM certificates WHERE {conditions} ORDER BY family, serial"  # noqa: S608 column names only
        return [_certificate(row) for row in self._db.execute(query, tuple(wanted.values()))]

    # Events

    def append(self, event: Event) -> None:
        """Write one event at the end of the log."""
        self._insert(
            "events",
            at=_seconds(event.at),
            happening=event.happening,
            family=event.family,
            serial=event.serial,
            person=event.person,
            cause=event.cause,
            reason=event.reason,
            invalid_since=_seconds(event.invalid_since) if event.invalid_since else None,
            planned=event.planned.isoformat() if event.planned else None,
        )

    def standing(self, certificate: Certificate) -> Good | Revoked:
        """Return what the latest event about a certificate made of it."""
        query = f"""SELECT happening, at, reason, invalid_since FROM events
            WHERE family = ? AND serial = ? AND happening IN {_DECISIVE}
            ORDER BY id DESC LIMIT 1"""  # noqa: S608 a constant
        row = self._db.execute(query, (certificate.family, certificate.serial)).fetchone()
        if row is None or row["happening"] in (Happening.ISSUED, Happening.RELEASED):
            return Good()
        return Revoked(_instant(row["at"]), Reason(row["reason"]), _maybe(row["invalid_since"]))

    def departures(self) -> dict[int, date]:
        """Return the planned day of each person's move-out that is still pending."""
        # SQLite takes bare columns from the row that has the max().
        query = """SELECT person, happening, planned, max(id) FROM events
            WHERE happening IN ('moved-out', 'moved-in', 'lapsed') GROUP BY person"""
        return {
            row["person"]: date.fromisoformat(row["planned"])
            for row in self._db.execute(query)
            if row["happening"] == Happening.MOVED_OUT
        }

    # Lists

    def listed(self) -> Iterator[Listed]:
        """Yield what is revoked or on hold, in the order of serials."""
        query = f"""SELECT * FROM (
                SELECT issuer, municipality, serial, not_after, happening, at, reason,
                       invalid_since, max(id)
                FROM events JOIN certificates USING (family, serial)
                WHERE role = 'holder' AND happening IN {_DECISIVE} GROUP BY family, serial)
            WHERE happening IN ('held', 'revoked') ORDER BY serial"""  # noqa: S608 a constant
        for row in self._db.execute(query):
            yield Listed(
                issuer=row["issuer"],
                municipality=row["municipality"],
                serial=row["serial"],
                not_after=_instant(row["not_after"]),
                revoked_at=_instant(row["at"]),
                reason=Reason(row["reason"]),
                invalid_since=_maybe(row["invalid_since"]),
            )

    def marks(self) -> dict[tuple[str, str], ListMark]:
        """Return the last CRL of every issuer and municipality."""
        rows = self._db.execute("SELECT * FROM lists")
        return {
            (row["issuer"], row["municipality"]): ListMark(
                row["number"], _maybe(row["this_update"]), _maybe(row["before"])
            )
            for row in rows
        }

    def allot_numbers(self, lists: Iterable[tuple[str, str]]) -> None:
        """Raise the CRL number of each list by one; it is used up from now on."""
        query = """INSERT INTO lists VALUES (?, ?, 1, NULL, NULL)
            ON CONFLICT DO UPDATE SET number = number + 1"""
        self._db.executemany(query, lists)

    def record_publication(self, lists: Iterable[tuple[str, str]], at: datetime) -> None:
        """Remember that these lists, as of `at`, have been written."""
        query = """UPDATE lists SET before = this_update, this_update = ?
            WHERE issuer = ? AND municipality = ?"""
        self._db.executemany(query, ((_seconds(at), *each) for each in lists))

    def _insert(self, table: str, **values: str | float | bytes | None) -> None:
        names, places = ", ".join(values), ", ".join("?" * len(values))
        query = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 constants of this module
        self._db.execute(query, tuple(values.values()))


def _certificate(row: Mapping[str, Any]) -> Certificate:
    return Certificate(
        family=Family(row["family"]),
        serial=row["serial"],
        issuer=row["issuer"],
        role=Role(row["role"]),
        not_before=_instant(row["not_before"]),
        not_after=_instant(row["not_after"]),
        der=row["der"],
        person=row["person"],
        municipality=row["municipality"],
    )


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _maybe(seconds: int | None) -> datetime | None:
    return None if seconds is None else _instant(seconds)
