"""The agreements of a book, kept compiled: a change costs only the verifiers that it concerns.

A full compile of 10,000 agreements takes as long as a suspension may take to act. Whom a change
concerns is read off the audit trail; all are compiled at the start, and whenever the trail does
not go on from where it was read. What compiled agreements say is the business of `compiling`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, FromClause, select

from tashika_server.agreements import ids
from tashika_server.agreements.codec import write_terms
from tashika_server.agreements.compiling import compile_verifiers, forgotten_at
from tashika_server.agreements.errors import NoSuchRecord
from tashika_server.agreements.ids import Kind
from tashika_server.book import Entry
from tashika_server.book import tables as t
from tashika_server.book.trail import entries, newest

__all__ = ["Compilation"]

MOST = 500
"""Entries read, or verifiers compiled one by one; compiling all is quicker than more of them."""

_OWNERS: Mapping[Kind, tuple[FromClause, Column[int], Column[int]]] = {
    Kind.ACCREDITATION: (t.accreditation, t.accreditation.c.id, t.accreditation.c.verifier_id),
    Kind.AGREEMENT: (t.agreement, t.agreement.c.id, t.agreement.c.verifier_id),
    Kind.CREDENTIAL: (
        t.credential.join(t.agreement),
        t.credential.c.id,
        t.agreement.c.verifier_id,
    ),
    Kind.HOLDER: (t.holder, t.holder.c.id, t.holder.c.verifier_id),
    Kind.NOTIFICATION: (t.notification, t.notification.c.id, t.notification.c.verifier_id),
    Kind.SUSPENSION: (t.suspension, t.suspension.c.id, t.suspension.c.verifier_id),
    Kind.VERIFIER: (t.verifier, t.verifier.c.id, t.verifier.c.id),
}
"""Every kind of record that compiling reads: where it is, its row, and its verifier's row."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One verifier's agreements: their lines in the workers' file, and how long they stay so."""

    lines: tuple[bytes, ...]
    until: datetime


class Compilation:
    """What a full compile would say, for less. Not for several threads."""

    def __init__(self) -> None:
        self._parts: dict[int, _Part] = {}
        self._newest: Entry | None = None
        self._at: datetime | None = None

    @property
    def lines(self) -> tuple[bytes, ...]:
        """All agreements as lines of the workers' file, in the order of a full compile."""
        return tuple(line for part in self._parts.values() for line in part.lines)

    def __len__(self) -> int:
        """Count the agreements, each version for itself."""
        return sum(len(part.lines) for part in self._parts.values())

    @property
    def entry(self) -> int:
        """The number of the newest entry of the trail that is taken in; 0 before the first."""
        return self._newest.number if self._newest else 0

    def update(self, connection: Connection, at: datetime) -> bool:
        """Take in what has changed until now; tells whether anything was compiled.

        Raises what reading the book raises, and is then as it was.
        """
        latest = newest(connection)
        concerned = self._concerned(connection, latest, at)
        if concerned is None:
            parts = _compile(connection, at)
        else:
            parts = dict(self._parts)  # who is known keeps the place, who is new comes last
            for row in sorted(concerned):
                parts |= _compile(connection, at, ids.label(Kind.VERIFIER, row))
        self._parts, self._newest, self._at = parts, latest, at
        return concerned is None or bool(concerned)

    def _concerned(
        self, connection: Connection, latest: Entry | None, at: datetime
    ) -> set[int] | None:
        """Find whom to compile again; None where only compiling all is sure, or is quicker."""
        if self._at is None or at < self._at:
            return None
        found = {row for row, part in self._parts.items() if part.until <= at}
        if latest != self._newest:
            if latest is None or not 0 < latest.number - self.entry <= MOST:
                return None
            known, *news = entries(connection, after=self.entry - 1)
            if known != self._newest:  # the book of a backup, or another one
                return None
            found |= _owners(connection, news)
        return found if len(found) <= MOST else None


def _compile(connection: Connection, at: datetime, only: str | None = None) -> dict[int, _Part]:
    return {
        ids.number(Kind.VERIFIER, verifier): _Part(
            tuple(map(write_terms, compiled)), forgotten_at(compiled)
        )
        for verifier, compiled in compile_verifiers(connection, at, only).items()
    }


def _owners(connection: Connection, news: Iterable[Entry]) -> set[int]:
    """Find the verifiers whose agreements these entries may have changed."""
    rows: dict[Kind, set[int]] = defaultdict(set)
    for entry in news:
        for kind in _OWNERS:
            if entry.subject.startswith(kind):
                with suppress(NoSuchRecord):
                    rows[kind].add(ids.number(kind, entry.subject))
    return {owner for kind, those in rows.items() for owner in _owned(connection, kind, those)}


def _owned(connection: Connection, kind: Kind, rows: Iterable[int]) -> Iterator[int]:
    table, row, verifier = _OWNERS[kind]
    yield from connection.scalars(select(verifier).select_from(table).where(row.in_(rows)))
