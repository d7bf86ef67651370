"""Every table of the book, with the rules a row must keep whatever program writes it.

Names, types and constraints only; the statements live with the aggregates above. A change
here needs a migration: a test compares the two on SQLite and on PostgreSQL.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    false,
)

from tashika_server.book.columns import (
    Instant,
    may,
    metadata,
    need,
    of,
    one_open,
    only,
    row_id,
)

__all__ = [
    "Instant",
    "accreditation",
    "agreement",
    "agreement_grant",
    "agreement_version",
    "audit",
    "compromise",
    "credential",
    "holder",
    "metadata",
    "notification",
    "operator",
    "proposal",
    "suspension",
    "verifier",
]

audit = Table(
    "audit",
    metadata,
    row_id(),
    need("at", Instant),
    need("actor", Text),
    need("action", Text),
    need("subject", Text),
    may("before", Text),
    may("after", Text),
    need("previous", LargeBinary),
    need("digest", LargeBinary),
    only("actor", "actor <> ''"),
    only("change", "before IS NOT NULL OR after IS NOT NULL"),
    only("previous", "length(previous) = 32"),
    only("digest", "length(digest) = 32"),
)
"""Who did what; triggers of the migration refuse every change of a row (see `trail`)."""
Index("audit_subject_ix", audit.c.subject, audit.c.id)

verifier = Table(
    "verifier",
    metadata,
    row_id(),
    need("name", Text),
    need("category", Text),
    need("act_version", Text),
    need("registered_at", Instant),
    may("ended_at", Instant),
    only("name", "name <> ''"),
    only("period", "ended_at >= registered_at"),
)
one_open("verifier_name_ix", verifier, "name", "category", while_null="ended_at")

notification = Table(
    "notification",
    metadata,
    row_id(),
    of("verifier"),
    need("family", Text),
    need("received_at", Instant),
    may("confirmers", Text),
    may("withdrawn_at", Instant),
    only("period", "withdrawn_at > received_at"),
)
one_open("notification_ix", notification, "verifier_id", "family", while_null="withdrawn_at")

accreditation = Table(
    "accreditation",
    metadata,
    row_id(),
    of("verifier"),
    need("reference", Text),
    need("valid_from", Instant),
    need("valid_to", Instant),
    may("revoked_at", Instant),
    only("period", "valid_from < valid_to"),
    only("reference", "reference <> ''"),
)
Index("accreditation_verifier_ix", accreditation.c.verifier_id)

holder = Table(
    "holder",
    metadata,
    row_id(),
    of("verifier"),
    need("kind", Text),
    need("name", Text),
    need("valid_from", Instant),
    may("valid_to", Instant),
    only("kind", "kind IN ('tenant', 'confirmer', 'processor')"),
    only("name", "name <> ''"),
    only("period", "valid_from < valid_to"),
)
one_open("holder_name_ix", holder, "verifier_id", "kind", "name", while_null="valid_to")

agreement = Table(
    "agreement",
    metadata,
    row_id(),
    of("verifier"),
    need("environment", Text),
    need("stage", Text),
    may("concluded_at", Instant),
    may("activated_at", Instant),
    may("ended_at", Instant),
    only("environment", "environment IN ('production', 'test')"),
    only("stage", "stage IN ('draft', 'notified', 'agreed', 'active', 'ended')"),
    only("concluded", "stage NOT IN ('agreed', 'active') OR concluded_at IS NOT NULL"),
    only("activated", "stage <> 'active' OR activated_at IS NOT NULL"),
    only("ended", "(stage = 'ended') = (ended_at IS NOT NULL)"),
)
Index("agreement_verifier_ix", agreement.c.verifier_id)

agreement_version = Table(
    "agreement_version",
    metadata,
    Column("agreement_id", BigInteger, ForeignKey("agreement.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    need("valid_from", Instant),
    may("valid_to", Instant),
    need("rate", Float),
    need("burst", Integer),
    may("daily", Integer),
    need("max_cert_ids", Integer),
    need("signed_required", Boolean),
    need("path_tokens", Boolean),
    need("networks", JSON),
    Column("receipts", Boolean, nullable=False, server_default=false()),
    only("number", "number >= 1"),
    only("period", "valid_from < valid_to"),
    only("rate", "rate > 0"),
    only("burst", "burst >= 1"),
    only("daily", "daily >= 1"),
    only("max_cert_ids", "max_cert_ids BETWEEN 1 AND burst"),
)

agreement_grant = Table(
    "agreement_grant",
    metadata,
    Column("agreement_id", BigInteger, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("family", Text, primary_key=True),
    Column("method", Text, primary_key=True),
    may("issuers", JSON(none_as_null=True)),
    need("purposes", JSON),
    ForeignKeyConstraint(
        ["agreement_id", "version"], ["agreement_version.agreement_id", "agreement_version.number"]
    ),
)

credential = Table(
    "credential",
    metadata,
    row_id(),
    of("agreement"),
    of("holder", optional=True),
    need("kind", Text),
    need("digest", LargeBinary),
    may("subject", Text),
    may("authority", LargeBinary),
    need("barred", JSON),
    need("label", Text),
    need("valid_from", Instant),
    need("valid_to", Instant),
    may("revoked_at", Instant),
    may("rate", Float),
    may("burst", Integer),
    only("digest", "length(digest) = 32"),
    only("subject", "(kind = 'mtls-ca') = (subject IS NOT NULL)"),
    only("authority", "(kind = 'mtls-ca') = (authority IS NOT NULL)"),
    only("period", "valid_from < valid_to"),
    only("rate", "rate > 0"),
    only("burst", "burst >= 1"),
    only("bucket", "(rate IS NULL) = (burst IS NULL)"),
)
Index("credential_agreement_ix", credential.c.agreement_id)
Index("credential_digest_ix", credential.c.digest)

suspension = Table(
    "suspension",
    metadata,
    row_id(),
    of("verifier"),
    need("family", Text),
    of("holder", optional=True),
    need("ground", Text),
    need("act_version", Text),
    need("reason", Text),
    need("since", Instant),
    need("suspended_by", Text),
    may("until", Instant),
    may("resumed_by", Text),
    may("resume_reason", Text),
    of("suspension", optional=True, name="cause_id"),
    only("reason", "reason <> ''"),
    only("period", "until >= since"),
    only("resumed", "(until IS NULL) = (resumed_by IS NULL)"),
    only("resume_reason", "(until IS NULL) = (resume_reason IS NULL)"),
)
Index("suspension_verifier_ix", suspension.c.verifier_id)

proposal = Table(
    "proposal",
    metadata,
    row_id(),
    need("action", Text),
    need("payload", JSON),
    need("proposed_by", Text),
    need("proposed_at", Instant),
    need("second_person", Boolean),
    need("state", Text),
    may("decided_by", Text),
    may("decided_at", Instant),
    may("remark", Text),
    only("state", "state IN ('open', 'approved', 'rejected')"),
    only("decided", "(state = 'open') = (decided_by IS NULL)"),
    only("decided_at", "(state = 'open') = (decided_at IS NULL)"),
    only("second_person", "state <> 'approved' OR NOT second_person OR decided_by <> proposed_by"),
)

compromise = Table(
    "compromise",
    metadata,
    row_id(),
    need("issuer", Text),
    need("fingerprint", LargeBinary),
    need("family", Text),
    need("reason", Text),
    need("since", Instant),
    need("declared_at", Instant),
    need("declared_by", Text),
    may("withdrawn_at", Instant),
    may("withdrawn_by", Text),
    may("withdraw_reason", Text),
    only("reason", "reason <> ''"),
    only("fingerprint", "length(fingerprint) = 32"),
    only("since", "since <= declared_at"),
    only("period", "withdrawn_at >= declared_at"),
    only("withdrawn", "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)"),
    only("withdraw_reason", "(withdrawn_at IS NULL) = (withdraw_reason IS NULL)"),
)
one_open("compromise_open_ix", compromise, "fingerprint", while_null="withdrawn_at")

operator = Table(
    "operator",
    metadata,
    row_id(),
    need("name", Text),
    need("role", Text),
    need("proof", Text),
    need("digest", LargeBinary),
    need("valid_from", Instant),
    need("valid_to", Instant),
    may("ended_at", Instant),
    only("name", "name <> ''"),
    only("role", "role IN ('registrar', 'finance', 'auditor')"),
    only("proof", "proof IN ('token', 'certificate')"),
    only("digest", "length(digest) = 32"),
    only("period", "valid_from < valid_to"),
)
Index("operator_digest_ix", operator.c.digest, unique=True)
one_open("operator_name_ix", operator, "name", while_null="ended_at")
