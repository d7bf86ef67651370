"""The operators of the management API.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of operators."""
    op.create_table(
        "operator",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("name <> ''", name=op.f("operator_name_ck")),
        sa.CheckConstraint(
            "role IN ('registrar', 'finance', 'auditor')", name=op.f("operator_role_ck")
        ),
        sa.CheckConstraint("proof IN ('token', 'certificate')", name=op.f("operator_proof_ck")),
        sa.CheckConstraint("length(digest) = 32", name=op.f("operator_digest_ck")),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("operator_period_ck")),
        sa.PrimaryKeyConstraint("id", name=op.f("operator_pk")),
    )
    op.create_index("operator_digest_ix", "operator", ["digest"], unique=True)
    op.create_index(
        "operator_name_ix",
        "operator",
        ["name"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
