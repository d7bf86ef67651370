"""The leaves of answers that carry receipts, kept for the Merkle tree of their month.

Written by the intake, for the versions of agreements that ask for receipts. Not for the tree,
which `ledger.receipts` makes when the month is closed.
"""

from collections.abc import Container, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from tashika.pki.receipt import leaf
from tashika_server.book.accounts import month, receipt_leaf
from tashika_server.book.tables import agreement_version
from tashika_server.metering.contexts import row_of
from tashika_server.metering.reading import Cursor, read_page
from tashika_server.metering.usage import Context, Occasion, Usage, month_of

__all__ = ["RECEIPTED", "Leaf", "asking", "keep_leaves", "leaves_of", "read_again"]

RECEIPTED = frozenset({Occasion.FRESH, Occasion.RETRY})
"""Occasions of answers that were signed for this very question: the others say no new place."""
AT_ONCE = 5_000
"""Rows in one statement: of a run of a quarter of a million, not all are made at a time."""

_OCSP = "ocsp"
_SECOND = 1_000_000
_HOUR = 3600


class Leaf(NamedTuple):
    """One answer with a receipt."""

    context: Context
    month: str
    """Of Japan, such as `2026-04`."""
    sequence: int
    octets: bytes


def asking(connection: Connection, contexts: Iterable[Context]) -> frozenset[Context]:
    """Tell which contexts have receipts: over OCSP, by a version that asks for them."""
    mine = [each for each in contexts if each.method == _OCSP]
    if not mine:
        return frozenset()
    version = agreement_version.c
    query = select(version.agreement_id, version.number).where(version.receipts)
    asks = {tuple(row) for row in connection.execute(query)}
    return frozenset(each for each in mine if (row_of(each.agreement), each.version) in asks)


def leaves_of(stream: str, usages: Iterable[Usage], among: Container[Context]) -> tuple[Leaf, ...]:
    """Make the leaves of those answers of a stream whose context is `among` those that ask."""
    own = bytes.fromhex(stream)
    return tuple(
        _leaf(own, each) for each in usages if each.occasion in RECEIPTED and each.context in among
    )


def keep_leaves(connection: Connection, stream: str, leaves: Iterable[Leaf]) -> None:
    """Keep leaves of a stream's answers, in the transaction that counts them.

    An answer that comes too late for its month has none: what was stated of it stays.
    """
    frozen: frozenset[str] | None = None
    rest = iter(leaves)
    while some := list(islice(rest, AT_ONCE)):
        if frozen is None:
            frozen = frozenset(connection.scalars(select(month.c.id)))
        if rows := [_row(stream, each) for each in some if each.month not in frozen]:
            connection.execute(insert(receipt_leaf), rows)


def read_again(directory: Path, begin: Cursor, end: Cursor) -> Iterator[Usage]:
    """Read the answers between two cursors that a reader has come by; raises OSError."""
    while begin.sequence < end.sequence:
        page = read_page(directory, begin)
        yield from (each for each in page.usages if each.sequence < end.sequence)
        if page.cursor == begin:
            raise OSError(f"{directory} has no answer {begin.sequence} any more")
        begin = page.cursor


def _row(stream: str, each: Leaf) -> dict[str, Any]:
    return {
        "agreement_id": row_of(each.context.agreement),
        "month": each.month,
        "stream": stream,
        "sequence": each.sequence,
        "leaf": each.octets,
    }


def _leaf(stream: bytes, usage: Usage) -> Leaf:
    second = usage.at // _SECOND
    context = usage.context
    return Leaf(
        context,
        month_of(second // _HOUR),
        usage.sequence,
        leaf(stream, usage.sequence, second, context.fingerprint, usage.pseudonym, usage.standing),
    )
