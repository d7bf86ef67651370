"""Receipts: which agreements ask for them, and the leaves of a month's Merkle tree.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the option, which no agreement has taken so far, and the table of leaves."""
    op.add_column(
        "agreement_version",
        sa.Column("receipts", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.create_table(
        "receipt_leaf",
        sa.Column("agreement_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(month) = 7", name=op.f("receipt_leaf_month_ck")),
        sa.CheckConstraint("sequence >= 0", name=op.f("receipt_leaf_sequence_ck")),
        sa.CheckConstraint("length(leaf) = 82", name=op.f("receipt_leaf_leaf_ck")),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreement.id"], name=op.f("receipt_leaf_agreement_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["stream"], ["journal_stream.id"], name=op.f("receipt_leaf_stream_fk")
        ),
        sa.PrimaryKeyConstraint(
            "agreement_id", "month", "stream", "sequence", name=op.f("receipt_leaf_pk")
        ),
        sqlite_with_rowid=False,
    )
