"""Contexts of usage as rows of the book, each checked against the registry before it counts.

A journal is a file: what it says of verifiers and agreements is believed only where the
registry knows them. Not for what a context is (`usage`).
"""

import re
from collections.abc import Collection, Container, Iterable
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from tashika_server.book.accounts import usage_context
from tashika_server.book.tables import agreement, agreement_version, holder
from tashika_server.metering.errors import MeteringError
from tashika_server.metering.usage import Context

__all__ = ["Stranger", "check_context", "context_of", "context_rows", "known_among", "row_of"]

_FORM = re.compile(r"([AHV])-([0-9]{6,18})")
_ITSELF = 0
"""The holder where a verifier asks for itself."""


class Stranger(MeteringError):
    """The registry does not know a party or an agreement; says which, always in the same words."""


def context_rows(
    connection: Connection, contexts: Collection[Context], *, left_out: Container[str]
) -> dict[Context, int]:
    """Return the row of each context, which is added where there is none; raises Stranger.

    A context of which Stranger says a text that is `left_out` has none.
    """
    verifiers = {row_of(each.verifier) for each in contexts}
    query = select(usage_context).where(usage_context.c.verifier_id.in_(verifiers))
    known = {context_of(row): row.id for row in connection.execute(query)}
    for each in set(contexts) - known.keys():
        try:
            check_context(connection, each)
        except Stranger as stranger:
            if str(stranger) not in left_out:
                raise
        else:
            known[each] = _add(connection, each)
    return known


def known_among(connection: Connection, contexts: Iterable[Context]) -> frozenset[Context]:
    """Leave out whom the registry does not know: of what was taken in, a person has done so."""

    def is_known(context: Context) -> bool:
        try:
            check_context(connection, context)
        except Stranger:
            return False
        return True

    return frozenset(filter(is_known, contexts))


def check_context(connection: Connection, context: Context) -> None:
    """Raise Stranger unless the registry has all that a context names, and together."""
    verifier, agreed, held_by = map(row_of, (context.verifier, context.agreement, context.holder))
    version = agreement_version.c.number == context.version
    known = select(agreement.c.id).join(agreement_version)
    mine = (agreement.c.id == agreed, agreement.c.verifier_id == verifier)
    if connection.scalar(known.where(version, *mine)) is None:
        raise Stranger(
            f"the registry has no version {context.version} of {context.agreement!r} "
            f"with {context.verifier!r}"
        )
    theirs = (holder.c.id == held_by, holder.c.verifier_id == verifier)
    if context.holder and connection.scalar(select(holder.c.id).where(*theirs)) is None:
        raise Stranger(f"the registry has no {context.holder!r} of {context.verifier!r}")


def context_of(row: Row[Any]) -> Context:
    """Read a context from a row that has the columns of its table."""
    return Context(
        verifier=_label("V", row.verifier_id),
        holder="" if row.holder_id == _ITSELF else _label("H", row.holder_id),
        agreement=_label("A", row.agreement_id),
        version=row.version,
        family=row.family,
        issuer=row.issuer,
        fingerprint=row.fingerprint,
        method=row.method,
        purpose=row.purpose,
    )


def row_of(name: str) -> int:
    """Return the row that an id such as V-000001 names; 0, which no row has, if it is none."""
    form = _FORM.fullmatch(name)
    row = int(form[2]) if form else 0
    return row if form and _label(form[1], row) == name else 0


def _add(connection: Connection, context: Context) -> int:
    row = 1 + (connection.scalar(select(func.max(usage_context.c.id))) or 0)
    values = {
        "verifier_id": row_of(context.verifier),
        "holder_id": row_of(context.holder),
        "agreement_id": row_of(context.agreement),
        "version": context.version,
        "family": context.family,
        "issuer": context.issuer,
        "fingerprint": context.fingerprint,
        "method": context.method,
        "purpose": context.purpose,
    }
    connection.execute(insert(usage_context).values(id=row, **values))
    return row


def _label(letter: str, row: int) -> str:
    return f"{letter}-{row:06d}"
