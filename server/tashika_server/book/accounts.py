"""The tables of accounts: journals taken in, usage, tariffs, frozen months, report demands.

Declared as in `tables`, whose metadata they join. Money is whole yen; a day is a day of Japan;
an hour is counted from 1970 in UTC, and each lies in one day of Japan.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from tashika_server.book.tables import Instant, _id, _may, _need, _of, _only, metadata

__all__ = [
    "adjustment",
    "journal_alarm",
    "journal_node",
    "journal_segment",
    "journal_stream",
    "ledger_root",
    "metadata",
    "month",
    "receipt_leaf",
    "report_demand",
    "statement",
    "tariff",
    "usage_context",
    "usage_total",
]

# --- Journals taken in ----------------------------------------------------------------------

journal_node = Table(
    "journal_node",
    metadata,
    Column("node", Text, primary_key=True),
    _need("read_to", Instant),
    _may("retired_at", Instant),
    _only("node", "node <> ''"),
)
"""Up to when each machine's roster of streams has been read, whether or not any was new.

A stream that nobody has read of yet is no row of `journal_stream`; without this the end of a
month could not be told from an intake that stands still.
"""

journal_stream = Table(
    "journal_stream",
    metadata,
    Column("id", Text, primary_key=True),
    _need("node", Text),
    _need("started_at", Instant),
    _need("segment", Integer),
    _need("offset", BigInteger),
    _need("sequence", BigInteger),
    _need("state", Text),
    _may("caught_up_to", Instant),
    _only("id", "length(id) = 32"),
    _only("state", "state IN ('open', 'ended', 'dead', 'missing')"),
    _only("cursor", 'segment >= 0 AND "offset" >= 0 AND sequence >= 0'),
)
"""A worker's journal and how far it is taken in: the next byte and the next number expected.

