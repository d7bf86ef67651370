"""An agreement as a value, and how it lies in the tables.

The version that counts at an instant is the newest that has begun by then: a later decision
also replaces what was planned before it, and no row is ever altered for that.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, insert, select, update

from tashika_server.agreements import ids
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.lifecycle import State
from tashika_server.agreements.period import Period
from tashika_server.agreements.scope import Scope
from tashika_server.agreements.terms import Environment
from tashika_server.book import Change
from tashika_server.book import tables as t
from tashika_server.book.plain import from_plain, plain

__all__ = [
    "Agreement",
    "Version",
    "agreements",
    "find_agreement",
    "insert_agreement",
    "insert_version",
    "update_agreement",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What was agreed at one time: the scope, from when, and until when at most."""

    number: int
    period: Period
    scope: Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One agreement with all its versions, oldest first."""

    id: str
    verifier: str
    environment: Environment
    stage: State
    """As stored: never SUSPENDED, and ACTIVE past its period too (see `suspensions.state`)."""
    versions: tuple[Version, ...]
    concluded_at: datetime | None = None
    activated_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def newest(self) -> Version:
        """The version added last, whether or not it has begun."""
        return self.versions[-1]

    def timeline(self) -> tuple[tuple[Version, Period], ...]:
        """List when which version counts, in order and without overlap.

        Empty for one that ended before it was ever active.
        """
        if self.stage is State.ENDED and self.activated_at is None:
            return ()
        pieces = []
        horizon = self.ended_at
        for version in reversed(self.versions):
            if piece := version.period.cut(horizon):
                pieces.append((version, piece))
                horizon = piece.start
        return tuple(reversed(pieces))


def insert_agreement(change: Change, drafted: Agreement) -> Agreement:
    """Write a new agreement with its first version and return it with its id."""
    values = {
        "verifier_id": ids.number(Kind.VERIFIER, drafted.verifier),
        "environment": drafted.environment,
        "stage": drafted.stage,
    }
    added = replace(drafted, id=ids.label(Kind.AGREEMENT, change.insert(t.agreement, values)))
    insert_version(change, added)
    return added


def insert_version(change: Change, agreement: Agreement) -> None:
    """Write the newest version."""
    row = ids.number(Kind.AGREEMENT, agreement.id)
    version = agreement.newest
    scope = plain(version.scope)
    grants = scope.pop("grants")
    change.connection.execute(
        insert(t.agreement_version).values(
            agreement_id=row,
            number=version.number,
            valid_from=version.period.start,
            valid_to=version.period.end,
            **scope,
        )
    )
    change.connection.execute(
        insert(t.agreement_grant),
        [{"agreement_id": row, "version": version.number, **grant} for grant in grants],
    )


def update_agreement(change: Change, agreement: Agreement) -> None:
    """Write what changes in an agreement's life: its stage and the dates of the steps."""
    change.connection.execute(
        update(t.agreement)
        .where(t.agreement.c.id == ids.number(Kind.AGREEMENT, agreement.id))
        .values(
            stage=agreement.stage,
            concluded_at=agreement.concluded_at,
            activated_at=agreement.activated_at,
            ended_at=agreement.ended_at,
        )
    )


def find_agreement(connection: Connection, agreement_id: str) -> Agreement:
    """Look one up; NoSuchRecord."""
    row = ids.number(Kind.AGREEMENT, agreement_id)
    for found in _read(connection, t.agreement.c.id == row):
        return found
    raise ids.missing(Kind.AGREEMENT, agreement_id)


def agreements(connection: Connection, verifier_id: str | None = None) -> tuple[Agreement, ...]:
    """List the agreements of one verifier, or of all, the ended ones too."""
    if verifier_id is None:
        return _read(connection)
    return _read(connection, t.agreement.c.verifier_id == ids.number(Kind.VERIFIER, verifier_id))


def _read(connection: Connection, *which: ColumnElement[bool]) -> tuple[Agreement, ...]:
    chosen = select(t.agreement.c.id).where(*which)
    versions = _versions(connection, chosen)
    return tuple(
        _agreement(row, versions[row.id])
        for row in connection.execute(select(t.agreement).where(*which).order_by(t.agreement.c.id))
    )


def _versions(connection: Connection, chosen: Select[int]) -> dict[int, list[Version]]:
    table = t.agreement_version
    grants = _grants(connection, chosen)
    versions: dict[int, list[Version]] = defaultdict(list)
    for agreement, number, start, end, *scope in connection.execute(
        select(table).where(table.c.agreement_id.in_(chosen)).order_by(table.c.number)
    ):
        columns = dict(zip(_SCOPE_COLUMNS, scope, strict=True), grants=grants[agreement, number])
        versions[agreement].append(
            Version(number=number, period=Period(start, end), scope=from_plain(columns, Scope))
        )
    return versions


def _grants(connection: Connection, chosen: Select[int]) -> dict[tuple[int, int], list[Any]]:
    table = t.agreement_grant
    grants: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for agreement, version, *line in connection.execute(
        select(table)
        .where(table.c.agreement_id.in_(chosen))
        .order_by(table.c.family, table.c.method)
    ):
        grants[agreement, version].append(dict(zip(_GRANT_COLUMNS, line, strict=True)))
    return grants


_SCOPE_COLUMNS = t.agreement_version.c.keys()[4:]
_GRANT_COLUMNS = t.agreement_grant.c.keys()[2:]


def _agreement(row: Row[Any], versions: list[Version]) -> Agreement:
    return Agreement(
        id=ids.label(Kind.AGREEMENT, row.id),
        verifier=ids.label(Kind.VERIFIER, row.verifier_id),
        environment=Environment(row.environment),
        stage=State(row.stage),
        versions=tuple(versions),
        concluded_at=row.concluded_at,
        activated_at=row.activated_at,
        ended_at=row.ended_at,
    )
