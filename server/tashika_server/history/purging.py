"""Forgetting what is over for longer than an issuer's period, with an entry in the ledger.

The events of a certificate go once it was listed for the last time longer ago than the period:
a hold that was released, a revocation that lapsed. What is still listed stays, and so does what
an issuer may not have done. Of moments before then nothing can be said any more; of all later
ones the same is said as before.

| killed                            | events      | ledger    | the next purge               |
|-----------------------------------|-------------|-----------|------------------------------|
| before the first part is gone     | there       | no entry  | begins                       |
| after a part, or all of them      | some gone   | no entry  | enters that, removes the rest|
| after the entry                   | gone        | one entry | enters no other              |

The floor, before which nothing is said, is written with the first part that goes. Publications
of before it that no event names go as well, without an entry, for they are no personal data and
the archive's catalogue has them for good; the first of each partition stays, and the newest.
"""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tashika_server.book import Book
from tashika_server.book.once import record_once
from tashika_server.history.epochs import OWN
from tashika_server.history.store import Connection, connect, instant, micros, writing
from tashika_server.issuer import Retentions

__all__ = ["PurgedEvents", "purge_events"]

ACTION = "history.purge"
AT_ONCE = 20_000
"""Events looked through in one transaction; the index's writer waits for as long."""

_BOUND = "SELECT serial FROM event WHERE issuer = ? AND serial > ? ORDER BY serial LIMIT 1 OFFSET ?"
_END = "SELECT max(serial) FROM event WHERE issuer = ?"
CURRENT = f"(SELECT max(id) FROM epoch WHERE {OWN})"  # noqa: S608
_GOES = f"""
DELETE FROM event
WHERE issuer = :issuer AND serial > :after AND serial <= :last
  AND (SELECT known_at FROM publication WHERE id = event.publication) < :before
  AND (
    (SELECT void OR (epoch.known_at < :before AND epoch.id IS NOT {CURRENT})
     FROM publication JOIN place ON place.id = place JOIN epoch ON epoch.id = epoch
     WHERE publication.id = event.publication)
    OR (SELECT latest.revoked_at IS NULL AND latest.what > 0
        FROM event AS latest JOIN publication ON publication.id = latest.publication
        WHERE latest.issuer = event.issuer AND latest.serial = event.serial
          AND known_at < :before AND NOT void
        ORDER BY known_at DESC, publication.id DESC LIMIT 1)
  )
"""  # noqa: S608
"""Those of an epoch that is over, of a generation that never was, or of what is not listed since;
`what` is negative where it was illegal."""

_NEWEST = """
SELECT max(publication.id) FROM publication JOIN place ON place.id = place
WHERE issuer = :issuer AND known_at < :before
"""
_TOLD = "SELECT publication FROM event WHERE issuer = :issuer AND publication <= :newest"
_IDLE = """
SELECT publication.id FROM place JOIN publication ON publication.place = place.id
JOIN epoch ON epoch.id = place.epoch
WHERE place.issuer = :issuer AND publication.known_at < :before AND publication.id <= :newest
  AND publication.generation < epoch.generation AND place.dropped IS NOT publication.id
  AND publication.id NOT IN (SELECT publication FROM temp.told)
  AND publication.id IS NOT (
    SELECT first.id FROM publication AS first WHERE first.place = place.id AND NOT first.void
    ORDER BY first.known_at, first.id LIMIT 1
  )
LIMIT :most
"""
"""Those that no event names, that are neither the first of a partition nor the newest of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgedEvents:
    """What the ledger says of a purge."""

    events: int
    before: datetime
    """What was known then and later is as it was."""
    basis: str


def purge_events(book: Book, file: Path, rules: Retentions, *, actor: str, at: datetime) -> int:
    """Forget what every issuer's rule lets go; returns how many events that were.

    Finishes what an earlier one was kept from. For one process; the history may be told
    meanwhile. Raises HistoryFailed, BookError.
    """
    if not file.exists():
        return 0
    with closing(connect(file)) as connection:
        _enter(book, file, connection, rules, actor=actor, at=at)
        for issuer, fingerprint in connection.execute(
            "SELECT id, fingerprint FROM issuer"
        ).fetchall():
            before = micros(at - rules.of(fingerprint).keep)
            _forget(file, connection, issuer, before)
            _forget_idle(file, connection, issuer, before)
        return _enter(book, file, connection, rules, actor=actor, at=at)


def _forget(file: Path, connection: Connection, issuer: int, before: int) -> None:
    """Go through all certificates of an issuer, a part in each transaction."""
    after: Any = -1
    (end,) = connection.execute(_END, (issuer,)).fetchone()
    while end is not None and after != end:
        bound = connection.execute(_BOUND, (issuer, after, AT_ONCE)).fetchone()
        last = bound[0] if bound else end
        with writing(file, connection):
            values = {"issuer": issuer, "after": after, "last": last, "before": before}
            if gone := connection.execute(_GOES, values).rowcount:
                connection.execute(
                    "INSERT INTO purge (issuer, before, events) VALUES (?, ?, ?)"
                    " ON CONFLICT (issuer, before) DO UPDATE SET events = events + excluded.events",
                    (issuer, before, gone),
                )
        after = last


def _forget_idle(file: Path, connection: Connection, issuer: int, before: int) -> None:
    """Let publications go that have nothing to say any more, a part in each transaction."""
    values: dict[str, int] = {"issuer": issuer, "before": before, "most": AT_ONCE}
    (newest,) = connection.execute(_NEWEST, values).fetchone()
    if newest is None:
        return
    # What another process takes over meanwhile has higher numbers than the newest.
    values["newest"] = newest
    connection.execute("CREATE TEMP TABLE told (publication INTEGER PRIMARY KEY)")
    connection.execute(f"INSERT OR IGNORE INTO temp.told {_TOLD}", values)
    while idle := connection.execute(_IDLE, values).fetchall():
        with writing(file, connection):
            connection.executemany("DELETE FROM publication WHERE id = ?", idle)
    connection.execute("DROP TABLE temp.told")


def _enter(
    book: Book,
    file: Path,
    connection: Connection,
    rules: Retentions,
    *,
    actor: str,
    at: datetime,
) -> int:
    """Tell the ledger, once, of each purge that it does not know; returns their events."""
    purges = connection.execute(
        "SELECT purge.id, fingerprint, before, events FROM purge"
        " JOIN issuer ON issuer.id = issuer WHERE NOT entered ORDER BY purge.id"
    ).fetchall()
    for number, fingerprint, before, events in purges:
        said = PurgedEvents(
            events=events, before=instant(before), basis=rules.of(fingerprint).basis
        )
        name = f"events of {fingerprint.hex()} before {said.before:%Y-%m-%dT%H:%M:%S.%fZ}"
        record_once(book, ACTION, name, said, actor=actor, at=at)
        with writing(file, connection):
            connection.execute("UPDATE purge SET entered = 1 WHERE id = ?", (number,))
    return sum(events for *_, events in purges)
