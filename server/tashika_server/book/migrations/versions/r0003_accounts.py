"""Accounts: journals taken in, usage, tariffs, frozen months, report demands.

Revision ID: 0003
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables of accounts; money that is written down stays as it was written."""
    _journals()
    _money()
    statements = {"sqlite": _sqlite_triggers, "postgresql": _postgresql_triggers}
    for statement in statements[op.get_context().dialect.name]():
        op.execute(statement)


def _journals() -> None:
    op.create_table(
        "journal_node",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("read_to", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("node <> ''", name=op.f("journal_node_node_ck")),
        sa.PrimaryKeyConstraint("node", name=op.f("journal_node_pk")),
    )
    op.create_table(
        "journal_stream",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("caught_up_to", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'ended', 'dead', 'missing')", name=op.f("journal_stream_state_ck")
        ),
        sa.CheckConstraint("length(id) = 32", name=op.f("journal_stream_id_ck")),
        sa.CheckConstraint(
            'segment >= 0 AND "offset" >= 0 AND sequence >= 0',
            name=op.f("journal_stream_cursor_ck"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("journal_stream_pk")),
    )
    op.create_table(
        "journal_segment",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("purged_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("first >= 0 AND records >= 0", name=op.f("journal_segment_records_ck")),
        sa.CheckConstraint("length(digest) = 32", name=op.f("journal_segment_digest_ck")),
        sa.ForeignKeyConstraint(
            ["stream"], ["journal_stream.id"], name=op.f("journal_segment_stream_fk")
        ),
        sa.PrimaryKeyConstraint("stream", "number", name=op.f("journal_segment_pk")),
    )
    op.create_table(
        "usage_context",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("verifier_id", sa.BigInteger(), nullable=False),
        sa.Column("holder_id", sa.BigInteger(), nullable=False),
        sa.Column("agreement_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.CheckConstraint("length(fingerprint) = 32", name=op.f("usage_context_fingerprint_ck")),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreement.id"], name=op.f("usage_context_agreement_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["verifier_id"], ["verifier.id"], name=op.f("usage_context_verifier_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("usage_context_pk")),
    )
    op.create_index(
        "usage_context_ix",
        "usage_context",
        [
            "verifier_id",
            "holder_id",
            "agreement_id",
            "version",
            "family",
            "issuer",
            "fingerprint",
            "method",
            "purpose",
        ],
        unique=True,
    )
    op.create_table(
        "usage_total",
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("context_id", sa.BigInteger(), nullable=False),
        sa.Column("standing", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("occasion", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("delivery", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("count > 0", name=op.f("usage_total_count_ck")),
        sa.ForeignKeyConstraint(
            ["context_id"], ["usage_context.id"], name=op.f("usage_total_context_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "hour", "context_id", "standing", "occasion", "delivery", name=op.f("usage_total_pk")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "journal_alarm",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=True),
        sa.Column("segment", sa.Integer(), nullable=True),
        sa.Column("offset", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "reason <> '' AND settled_by <> ''", name=op.f("journal_alarm_words_ck")
        ),
        sa.CheckConstraint(
            "(settled_at IS NULL) = (reason IS NULL)", name=op.f("journal_alarm_reason_ck")
        ),
        sa.CheckConstraint(
            "(settled_at IS NULL) = (settled_by IS NULL)", name=op.f("journal_alarm_settled_ck")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("journal_alarm_pk")),
    )


def _money() -> None:
    op.create_table(
        "tariff",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("verifier_id", sa.BigInteger(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payee", sa.Text(), nullable=False),
        sa.Column("yen", sa.BigInteger(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("approval", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("supersedes", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('list', 'waiver')", name=op.f("tariff_kind_ck")),
        sa.CheckConstraint(
            "payee <> '' AND legal_basis <> '' AND approval <> '' AND entered_by <> ''",
            name=op.f("tariff_words_ck"),
        ),
        sa.CheckConstraint("category IS NULL OR verifier_id IS NULL", name=op.f("tariff_party_ck")),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("tariff_period_ck")),
        sa.CheckConstraint("yen >= 0", name=op.f("tariff_yen_ck")),
        sa.ForeignKeyConstraint(["supersedes"], ["tariff.id"], name=op.f("tariff_supersedes_fk")),
        sa.ForeignKeyConstraint(
            ["verifier_id"], ["verifier.id"], name=op.f("tariff_verifier_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("tariff_pk")),
    )
    op.create_index("tariff_supersedes_ix", "tariff", ["supersedes"], unique=True)
    op.create_table(
        "month",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("frozen_at", sa.BigInteger(), nullable=False),
        sa.Column("frozen_by", sa.Text(), nullable=False),
        sa.Column("caught_up_to", sa.BigInteger(), nullable=False),
        sa.Column("tariff_id", sa.BigInteger(), nullable=True),
        sa.Column("billable", sa.Text(), nullable=False),
        sa.Column("provisions", sa.BigInteger(), nullable=False),
        sa.Column("list_yen", sa.BigInteger(), nullable=False),
        sa.Column("waived_yen", sa.BigInteger(), nullable=False),
        sa.Column("due_yen", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("frozen_by <> ''", name=op.f("month_frozen_by_ck")),
        sa.CheckConstraint("length(digest) = 32", name=op.f("month_digest_ck")),
        sa.CheckConstraint("length(id) = 7", name=op.f("month_id_ck")),
        sa.CheckConstraint("list_yen = waived_yen + due_yen", name=op.f("month_sum_ck")),
        sa.ForeignKeyConstraint(["tariff_id"], ["tariff.id"], name=op.f("month_tariff_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("month_pk")),
    )
    op.create_table(
        "statement",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("agreement_id", sa.BigInteger(), nullable=False),
        sa.Column("verifier_id", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("list_yen", sa.BigInteger(), nullable=False),
        sa.Column("waived_yen", sa.BigInteger(), nullable=False),
        sa.Column("due_yen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(digest) = 32", name=op.f("statement_digest_ck")),
        sa.CheckConstraint("list_yen = waived_yen + due_yen", name=op.f("statement_sum_ck")),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreement.id"], name=op.f("statement_agreement_id_fk")
        ),
        sa.ForeignKeyConstraint(["month"], ["month.id"], name=op.f("statement_month_fk")),
        sa.ForeignKeyConstraint(
            ["verifier_id"], ["verifier.id"], name=op.f("statement_verifier_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("statement_pk")),
        sa.UniqueConstraint("month", "agreement_id", name=op.f("statement_month_agreement_id_uq")),
    )
    op.create_table(
        "adjustment",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("statement_id", sa.BigInteger(), nullable=False),
        sa.Column("yen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.BigInteger(), nullable=True),
        sa.Column("rejected_by", sa.Text(), nullable=True),
        sa.Column("rejected_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("reason <> '' AND entered_by <> ''", name=op.f("adjustment_words_ck")),
        sa.CheckConstraint(
            "(approved_by IS NULL) = (approved_at IS NULL)", name=op.f("adjustment_approved_ck")
        ),
        sa.CheckConstraint(
            "(rejected_by IS NULL) = (rejected_at IS NULL)", name=op.f("adjustment_rejected_ck")
        ),
        sa.CheckConstraint(
            "approved_at IS NULL OR rejected_at IS NULL", name=op.f("adjustment_decided_ck")
        ),
        sa.CheckConstraint("approved_by <> entered_by", name=op.f("adjustment_second_person_ck")),
        sa.CheckConstraint("yen <> 0", name=op.f("adjustment_yen_ck")),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statement.id"], name=op.f("adjustment_statement_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("adjustment_pk")),
    )
    op.create_index("adjustment_statement_ix", "adjustment", ["statement_id"], unique=False)
    op.create_table(
        "report_demand",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("verifier_id", sa.BigInteger(), nullable=False),
        sa.Column("demanded_at", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("subject <> ''", name=op.f("report_demand_subject_ck")),
        sa.CheckConstraint("answered_at >= demanded_at", name=op.f("report_demand_answered_ck")),
        sa.ForeignKeyConstraint(
            ["verifier_id"], ["verifier.id"], name=op.f("report_demand_verifier_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("report_demand_pk")),
    )
    op.create_index("report_demand_verifier_ix", "report_demand", ["verifier_id"], unique=False)


FINAL = {
    "tariff": "id = NEW.id OR supersedes = NEW.supersedes",
    "month": "id = NEW.id",
    "statement": "id = NEW.id OR (month = NEW.month AND agreement_id = NEW.agreement_id)",
    "adjustment": "id = NEW.id",
}
"""Tables whose rows are never altered, and how a new row would meet an old one."""
KEPT = ("id", "statement_id", "yen", "reason", "entered_by", "entered_at")
DECISION = ("approved_by", "approved_at", "rejected_by", "rejected_at")
"""The columns of an adjustment that its decision fills in, once."""


def _sqlite_triggers() -> Iterator[str]:
    for table, met in FINAL.items():
        refuse = f"BEGIN SELECT RAISE(ABORT, '{_refusal(table)}'); END"
        yield f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}"
        # INSERT OR REPLACE deletes without firing the trigger above.
        over = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {met})"  # noqa: S608 - names from above
        yield f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} {over} {refuse}"
        when = f"WHEN {_altered('IS NOT')}" if table == "adjustment" else ""
        yield f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {when} {refuse}"


def _postgresql_triggers() -> Iterator[str]:
    yield (
        "CREATE FUNCTION accounts_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; "
        "END $$"
    )
    for table in FINAL:
        refuse = f"EXECUTE FUNCTION accounts_refuse('{_refusal(table)}')"
        when = f"WHEN ({_altered('IS DISTINCT FROM')})" if table == "adjustment" else ""
        events = {
            "no_delete": f"BEFORE DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT",
            "no_update": f"BEFORE UPDATE ON {table} FOR EACH ROW {when}",
        }
        for name, event in events.items():
            yield f"CREATE TRIGGER {table}_{name} {event} {refuse}"
            yield f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name}"


def _refusal(table: str) -> str:
    return f"no {table} is altered once it is written"


def _altered(differs: str) -> str:
    """Say that an adjustment was decided already, or that more than its decision changes."""
    decided = (f"OLD.{column} IS NOT NULL" for column in DECISION)
    changed = (f"NEW.{column} {differs} OLD.{column}" for column in KEPT)
    return " OR ".join((*decided, *changed))
