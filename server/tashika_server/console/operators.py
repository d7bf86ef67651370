"""Operators: the people and programs that keep the registry or look into it, each in one role.

Made and ended by the commands only, so that nobody who gets hold of the API makes more of
them. A token's secret leaves here once and is kept hashed; a certificate is kept as its key.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Connection, Row, select

from tashika_server.agreements import ids
from tashika_server.agreements.certificates import read_client_certificate
from tashika_server.agreements.errors import BadPeriod, BadScope, Duplicate, WrongState
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.period import Period, years_later
from tashika_server.agreements.proposals import is_same_person
from tashika_server.agreements.rows import Rows
from tashika_server.agreements.terms import key_digest, secret_digest
from tashika_server.agreements.wording import folded, worded
from tashika_server.book import Change
from tashika_server.book import tables as t

__all__ = [
    "ACCOUNT_MARK",
    "Enrolled",
    "Operator",
    "Proof",
    "Role",
    "add_operator",
    "end_operator",
    "find_operator",
    "operators",
    "recognise",
]

TOKEN_BYTES = 32
"""256 random bits, as for verifiers."""
TOKEN_MARK = "tso_"  # noqa: S105 - begins every token, so that leak scanners know one
ACCOUNT_MARK = "unix:"
"""Begins what the trail calls an account of a machine, and so no operator's name."""


class Role(StrEnum):
    """What an operator may do; which route is for whom stands in `routes`."""

    REGISTRAR = "registrar"
    """Keeps the registry."""
    FINANCE = "finance"
    """Reads who the verifiers are and what was agreed."""
    AUDITOR = "auditor"
    """Reads everything, the audit trail too."""


class Proof(StrEnum):
    """How an operator logs in."""

    TOKEN = "token"  # noqa: S105 - the name of a kind
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One who may use the management API."""

    id: str
    name: str
    """What the audit trail calls them."""
    role: Role
    proof: Proof
    period: Period
    ended_at: datetime | None = None

    def is_in_force(self, at: datetime) -> bool:
        """Tell whether they may be let in."""
        return self.ended_at is None and self.period.covers(at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A new operator, with the secret that is shown this once."""

    operator: Operator
    secret: str | None = field(default=None, repr=False)


def add_operator(
    change: Change,
    *,
    name: str,
    role: Role,
    certificate: str | None = None,
    ends: datetime | None = None,
) -> Enrolled:
    """Enrol somebody by a new token, or by a client certificate in PEM; for a year at most."""
    secret, digest, latest = _proof(change.at, certificate)
    name = _demand_name(change.connection, name)
    if ends is not None and ends > latest:
        raise BadPeriod(
            f"the log-in would last longer than {Period(change.at, latest)}",
            rule="house rule: a year at most, and no longer than the certificate",
            remedy="give an earlier end",
        )
    period = Period(change.at, ends or latest)
    _demand_new_key(change.connection, digest)
    added = _ROWS.add(
        change,
        "operator.add",
        name=name,
        role=role,
        proof=Proof.CERTIFICATE if certificate else Proof.TOKEN,
        digest=digest,
        valid_from=period.start,
        valid_to=period.end,
    )
    return Enrolled(operator=added, secret=secret)


def end_operator(change: Change, operator_id: str) -> Operator:
    """Let somebody in no more; their sessions end with it."""
    before = find_operator(change.connection, operator_id)
    if before.ended_at is not None:
        raise WrongState(
            f"{before.id} has ended",
            rule="an operator ends once",
            remedy="nothing is to be done",
        )
    return _ROWS.alter(change, "operator.end", before, ended_at=change.at)


def find_operator(connection: Connection, operator_id: str) -> Operator:
    """Look one up; NoSuchRecord."""
    return _ROWS.find(connection, operator_id)


def operators(connection: Connection) -> tuple[Operator, ...]:
    """List them all, the ended ones too."""
    return _ROWS.list(connection)


def recognise(connection: Connection, digest: bytes, at: datetime) -> Operator | None:
    """Find who proves themselves by a token or key of this digest, if they may be let in."""
    query = select(t.operator).where(t.operator.c.digest == digest)
    for row in connection.execute(query):
        found = _operator(row)
        return found if found.is_in_force(at) else None
    return None


def _proof(at: datetime, certificate: str | None) -> tuple[str | None, bytes, datetime]:
    """Return the secret to show, the digest to keep and the latest end."""
    latest = years_later(at, 1)
    if certificate is None:
        secret = TOKEN_MARK + token_urlsafe(TOKEN_BYTES)
        return secret, secret_digest(secret), latest
    key = read_client_certificate(certificate, at)
    return None, key_digest(key.public_key_info), min(latest, key.ends)


def _demand_name(connection: Connection, name: str) -> str:
    tidy = worded(name, "name")
    if folded(tidy).startswith(ACCOUNT_MARK):
        raise BadScope(
            f"{tidy} is how an account of a machine is written",
            rule="the audit trail tells operators from accounts",
            remedy="give the person's own name",
        )
    for each in operators(connection):
        if each.ended_at is None and is_same_person(each.name, tidy):
            raise Duplicate(
                f"{each.id} has that name",
                rule="the audit trail tells operators by their names",
                remedy=f"end {each.id} first, or give another name",
            )
    return tidy


def _demand_new_key(connection: Connection, digest: bytes) -> None:
    query = select(t.operator.c.id).where(t.operator.c.digest == digest)
    for row in connection.scalars(query):
        raise Duplicate(
            f"{ids.label(Kind.OPERATOR, row)} logs in by that key",
            rule="a key tells one operator from all others, for ever",
            remedy="give a certificate with another key",
        )


def _operator(row: Row[Any]) -> Operator:
    return Operator(
        id=ids.label(Kind.OPERATOR, row.id),
        name=row.name,
        role=Role(row.role),
        proof=Proof(row.proof),
        period=Period(row.valid_from, row.valid_to),
        ended_at=row.ended_at,
    )


_ROWS = Rows(kind=Kind.OPERATOR, table=t.operator, read=_operator)
