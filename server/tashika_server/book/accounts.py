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

from tashika_server.book.columns import Instant, may, metadata, need, of, only, row_id

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
    need("read_to", Instant),
    may("retired_at", Instant),
    only("node", "node <> ''"),
)
"""Up to when each machine's roster of streams has been read, whether or not any was new.

A stream that nobody has read of yet is no row of `journal_stream`; without this the end of a
month could not be told from an intake that stands still.
"""

journal_stream = Table(
    "journal_stream",
    metadata,
    Column("id", Text, primary_key=True),
    need("node", Text),
    need("started_at", Instant),
    need("segment", Integer),
    need("offset", BigInteger),
    need("sequence", BigInteger),
    need("state", Text),
    may("caught_up_to", Instant),
    only("id", "length(id) = 32"),
    only("state", "state IN ('open', 'ended', 'dead', 'missing')"),
    only("cursor", 'segment >= 0 AND "offset" >= 0 AND sequence >= 0'),
)
"""A worker's journal and how far it is taken in: the next byte and the next number expected.

`ended` and `dead` say that all of it has been taken in and that nothing can follow.
"""

journal_segment = Table(
    "journal_segment",
    metadata,
    Column("stream", Text, ForeignKey("journal_stream.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    need("first", BigInteger),
    need("records", BigInteger),
    need("digest", LargeBinary),
    need("ended_at", Instant),
    may("purged_at", Instant),
    only("digest", "length(digest) = 32"),
    only("records", "first >= 0 AND records >= 0"),
)

usage_context = Table(
    "usage_context",
    metadata,
    row_id(),
    of("verifier"),
    need("holder_id", BigInteger),
    of("agreement"),
    need("version", Integer),
    need("family", Text),
    need("issuer", Text),
    need("fingerprint", LargeBinary),
    need("method", Text),
    need("purpose", Text),
    only("fingerprint", "length(fingerprint) = 32"),
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
    need("count", BigInteger),
    only("count", "count > 0"),
    sqlite_with_rowid=False,  # a month is then one run of pages, read in order
)

receipt_leaf = Table(
    "receipt_leaf",
    metadata,
    Column("agreement_id", BigInteger, ForeignKey("agreement.id"), primary_key=True),
    Column("month", Text, primary_key=True),
    Column("stream", Text, ForeignKey("journal_stream.id"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    need("leaf", LargeBinary),
    only("month", "length(month) = 7"),
    only("sequence", "sequence >= 0"),
    only("leaf", "length(leaf) = 82"),
    sqlite_with_rowid=False,  # a month's tree is then one run of pages, read in order
)
"""Answers that carry a receipt, by month of Japan, each as the leaf of `tashika.pki.receipt`."""

journal_alarm = Table(
    "journal_alarm",
    metadata,
    row_id(),
    need("kind", Text),
    may("stream", Text),
    may("segment", Integer),
    may("offset", BigInteger),
    need("detail", Text),
    need("raised_at", Instant),
    may("settled_at", Instant),
    may("settled_by", Text),
    may("reason", Text),
    only("settled", "(settled_at IS NULL) = (settled_by IS NULL)"),
    only("reason", "(settled_at IS NULL) = (reason IS NULL)"),
    only("words", "reason <> '' AND settled_by <> ''"),
)

# --- Money ----------------------------------------------------------------------------------

tariff = Table(
    "tariff",
    metadata,
    row_id(),
    need("method", Text),
    need("family", Text),
    may("category", Text),
    of("verifier", optional=True),
    may("issuer", Text),
    need("kind", Text),
    need("payee", Text),
    need("yen", BigInteger),
    need("legal_basis", Text),
    need("approval", Text),
    need("valid_from", Date),
    may("valid_to", Date),
    need("note", Text),
    need("entered_by", Text),
    need("entered_at", Instant),
    of("tariff", optional=True, name="supersedes"),
    only("party", "category IS NULL OR verifier_id IS NULL"),
    only("kind", "kind IN ('list', 'waiver')"),
    only("yen", "yen >= 0"),
    only("period", "valid_from < valid_to"),
    only("words", "payee <> '' AND legal_basis <> '' AND approval <> '' AND entered_by <> ''"),
)
"""Prices of one provision; `valid_to` is the first day no longer. Rows are never altered."""
Index("tariff_supersedes_ix", tariff.c.supersedes, unique=True)

month = Table(
    "month",
    metadata,
    Column("id", Text, primary_key=True),
    need("frozen_at", Instant),
    need("frozen_by", Text),
    need("caught_up_to", Instant),
    of("tariff", optional=True),
    need("billable", Text),
    need("provisions", BigInteger),
    need("list_yen", BigInteger),
    need("waived_yen", BigInteger),
    need("due_yen", BigInteger),
    need("digest", LargeBinary),
    only("id", "length(id) = 7"),
    only("frozen_by", "frozen_by <> ''"),
    only("sum", "list_yen = waived_yen + due_yen"),
    only("digest", "length(digest) = 32"),
)
"""A frozen month of Japan, such as 2026-04; `tariff_id` is the newest row it went by."""

statement = Table(
    "statement",
    metadata,
    row_id(),
    Column("month", Text, ForeignKey("month.id"), nullable=False),
    of("agreement"),
    of("verifier"),
    need("document", Text),
    need("digest", LargeBinary),
    need("list_yen", BigInteger),
    need("waived_yen", BigInteger),
    need("due_yen", BigInteger),
    only("sum", "list_yen = waived_yen + due_yen"),
    only("digest", "length(digest) = 32"),
    UniqueConstraint("month", "agreement_id"),
)
"""One agreement in one frozen month; `document` is canonical JSON and `digest` its SHA-256."""

adjustment = Table(
    "adjustment",
    metadata,
    row_id(),
    of("statement"),
    need("yen", BigInteger),
    need("reason", Text),
    need("entered_by", Text),
    need("entered_at", Instant),
    may("approved_by", Text),
    may("approved_at", Instant),
    may("rejected_by", Text),
    may("rejected_at", Instant),
    only("yen", "yen <> 0"),
    only("words", "reason <> '' AND entered_by <> ''"),
    only("approved", "(approved_by IS NULL) = (approved_at IS NULL)"),
    only("rejected", "(rejected_by IS NULL) = (rejected_at IS NULL)"),
    only("decided", "approved_at IS NULL OR rejected_at IS NULL"),
    only("second_person", "approved_by <> entered_by"),
)
"""A correction of a frozen statement; it is decided once and never altered after that."""
Index("adjustment_statement_ix", adjustment.c.statement_id)

# --- Proof ----------------------------------------------------------------------------------

ledger_root = Table(
    "ledger_root",
    metadata,
    Column("day", Date, primary_key=True),
    need("first", BigInteger),
    need("last", BigInteger),
    need("root", LargeBinary),
    need("previous", LargeBinary),
    need("key", LargeBinary),
    need("closed_at", Instant),
    need("signature", LargeBinary),
    only("entries", "first BETWEEN 1 AND last"),
    only("root", "length(root) = 32"),
    only("previous", "length(previous) = 32"),
)
"""What is signed of a day's entries of the trail (docs/ledger.md). Rows are never altered."""

# --- Reports --------------------------------------------------------------------------------

report_demand = Table(
    "report_demand",
    metadata,
    row_id(),
    of("verifier"),
    need("demanded_at", Instant),
    need("due", Date),
    need("subject", Text),
    may("answered_at", Instant),
    need("reference", Text),
    need("note", Text),
    only("subject", "subject <> ''"),
    only("answered", "answered_at >= demanded_at"),
)
"""What the minister or the operator has demanded a report about (art. 66)."""
Index("report_demand_verifier_ix", report_demand.c.verifier_id)
