"""A credential as the registry keeps it, and how it lies in the table.

The row has the digest of a token or of a key, never a secret.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from tashika_server.agreements import ids
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.rows import Rows
from tashika_server.agreements.terms import Credential, CredentialKind
from tashika_server.book import Change
from tashika_server.book import tables as t

__all__ = [
    "ROWS",
    "Registered",
    "credentials",
    "credentials_under",
    "find_credential",
    "insert_credential",
    "same_credentials",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A credential under its agreement."""

    agreement: str
    label: str
    """What people call it by."""
    credential: Credential

    @property
    def id(self) -> str:
        """The credential's id."""
        return self.credential.id


def insert_credential(change: Change, drafted: Registered) -> Registered:
    """Write a new credential and return it with its id."""
    its = drafted.credential
    return ROWS.add(
        change,
        "credential.issue",
        agreement_id=ids.number(Kind.AGREEMENT, drafted.agreement),
        holder_id=ids.number(Kind.HOLDER, its.holder),
        kind=its.kind,
        digest=its.digest,
        subject=its.subject,
        authority=its.authority,
        barred=[],
        label=drafted.label,
        valid_from=its.valid_from,
        valid_to=its.valid_to,
        rate=its.rate,
        burst=its.burst,
    )


def find_credential(connection: Connection, credential_id: str) -> Registered:
    """Look one up; NoSuchRecord."""
    return ROWS.find(connection, credential_id)


def credentials(connection: Connection, agreement_id: str | None = None) -> tuple[Registered, ...]:
    """List the credentials of one agreement, or of all, the ended ones too."""
    return ROWS.list(connection, agreement_id)


def credentials_under(connection: Connection, verifier_id: str | None) -> tuple[Registered, ...]:
    """List the credentials under all agreements of one verifier, or of all."""
    if verifier_id is None:
        return credentials(connection)
    its = t.agreement.c.verifier_id == ids.number(Kind.VERIFIER, verifier_id)
    agreed = select(t.agreement.c.id).where(its)
    return ROWS.list(connection, None, t.credential.c.agreement_id.in_(agreed))


def same_credentials(connection: Connection, like: Credential) -> Iterator[tuple[str, Registered]]:
    """Find those that the same key or subject would prove, each with its verifier."""
    query = (
        select(t.agreement.c.verifier_id, t.credential)
        .join(t.agreement, t.agreement.c.id == t.credential.c.agreement_id)
        .where(t.credential.c.kind == like.kind, t.credential.c.digest == like.digest)
        .order_by(t.credential.c.id)
    )
    for row in connection.execute(query):
        if row.subject == like.subject:
            yield ids.label(Kind.VERIFIER, row.verifier_id), _registered(row)


def _registered(row: Row[Any]) -> Registered:
    return Registered(
        agreement=ids.label(Kind.AGREEMENT, row.agreement_id),
        label=row.label,
        credential=Credential(
            id=ids.label(Kind.CREDENTIAL, row.id),
            kind=CredentialKind(row.kind),
            digest=row.digest,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            subject=row.subject,
            authority=row.authority,
            barred=frozenset(map(bytes.fromhex, row.barred)),
            holder=ids.label(Kind.HOLDER, row.holder_id),
            revoked_at=row.revoked_at,
            rate=row.rate,
            burst=row.burst,
        ),
    )


ROWS = Rows(kind=Kind.CREDENTIAL, table=t.credential, read=_registered, owner=Kind.AGREEMENT)
