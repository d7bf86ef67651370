"""The leaves of answers that carry receipts, kept for the Merkle tree of their month.

Written by the intake, for the versions of agreements that ask for receipts. Not for the tree,
which `ledger.receipts` makes when the month is closed.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, and_, insert, select

from tashika.pki.receipt import leaf
from tashika_server.book.accounts import month, receipt_leaf, usage_context
from tashika_server.book.tables import agreement_version
from tashika_server.metering.contexts import context_of
from tashika_server.metering.reading import Cursor, read_page
from tashika_server.metering.usage import Context, Occasion, Usage

__all__ = ["RECEIPTED", "keep_leaves", "read_again"]

RECEIPTED = frozenset({Occasion.FRESH, Occasion.RETRY})
"""Occasions of answers that were signed for this very question: the others say no new place."""

_OCSP = "ocsp"
_SECOND = 1_000_000
_JST = 9 * 3600
_DAY = 24 * 3600


def keep_leaves(
    connection: Connection, stream: str, contexts: Collection[Context], usages: Iterable[Usage]
) -> None:
    """Write a leaf for each answer that has a receipt; in the transaction that counts it.

    `contexts` are those of `usages`, which are not even read where none of them asks. An answer
    that comes too late for its month has none: what was stated of a frozen month stays.
    """
    asking = _asking(connection, contexts) if contexts else {}
    if not asking:
        return
    frozen = frozenset(connection.scalars(select(month.c.id)))
    leaves = [
        _row(asking[each.context], stream, each)
        for each in usages
        if each.occasion in RECEIPTED and each.context in asking
    ]
    if in_time := [each for each in leaves if each["month"] not in frozen]:
        connection.execute(insert(receipt_leaf), in_time)


def read_again(directory: Path, begin: Cursor, end: Cursor) -> Iterator[Usage]:
    """Read the answers between two cursors that a reader has come by; raises OSError."""
    while begin.sequence < end.sequence:
        page = read_page(directory, begin)
        yield from (each for each in page.usages if each.sequence < end.sequence)
        if page.cursor == begin:
            raise OSError(f"{directory} has no answer {begin.sequence} any more")
        begin = page.cursor


def _asking(connection: Connection, contexts: Collection[Context]) -> dict[Context, int]:
    """Return those that count and whose version asks for receipts, with the agreement's row."""
    version, context = agreement_version.c, usage_context.c
    its = and_(version.agreement_id == context.agreement_id, version.number == context.version)
    asks = and_(version.receipts, context.method == _OCSP)
    query = select(usage_context).join(agreement_version, its).where(asks)
    known = {context_of(row): row.agreement_id for row in connection.execute(query)}
    return {each: known[each] for each in contexts if each in known}


def _row(agreement: int, stream: str, usage: Usage) -> dict[str, Any]:
    second = usage.at // _SECOND
    return {
        "agreement_id": agreement,
        "month": _month((second + _JST) // _DAY),
        "stream": stream,
        "sequence": usage.sequence,
        "leaf": leaf(
            bytes.fromhex(stream),
            usage.sequence,
            second,
            usage.context.fingerprint,
            usage.pseudonym,
            usage.standing,
        ),
    }


@lru_cache(maxsize=64)
def _month(day: int) -> str:
    """Name the month of a day of Japan, counted from 1970."""
    return f"{date(1970, 1, 1) + timedelta(days=day):%Y-%m}"
