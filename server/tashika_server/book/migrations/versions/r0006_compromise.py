"""Declared compromises of issuers' keys.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table; a key has one open declaration at a time."""
    op.create_table(
        "compromise",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("declared_at", sa.BigInteger(), nullable=False),
        sa.Column("declared_by", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_by", sa.Text(), nullable=True),
        sa.Column("withdraw_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("reason <> ''", name=op.f("compromise_reason_ck")),
        sa.CheckConstraint("length(fingerprint) = 32", name=op.f("compromise_fingerprint_ck")),
        sa.CheckConstraint("since <= declared_at", name=op.f("compromise_since_ck")),
        sa.CheckConstraint("withdrawn_at >= declared_at", name=op.f("compromise_period_ck")),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name=op.f("compromise_withdrawn_ck")
        ),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdraw_reason IS NULL)",
            name=op.f("compromise_withdraw_reason_ck"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("compromise_pk")),
    )
    op.create_index(
        "compromise_open_ix",
        "compromise",
        ["fingerprint"],
        unique=True,
        sqlite_where=sa.text("withdrawn_at IS NULL"),
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
