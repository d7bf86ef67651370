"""The registry and its audit trail.

Revision ID: 0001
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    _tables()
    _protect_audit()


def _tables() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.CheckConstraint("actor <> ''", name=op.f("audit_actor_ck")),
        sa.CheckConstraint("before IS NOT NULL OR after IS NOT NULL", name=op.f("audit_change_ck")),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_pk")),
    )
    op.create_table(
        "proposal",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("second_person", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at IS NULL)", name=op.f("proposal_decided_at_ck")
        ),
        sa.CheckConstraint(
            "(state = 'open') = (decided_by IS NULL)", name=op.f("proposal_decided_ck")
        ),
        sa.CheckConstraint(
            "state <> 'approved' OR NOT second_person OR decided_by <> proposed_by",
            name=op.f("proposal_second_person_ck"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'rejected')", name=op.f("proposal_state_ck")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("proposal_pk")),
    )
    op.create_table(
        "verifier",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("act_version", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("name <> ''", name=op.f("verifier_name_ck")),
        sa.CheckConstraint("ended_at >= registered_at", name=op.f("verifier_period_ck")),
        sa.PrimaryKeyConstraint("id", name=op.f("verifier_pk")),
    )
    op.create_index(
        "verifier_name_ix",
        "verifier",
        ["name", "category"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "accreditation",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("verifier_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("reference <> ''", name=op.f("accreditation_reference_ck")),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("accreditation_period_ck")),
        sa.ForeignKeyConstraint(
            ["verifier_id"], ["verifier.id"], name=op.f("accreditation_verifier_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("accreditation_pk")),
    )
    op.create_index("accreditation_verifier_ix", "accreditation", ["verifier_id"], unique=False)
    op.create_table(
        "agreement",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("verifier_id", sa.BigInteger(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("concluded_at", sa.BigInteger(), nullable=True),
        sa.Column("activated_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(stage = 'ended') = (ended_at IS NOT NULL)", name=op.f("agreement_ended_ck")
        ),
        sa.CheckConstraint(
            "environment IN ('production', 'test')", name=op.f("agreement_environment_ck")
        ),
        sa.CheckConstraint(
            "stage <> 'active' OR activated_at IS NOT NULL", name=op.f("agreement_activated_ck")
        ),
        sa.CheckConstraint(
            "stage IN ('draft', 'notified', 'agreed', 'active', 'ended')",
            name=op.f("agreement_stage_ck"),
        ),
        sa.CheckConstraint(
            "stage NOT IN ('agreed', 'active') OR concluded_at IS NOT NULL",
            name=op.f("agreement_concluded_ck"),
        ),
        sa.ForeignKeyConstraint(
            ["verifier_id"], ["verifier.id"], name=op.f("agreement_verifier_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("agreement_pk")),
    )
    op.create_index("agreement_verifier_ix", "agreement", ["verifier_id"], unique=False)
    op.create_table(
        "holder",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("verifier_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('tenant', 'confirmer', 'processor')", name=op.f("holder_kind_ck")
        ),
        sa.CheckConstraint("name <> ''", name=op.f("holder_name_ck")),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("holder_period_ck")),
        sa.ForeignKeyConstraint(
            ["verifier_id"], ["verifier.id"], name=op.f("holder_verifier_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("holder_pk")),
    )
    op.create_index(
        "holder_name_ix",
        "holder",
        ["verifier_id", "kind", "name"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_table(
        "notification",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("verifier_id", sa.BigInteger(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmers", sa.Text(), nullable=True),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("withdrawn_at > received_at", name=op.f("notification_period_ck")),
        sa.ForeignKeyConstraint(
            ["verifier_id"], ["verifier.id"], name=op.f("notification_verifier_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("notification_pk")),
    )
    op.create_index(
        "notification_ix",
        "notification",
        ["verifier_id", "family"],
        unique=True,
        sqlite_where=sa.text("withdrawn_at IS NULL"),
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_table(
        "agreement_version",
        sa.Column("agreement_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("rate", sa.Float(), nullable=False),
        sa.Column("burst", sa.Integer(), nullable=False),
        sa.Column("daily", sa.Integer(), nullable=True),
        sa.Column("max_cert_ids", sa.Integer(), nullable=False),
        sa.Column("signed_required", sa.Boolean(), nullable=False),
        sa.Column("path_tokens", sa.Boolean(), nullable=False),
        sa.Column("networks", sa.JSON(), nullable=False),
        sa.CheckConstraint("burst >= 1", name=op.f("agreement_version_burst_ck")),
        sa.CheckConstraint("daily >= 1", name=op.f("agreement_version_daily_ck")),
        sa.CheckConstraint(
            "max_cert_ids BETWEEN 1 AND burst", name=op.f("agreement_version_max_cert_ids_ck")
        ),
        sa.CheckConstraint("number >= 1", name=op.f("agreement_version_number_ck")),
        sa.CheckConstraint("rate > 0", name=op.f("agreement_version_rate_ck")),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("agreement_version_period_ck")),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreement.id"], name=op.f("agreement_version_agreement_id_fk")
        ),
        sa.PrimaryKeyConstraint("agreement_id", "number", name=op.f("agreement_version_pk")),
    )
    op.create_table(
        "credential",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agreement_id", sa.BigInteger(), nullable=False),
        sa.Column("holder_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("authority", sa.LargeBinary(), nullable=True),
        sa.Column("barred", sa.JSON(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("rate", sa.Float(), nullable=True),
        sa.Column("burst", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'mtls-ca') = (authority IS NOT NULL)", name=op.f("credential_authority_ck")
        ),
        sa.CheckConstraint(
            "(kind = 'mtls-ca') = (subject IS NOT NULL)", name=op.f("credential_subject_ck")
        ),
        sa.CheckConstraint("(rate IS NULL) = (burst IS NULL)", name=op.f("credential_bucket_ck")),
        sa.CheckConstraint("burst >= 1", name=op.f("credential_burst_ck")),
        sa.CheckConstraint("length(digest) = 32", name=op.f("credential_digest_ck")),
        sa.CheckConstraint("rate > 0", name=op.f("credential_rate_ck")),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("credential_period_ck")),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreement.id"], name=op.f("credential_agreement_id_fk")
        ),
        sa.ForeignKeyConstraint(["holder_id"], ["holder.id"], name=op.f("credential_holder_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("credential_pk")),
    )
    op.create_index("credential_agreement_ix", "credential", ["agreement_id"], unique=False)
    op.create_index("credential_digest_ix", "credential", ["digest"], unique=False)
    op.create_table(
        "suspension",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("verifier_id", sa.BigInteger(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.BigInteger(), nullable=True),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("act_version", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("suspended_by", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("resumed_by", sa.Text(), nullable=True),
        sa.Column("resume_reason", sa.Text(), nullable=True),
        sa.Column("cause_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("reason <> ''", name=op.f("suspension_reason_ck")),
        sa.CheckConstraint(
            "(until IS NULL) = (resume_reason IS NULL)", name=op.f("suspension_resume_reason_ck")
        ),
        sa.CheckConstraint(
            "(until IS NULL) = (resumed_by IS NULL)", name=op.f("suspension_resumed_ck")
        ),
        sa.CheckConstraint("until >= since", name=op.f("suspension_period_ck")),
        sa.ForeignKeyConstraint(
            ["cause_id"], ["suspension.id"], name=op.f("suspension_cause_id_fk")
        ),
        sa.ForeignKeyConstraint(["holder_id"], ["holder.id"], name=op.f("suspension_holder_id_fk")),
        sa.ForeignKeyConstraint(
            ["verifier_id"], ["verifier.id"], name=op.f("suspension_verifier_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("suspension_pk")),
    )
    op.create_index("suspension_verifier_ix", "suspension", ["verifier_id"], unique=False)
    op.create_table(
        "agreement_grant",
        sa.Column("agreement_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("issuers", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("purposes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement_id", "version"],
            ["agreement_version.agreement_id", "agreement_version.number"],
            name=op.f("agreement_grant_agreement_id_version_fk"),
        ),
        sa.PrimaryKeyConstraint(
            "agreement_id", "version", "family", "method", name=op.f("agreement_grant_pk")
        ),
    )


APPEND_ONLY = "the audit trail is append-only"


def _protect_audit() -> None:
    """Let nobody alter or remove an entry, whatever program they use."""
    statements = {"sqlite": _sqlite_triggers, "postgresql": _postgresql_triggers}
    for statement in statements[op.get_context().dialect.name]():
        op.execute(statement)


def _sqlite_triggers() -> Iterator[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
    yield f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit {refuse}"
    yield f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit {refuse}"
    # INSERT OR REPLACE deletes without firing the trigger above.
    over = "WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)"
    yield f"CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit {over} {refuse}"


def _postgresql_triggers() -> Iterator[str]:
    yield (
        "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{APPEND_ONLY}' USING ERRCODE = 'integrity_constraint_violation'; "
        "END $$"
    )
    yield (
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
    )
    yield "ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_append_only"