`ended` and `dead` say that all of it has been taken in and that nothing can follow.
"""

journal_segment = Table(
    "journal_segment",
    metadata,
    Column("stream", Text, ForeignKey("journal_stream.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _need("first", BigInteger),
    _need("records", BigInteger),
    _need("digest", LargeBinary),
    _need("ended_at", Instant),
    _may("purged_at", Instant),
    _only("digest", "length(digest) = 32"),
    _only("records", "first >= 0 AND records >= 0"),
)

usage_context = Table(
    "usage_context",
    metadata,
    _id(),
    _of("verifier"),
    _need("holder_id", BigInteger),
    _of("agreement"),
    _need("version", Integer),
    _need("family", Text),
    _need("issuer", Text),
    _need("fingerprint", LargeBinary),
    _need("method", Text),
    _need("purpose", Text),
    _only("fingerprint", "length(fingerprint) = 32"),
)
"""Who asked for what; `holder_id` 0 is the verifier itself, `purpose` '' one not stated."""
Index("usage_context_ix", *tuple(usage_context.c)[1:], unique=True)

usage_total = Table(
    "usage_total",
    metadata,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("context_id", BigInteger, ForeignKey("usage_context.id"), primary_key=True),
    Column("standing", SmallInteger, primary_key=True, autoincrement=False),
    Column("occasion", SmallInteger, primary_key=True, autoincrement=False),
    Column("delivery", SmallInteger, primary_key=True, autoincrement=False),
    _need("count", BigInteger),
    _only("count", "count > 0"),
    sqlite_with_rowid=False,  # a month is then one run of pages, read in order
)

receipt_leaf = Table(
    "receipt_leaf",
    metadata,
    Column("agreement_id", BigInteger, ForeignKey("agreement.id"), primary_key=True),
    Column("month", Text, primary_key=True),
    Column("stream", Text, ForeignKey("journal_stream.id"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    _need("leaf", LargeBinary),
    _only("month", "length(month) = 7"),
    _only("sequence", "sequence >= 0"),
    _only("leaf", "length(leaf) = 82"),
    sqlite_with_rowid=False,  # a month's tree is then one run of pages, read in order
)
"""Answers that carry a receipt, by month of Japan, each as the leaf of `tashika.pki.receipt`."""

journal_alarm = Table(
    "journal_alarm",
    metadata,
    _id(),
    _need("kind", Text),
    _may("stream", Text),
    _may("segment", Integer),
    _may("offset", BigInteger),
    _need("detail", Text),
    _need("raised_at", Instant),
    _may("settled_at", Instant),
    _may("settled_by", Text),
    _may("reason", Text),
    _only("settled", "(settled_at IS NULL) = (settled_by IS NULL)"),
    _only("reason", "(settled_at IS NULL) = (reason IS NULL)"),
    _only("words", "reason <> '' AND settled_by <> ''"),
)

# --- Money ----------------------------------------------------------------------------------

tariff = Table(
    "tariff",
    metadata,
    _id(),
    _need("method", Text),
    _need("family", Text),
    _may("category", Text),
    _of("verifier", optional=True),
    _may("issuer", Text),
    _need("kind", Text),
    _need("payee", Text),
    _need("yen", BigInteger),
    _need("legal_basis", Text),
    _need("approval", Text),
    _need("valid_from", Date),
    _may("valid_to", Date),
    _need("note", Text),
    _need("entered_by", Text),
    _need("entered_at", Instant),
    _of("tariff", optional=True, name="supersedes"),
    _only("party", "category IS NULL OR verifier_id IS NULL"),
    _only("kind", "kind IN ('list', 'waiver')"),
    _only("yen", "yen >= 0"),
    _only("period", "valid_from < valid_to"),
    _only("words", "payee <> '' AND legal_basis <> '' AND approval <> '' AND entered_by <> ''"),
)
"""Prices of one provision; `valid_to` is the first day no longer. Rows are never altered."""
Index("tariff_supersedes_ix", tariff.c.supersedes, unique=True)

month = Table(
    "month",
    metadata,
    Column("id", Text, primary_key=True),
    _need("frozen_at", Instant),
    _need("frozen_by", Text),
    _need("caught_up_to", Instant),
    _of("tariff", optional=True),
    _need("billable", Text),
    _need("provisions", BigInteger),
    _need("list_yen", BigInteger),
    _need("waived_yen", BigInteger),
    _need("due_yen", BigInteger),
    _need("digest", LargeBinary),
    _only("id", "length(id) = 7"),
    _only("frozen_by", "frozen_by <> ''"),
    _only("sum", "list_yen = waived_yen + due_yen"),
    _only("digest", "length(digest) = 32"),
)
"""A frozen month of Japan, such as 2026-04; `tariff_id` is the newest row it went by."""

statement = Table(
    "statement",
    metadata,
    _id(),
    Column("month", Text, ForeignKey("month.id"), nullable=False),
    _of("agreement"),
    _of("verifier"),
    _need("document", Text),
    _need("digest", LargeBinary),
    _need("list_yen", BigInteger),
    _need("waived_yen", BigInteger),
    _need("due_yen", BigInteger),
    _only("sum", "list_yen = waived_yen + due_yen"),
    _only("digest", "length(digest) = 32"),
    UniqueConstraint("month", "agreement_id"),
)
"""One agreement in one frozen month; `document` is canonical JSON and `digest` its SHA-256."""

adjustment = Table(
    "adjustment",
    metadata,
    _id(),
    _of("statement"),
    _need("yen", BigInteger),
    _need("reason", Text),
    _need("entered_by", Text),
    _need("entered_at", Instant),
    _may("approved_by", Text),
    _may("approved_at", Instant),
    _may("rejected_by", Text),
    _may("rejected_at", Instant),
    _only("yen", "yen <> 0"),
    _only("words", "reason <> '' AND entered_by <> ''"),
    _only("approved", "(approved_by IS NULL) = (approved_at IS NULL)"),
    _only("rejected", "(rejected_by IS NULL) = (rejected_at IS NULL)"),
    _only("decided", "approved_at IS NULL OR rejected_at IS NULL"),
    _only("second_person", "approved_by <> entered_by"),
)
"""A correction of a frozen statement; it is decided once and never altered after that."""
Index("adjustment_statement_ix", adjustment.c.statement_id)

# --- Proof ----------------------------------------------------------------------------------

ledger_root = Table(
    "ledger_root",
    metadata,
    Column("day", Date, primary_key=True),
    _need("first", BigInteger),
    _need("last", BigInteger),
    _need("root", LargeBinary),
    _need("previous", LargeBinary),
    _need("key", LargeBinary),
    _need("closed_at", Instant),
    _need("signature", LargeBinary),
    _only("entries", "first BETWEEN 1 AND last"),
    _only("root", "length(root) = 32"),
    _only("previous", "length(previous) = 32"),
)
"""What is signed of a day's entries of the trail (docs/ledger.md). Rows are never altered."""

# --- Reports --------------------------------------------------------------------------------

report_demand = Table(
    "report_demand",
    metadata,
    _id(),
    _of("verifier"),
    _need("demanded_at", Instant),
    _need("due", Date),
    _need("subject", Text),
    _may("answered_at", Instant),
    _need("reference", Text),
    _need("note", Text),
    _only("subject", "subject <> ''"),
    _only("answered", "answered_at >= demanded_at"),
)
"""What the minister or the operator has demanded a report about (art. 66)."""
Index("report_demand_verifier_ix", report_demand.c.verifier_id)
