"""What files are kept: a small SQLite database beside them, for all processes of a machine.

A row is never changed but for its end: when its file went, and by which purge. So it still tells
what was kept and is no more. Not for the files themselves (`archive`).
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from tashika_server.files.catalog_rows import SCHEMA, SELECT, insert, kept, micros, moment
from tashika_server.files.errors import ArchiveFailed
from tashika_server.files.facts import COMPACT, Facts, Kept, Kind

__all__ = ["Catalog"]

_IS_WHOLE = "kind IN ('crl', 'compact-set')"
_LAST = """
SELECT max((SELECT coalesce(max(received_at), 0) FROM file WHERE place = here.id AND kind = :one),
           (SELECT coalesce(max(received_at), 0) FROM file WHERE place = here.id AND kind = :other))
FROM place AS here WHERE issuer = :issuer AND partition = :partition
"""
"""Two looks into an index; a partition has thousands of rows a year."""
_PATIENCE_SECONDS = 30.0
"""How long one process waits for another's transaction; each takes milliseconds."""
_EVER = (1 << 63) - 1
_OF_CRLS, _OF_SETS = (Kind.CRL, Kind.DELTA), (Kind.COMPACT_SET, Kind.COMPACT_DELTA)


class Catalog:
    """The rows. Every call is a transaction of its own, from any thread and process.

    What a call wrote is durable when it returns. Each raises ArchiveFailed.
    """

    def __init__(self, file: Path, *, opened: sqlite3.Connection | None = None) -> None:
        """Open the catalogue, made if there is none; raises ArchiveFailed."""
        self._file = file
        self._opened = opened
        if opened:
            return
        with self._connected() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(SCHEMA)

    @contextmanager
    def kept_open(self) -> Iterator["Catalog"]:
        """Lend it for many calls, opened once for all of them; for one thread."""
        with self._connected() as connection:
            yield Catalog(self._file, opened=connection)

    def add(self, facts: Facts, *, size: int, at: datetime) -> None:
        """Enter a file; one that is entered already, for the same partition, stays as it is.

        It comes after those of its partition that came before, whatever the clock says.
        """
        with self._writing() as connection:
            one, other = _OF_CRLS if facts.kind.is_crl else _OF_SETS
            values = {"issuer": facts.issuer, "partition": facts.partition}
            last = connection.execute(_LAST, values | {"one": one, "other": other}).fetchone()
            at = max(at, moment(last[0] if last else 0))
            insert(connection, facts, size=size, at=at, leaving=None)

    def adopt(self, file: Kept) -> None:
        """Enter a file of another operator's with its time; of two times the earlier counts."""
        with self._writing() as connection:
            insert(connection, file, size=file.size, at=file.received_at, leaving=file.leaving)
            connection.execute(
                "UPDATE file SET received_at = min(received_at, ?) WHERE sha256 = ? AND place ="
                " (SELECT id FROM place WHERE issuer = ? AND partition = ?)",
                (micros(file.received_at), file.sha256, file.issuer, file.partition),
            )

    def has(self, facts: Facts) -> bool:
        """Tell whether this file of this partition is kept."""
        where = (facts.issuer, facts.partition, facts.sha256)
        condition = "issuer = ? AND partition = ? AND sha256 = ? AND leaving IS NULL"
        return bool(self._select(f"WHERE {condition}", where))

    def by_content(self, sha256: bytes) -> list[Kept]:
        """Return what is known of a content; usually one."""
        return self._select("WHERE sha256 = ? ORDER BY file.id", (sha256,))

    def places(self) -> list[tuple[bytes, str]]:
        """List issuers and partitions of which anything was ever kept."""
        with self._connected() as connection:
            return connection.execute(
                "SELECT issuer, partition FROM place ORDER BY 1, 2"
            ).fetchall()

    def of(self, issuer: bytes, partition: str) -> list[Kept]:
        """Return all files of a partition, in the order of their coming."""
        where = "WHERE issuer = ? AND partition = ? ORDER BY file.id"
        return self._select(where, (issuer, partition))

    def known(self, issuer: bytes, partition: str, at: datetime | None) -> tuple[Kept, ...]:
        """Return what spoke for a partition at a moment: a complete CRL, and deltas since.

        None is what speaks now, even if it came before a clock was put back. Of COMPACT it is one
        set. Empty where none had come by then. Files that were purged since are among them.
        """
        when = _EVER if at is None else micros(at)
        newest = (
            f"WHERE issuer = ? AND partition = ? AND {_IS_WHOLE} AND received_at <= ?"
            " ORDER BY received_at DESC, file.id DESC LIMIT 1"
        )
        whole = self._select(newest, (issuer, partition, when))
        if not whole:
            return ()
        since = (
            "WHERE issuer = ? AND partition = ? AND kind = ? AND received_at <= ?"
            " AND (received_at, file.id) > (?, ?) ORDER BY received_at, file.id"
        )
        begin = micros(whole[0].received_at)
        values = (issuer, partition, Kind.DELTA, when, begin, whole[0].id)
        return (*whole, *self._select(since, values))

    def newest_set(self, issuer: bytes) -> Kept | None:
        """Return the compact set that came last, whatever clocks say: its number is the highest."""
        found = self._select(
            "WHERE issuer = ? AND partition = ? AND kind = ? AND leaving IS NULL"
            " ORDER BY file.id DESC LIMIT 1",
            (issuer, COMPACT, Kind.COMPACT_SET),
        )
        return found[0] if found else None

    def compact_delta(self, issuer: bytes, base: int) -> Kept | None:
        """Return what leads on from the compact set of a number, where that is kept."""
        found = self._select(
            "WHERE issuer = ? AND partition = ? AND kind = ? AND base = ? AND leaving IS NULL"
            " ORDER BY file.id DESC LIMIT 1",
            (issuer, COMPACT, Kind.COMPACT_DELTA, str(base)),
        )
        return found[0] if found else None

    def let_go(self, purge: str, *, issuer: bytes, compact: bool, before: datetime) -> int:
        """Mark what came before a moment as leaving by a purge, and return how many that were.

        Of one issuer, its CRLs or its compact sets. The newest complete file of each partition
        stays, with the deltas since: it may still be what is known.
        """
        which = "SELECT id FROM place WHERE issuer = ? AND (partition = ?) = ?"
        with self._writing() as connection:
            going = 0
            # A partition at a time: one statement for all of them would walk through every row.
            for (place,) in connection.execute(which, (issuer, COMPACT, compact)).fetchall():
                newest = connection.execute(
                    f"SELECT received_at, id FROM file WHERE place = ? AND {_IS_WHOLE}"  # noqa: S608
                    " ORDER BY received_at DESC, id DESC LIMIT 1",
                    (place,),
                ).fetchone()
                going += connection.execute(
                    "UPDATE file SET leaving = ? WHERE place = ? AND received_at < ?"
                    " AND (received_at, id) < (?, ?) AND leaving IS NULL",
                    (purge, place, micros(before), *(newest or (0, 0))),
                ).rowcount
            return going

    def leaving(self) -> list[Kept]:
        """Return what is to leave and may still be on the disk."""
        return self._select("WHERE leaving IS NOT NULL AND NOT gone ORDER BY file.id", ())

    def gone(self, rows: Sequence[Kept]) -> None:
        """Note that the files of these rows have been removed."""
        with self._writing() as connection:
            connection.executemany("UPDATE file SET gone = 1 WHERE id = ?", [(r.id,) for r in rows])

    def _select(self, where: str, values: Sequence[object]) -> list[Kept]:
        with self._connected() as connection:
            return [kept(row) for row in connection.execute(SELECT + where, values)]

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._opened:
                yield self._opened
                return
            with closing(
                sqlite3.connect(self._file, timeout=_PATIENCE_SECONDS, isolation_level=None)
            ) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except sqlite3.Error as wrong:
            raise ArchiveFailed(
                f"the catalogue {self._file} is of no use ({wrong}); look at the disk"
            ) from wrong

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
