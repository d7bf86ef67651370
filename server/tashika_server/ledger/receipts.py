"""Receipts of a month: the tree that its statement states, and the list that comes with it.

A verifier recomputes the root from the list, which proves every one of its receipts at once and
shows what has no receipt too. `proof` is for showing one answer to somebody else. Leaves are
kept by the intake (`metering.leaves`).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from sqlalchemy import Connection, select

from tashika.pki import merkle
from tashika.pki.profile import Family
from tashika.pki.receipt import Receipt
from tashika_server.agreements import ids
from tashika_server.agreements.errors import NoSuchRecord
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.terms import Environment, Method
from tashika_server.book import accounts as a
from tashika_server.book import tables as t
from tashika_server.ledger.billable import BillableTable, Fact
from tashika_server.ledger.days import EPOCH, HOUR, Month, day_of, hours_of
from tashika_server.ledger.document import ReceiptCount, ReceiptTree
from tashika_server.ledger.statement import Receipts
from tashika_server.metering.leaves import RECEIPTED
from tashika_server.metering.totals import Total, totals

__all__ = ["Proof", "proof", "receipt_tree", "receipt_trees", "write_leaves"]

AT_ONCE = 5_000
"""Leaves in memory while millions are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That one answer is in a statement (RFC 9162 2.1.3); `merkle.check_proof` checks it."""

    leaf: bytes
    """As `tashika.pki.receipt.leaf` writes it."""
    index: int
    size: int
    path: tuple[bytes, ...]
    root: bytes


def receipt_trees(table: BillableTable) -> Receipts:
    """Return what makes the trees of a month that is closed by this table."""

    def make(connection: Connection, agreement: str, month: Month) -> ReceiptTree | None:
        return receipt_tree(connection, agreement, month, table=table)

    return make


def receipt_tree(
    connection: Connection, agreement: str, month: Month, *, table: BillableTable
) -> ReceiptTree | None:
    """Make the tree of an agreement's month, and count its usage; None if it asks for none."""
    asking = _versions_that_ask(connection, agreement)
    if not asking:
        return None
    tree = merkle.Tree()
    for leaf in _leaves(connection, agreement, month):
        tree.add(merkle.leaf_hash(leaf))
    counts = _counts(connection, agreement, month, table=table, asking=asking)
    return ReceiptTree(receipts=tree.size, root=tree.root(), counts=counts)


def write_leaves(connection: Connection, agreement: str, month: Month, file: BinaryIO) -> int:
    """Write the list of answers that comes with a statement; returns how many.

    Leaves of 82 octets, one after the other, in the order of stream and sequence.
    """
    count = 0
    for count, leaf in enumerate(_leaves(connection, agreement, month), 1):  # noqa: B007
        file.write(leaf)
    return count


def proof(connection: Connection, agreement: str, month: Month, receipt: Receipt) -> Proof:
    """Prove that an answer is in an agreement's month; NoSuchRecord."""
    leaves = list(_leaves(connection, agreement, month))
    place = (receipt.stream, receipt.first.to_bytes(8, "big"))
    for index, leaf in enumerate(leaves):
        if (leaf[1:17], leaf[17:25]) == place:
            hashes = [merkle.leaf_hash(each) for each in leaves]
            return Proof(
                leaf=leaf,
                index=index,
                size=len(leaves),
                path=merkle.proof(hashes, index),
                root=merkle.root(hashes),
            )
    raise NoSuchRecord(
        f"{agreement} has no answer at {receipt.stream.hex()}:{receipt.first} in {month}",
        rule="an answer is in the month of Japan in which it was given",
        remedy="look at the time of the answer, and at the month before or after",
    )


def _leaves(connection: Connection, agreement: str, month: Month) -> Iterator[bytes]:
    table = a.receipt_leaf
    query = (
        select(table.c.leaf)
        .where(table.c.agreement_id == ids.number(Kind.AGREEMENT, agreement))
        .where(table.c.month == str(month))
        .order_by(table.c.stream, table.c.sequence)
    )
    return iter(connection.scalars(query, execution_options={"yield_per": AT_ONCE}))


def _versions_that_ask(connection: Connection, agreement: str) -> frozenset[int]:
    version = t.agreement_version.c
    mine = version.agreement_id == ids.number(Kind.AGREEMENT, agreement)
    query = select(version.number).where(mine, version.receipts)
    return frozenset(connection.scalars(query))


def _counts(
    connection: Connection,
    agreement: str,
    month: Month,
    *,
    table: BillableTable,
    asking: frozenset[int],
) -> tuple[ReceiptCount, ...]:
    row = ids.number(Kind.AGREEMENT, agreement)
    days = tuple(month.days)
    within = a.usage_total.c.hour.between(hours_of(days[0])[0], hours_of(days[-1])[-1])
    test = _is_of_the_test_environment(connection, row)
    counts: Counter[ReceiptCount] = Counter()
    for total in totals(connection, within, a.usage_context.c.agreement_id == row):
        fact = _fact(total)
        carries = fact.method is Method.OCSP and fact.occasion in RECEIPTED
        kind = ReceiptCount(
            day=day_of(EPOCH + total.hour * HOUR),
            family=Family(total.context.family),
            method=fact.method,
            issuer=total.context.issuer,
            fingerprint=total.context.fingerprint,
            standing=total.standing.word,
            delivery=total.delivery.name.lower().replace("_", "-"),
            billable=not test and table.decide(fact).billable,
            receipted=carries and total.context.version in asking,
            count=0,
        )
        counts[kind] += total.answers
    return tuple(replace(kind, count=counts[kind]) for kind in sorted(counts))


def _fact(total: Total) -> Fact:
    return Fact(Method(total.context.method), total.standing, total.occasion, total.delivery)


def _is_of_the_test_environment(connection: Connection, agreement: int) -> bool:
    query = select(t.agreement.c.environment).where(t.agreement.c.id == agreement)
    return connection.scalar(query) == Environment.TEST
