"""Receipts of a month: the tree that its statement states, and the list that comes with it.

A verifier recomputes the root from the list, which proves every one of its receipts at once and
shows what has no receipt too. `proof` is for showing one answer to somebody else. Leaves are
kept by the intake (`metering.leaves`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, BinaryIO

from sqlalchemy import BigInteger, Connection, Select, cast, func, select

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
from tashika_server.ledger.days import DAY, Month, hours_of
from tashika_server.ledger.document import Document, ReceiptCount, ReceiptTree
from tashika_server.ledger.errors import StatementAltered
from tashika_server.ledger.statement import Receipts, Trees
from tashika_server.metering.contexts import context_of
from tashika_server.metering.leaves import RECEIPTED
from tashika_server.metering.usage import Delivery, Occasion, StandingCode

__all__ = ["Proof", "proof", "receipt_trees", "write_leaves"]

AT_ONCE = 5_000
"""Leaves in memory while millions are read."""
BEGINNING = date(1970, 1, 1)
JST_HOURS, HOURS_A_DAY = 9, 24


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

    def of_month(connection: Connection, month: Month) -> Trees:
        asking = _versions_that_ask(connection)
        counts = _counts(connection, month, table, asking) if asking else {}

        def tree(agreement: str) -> ReceiptTree | None:
            if agreement not in asking:
                return None
            grown = merkle.Tree()
            for leaf in _leaves(connection, agreement, month):
                grown.add(merkle.leaf_hash(leaf))
            counted = counts.get(agreement, Counter())
            return ReceiptTree(
                receipts=grown.size,
                root=grown.root(),
                counts=tuple(replace(kind, count=counted[kind]) for kind in sorted(counted)),
            )

        return tree

    return of_month


def write_leaves(connection: Connection, document: Document, file: BinaryIO) -> int:
    """Write the list of answers that comes with a statement; returns how many.

    Leaves of 82 octets, one after the other, in the order of stream and sequence. Raises
    StatementAltered at the end unless they come to what the statement says.
    """
    tree = merkle.Tree()
    for leaf in _leaves(connection, document.agreement, Month.read(document.month)):
        tree.add(merkle.leaf_hash(leaf))
        file.write(leaf)
    _demand_stated(document, tree.size, tree.root())
    return tree.size


def proof(connection: Connection, document: Document, receipt: Receipt) -> Proof:
    """Prove that an answer is in a statement; NoSuchRecord, StatementAltered."""
    leaves = list(_leaves(connection, document.agreement, Month.read(document.month)))
    hashes = [merkle.leaf_hash(each) for each in leaves]
    root = merkle.root(hashes)
    _demand_stated(document, len(leaves), root)
    place = (receipt.stream, receipt.first.to_bytes(8, "big"))
    for index, leaf in enumerate(leaves):
        if (leaf[1:17], leaf[17:25]) == place:
            path = merkle.proof(hashes, index)
            return Proof(leaf=leaf, index=index, size=len(leaves), path=path, root=root)
    raise NoSuchRecord(
        f"{document.agreement} has no answer at {receipt.stream.hex()}:{receipt.first} "
        f"in {document.month}",
        rule="an answer is in the month of Japan in which it was given",
        remedy="look at the time of the answer, and at the month before or after",
    )


def _demand_stated(document: Document, size: int, root: bytes) -> None:
    stated = document.receipts
    if stated is None:
        raise NoSuchRecord(
            f"{document.agreement} had no receipts in {document.month}",
            rule="an answer is proved by its receipt",
            remedy="agree on receipts: `tashika-server agreement change --receipts yes`",
        )
    if (size, root) != (stated.receipts, stated.root):
        raise StatementAltered(
            f"the answers of {document.agreement} in {document.month} are not as they were stated",
            rule="a statement names the root of its answers",
            remedy="restore the book from a copy, and look at the ledger's roots",
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


def _versions_that_ask(connection: Connection) -> dict[str, frozenset[int]]:
    """Tell by agreement which of its versions ask for receipts; not of those that never did."""
    version = t.agreement_version.c
    found: dict[str, set[int]] = defaultdict(set)
    for agreement, number in connection.execute(
        select(version.agreement_id, version.number).where(version.receipts)
    ):
        found[ids.label(Kind.AGREEMENT, agreement)].add(number)
    return {agreement: frozenset(numbers) for agreement, numbers in found.items()}


# --- Counts ---------------------------------------------------------------------------------


def _counts(
    connection: Connection,
    month: Month,
    table: BillableTable,
    asking: Mapping[str, frozenset[int]],
) -> dict[str, Counter[ReceiptCount]]:
    """Count by day and kind what the agreements used that ask for receipts: one query for all."""
    counts: dict[str, Counter[ReceiptCount]] = defaultdict(Counter)
    for row in connection.execute(_usage(month)):
        context = context_of(row)
        standing, delivery = StandingCode(row.standing), Delivery(row.delivery)
        fact = Fact(Method(context.method), standing, Occasion(row.occasion), delivery)
        carries = fact.method is Method.OCSP and fact.occasion in RECEIPTED
        kind = ReceiptCount(
            day=BEGINNING + row.day * DAY,
            family=Family(context.family),
            method=fact.method,
            issuer=context.issuer,
            fingerprint=context.fingerprint,
            standing=standing.word,
            delivery=delivery.word,
            billable=row.environment != Environment.TEST and table.decide(fact).billable,
            receipted=carries and context.version in asking[context.agreement],
            count=0,
        )
        counts[context.agreement][kind] += row.answers
    return counts


def _usage(month: Month) -> Select[Any]:
    total, context = a.usage_total.c, a.usage_context.c
    asking = select(t.agreement_version.c.agreement_id).where(t.agreement_version.c.receipts)
    hours = (hours_of(month.first)[0], hours_of(month.after - DAY)[-1])
    kinds = (
        *context,
        t.agreement.c.environment,
        ((total.hour + JST_HOURS) // HOURS_A_DAY).label("day"),
        total.standing,
        total.occasion,
        total.delivery,
    )
    # PostgreSQL adds BIGINTs up to a NUMERIC, which would reach us as a Decimal.
    answers = cast(func.sum(total.count), BigInteger).label("answers")
    return (
        select(*kinds, answers)
        .join_from(a.usage_total, a.usage_context)
        .join(t.agreement, context.agreement_id == t.agreement.c.id)
        .where(total.hour.between(*hours), context.agreement_id.in_(asking))
        .group_by(*kinds)
    )
