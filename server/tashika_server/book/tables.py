"""Every table of the book, with the rules a row must keep whatever program writes it.

Names, types and constraints only; the statements live with the aggregates above. A change
here needs a migration: a test compares the two on SQLite and on PostgreSQL.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)

__all__ = [
    "Instant",
    "accreditation",
    "agreement",
    "agreement_grant",
    "agreement_version",
    "audit",
    "credential",
    "holder",
    "metadata",
    "notification",
    "operator",
    "proposal",
    "suspension",
    "verifier",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """A moment as microseconds since 1970 in UTC: the same and exact on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        """Refuse a time without a zone: it would mean another moment on another machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time for the book must be aware")
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        """Give it back aware and in UTC."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


metadata = MetaData(
    naming_convention={
        "ix": "%(column_0_N_label)s_ix",
        "uq": "%(table_name)s_%(column_0_N_name)s_uq",
        "ck": "%(table_name)s_%(constraint_name)s_ck",
        "fk": "%(table_name)s_%(column_0_N_name)s_fk",
        "pk": "%(table_name)s_pk",
    }
)


def _id() -> Column[int]:
    # The book numbers rows itself, densely, so that a rehearsal foretells the number.
    return Column("id", BigInteger, primary_key=True, autoincrement=False)


def _of(table: str, *, optional: bool = False, name: str | None = None) -> Column[int]:
    key = ForeignKey(f"{table}.id")
    return Column(name or f"{table}_id", BigInteger, key, nullable=optional)


def _need(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _may(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=True)


def _only(name: str, rule: str) -> CheckConstraint:
    return CheckConstraint(rule, name=name)


def _one_open(name: str, table: Table, *columns: str, while_null: str) -> Index:
    """Allow one row for these columns while another column has no value yet."""
    still_open = text(f"{while_null} IS NULL")
    return Index(
        name,
        *(table.c[column] for column in columns),
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )


audit = Table(
    "audit",
    metadata,
    _id(),
    _need("at", Instant),
    _need("actor", Text),
    _need("action", Text),
    _need("subject", Text),
    _may("before", Text),
    _may("after", Text),
    _need("previous", LargeBinary),
    _need("digest", LargeBinary),
    _only("actor", "actor <> ''"),
    _only("change", "before IS NOT NULL OR after IS NOT NULL"),
    _only("previous", "length(previous) = 32"),
    _only("digest", "length(digest) = 32"),
)
"""Who did what; triggers of the migration refuse every change of a row (see `trail`)."""
Index("audit_subject_ix", audit.c.subject, audit.c.id)

verifier = Table(
    "verifier",
    metadata,
    _id(),
    _need("name", Text),
    _need("category", Text),
    _need("act_version", Text),
    _need("registered_at", Instant),
    _may("ended_at", Instant),
    _only("name", "name <> ''"),
    _only("period", "ended_at >= registered_at"),
)
_one_open("verifier_name_ix", verifier, "name", "category", while_null="ended_at")

notification = Table(
    "notification",
    metadata,
    _id(),
    _of("verifier"),
    _need("family", Text),
    _need("received_at", Instant),
    _may("confirmers", Text),
    _may("withdrawn_at", Instant),
    _only("period", "withdrawn_at > received_at"),
)
_one_open("notification_ix", notification, "verifier_id", "family", while_null="withdrawn_at")

accreditation = Table(
    "accreditation",
    metadata,
    _id(),
    _of("verifier"),
    _need("reference", Text),
    _need("valid_from", Instant),
    _need("valid_to", Instant),
    _may("revoked_at", Instant),
    _only("period", "valid_from < valid_to"),
    _only("reference", "reference <> ''"),
)
Index("accreditation_verifier_ix", accreditation.c.verifier_id)

holder = Table(
    "holder",
    metadata,
    _id(),
    _of("verifier"),
    _need("kind", Text),
    _need("name", Text),
    _need("valid_from", Instant),
    _may("valid_to", Instant),
    _only("kind", "kind IN ('tenant', 'confirmer', 'processor')"),
    _only("name", "name <> ''"),
    _only("period", "valid_from < valid_to"),
)
_one_open("holder_name_ix", holder, "verifier_id", "kind", "name", while_null="valid_to")

agreement = Table(
    "agreement",
    metadata,
    _id(),
    _of("verifier"),
    _need("environment", Text),
    _need("stage", Text),
    _may("concluded_at", Instant),
    _may("activated_at", Instant),
    _may("ended_at", Instant),
    _only("environment", "environment IN ('production', 'test')"),
    _only("stage", "stage IN ('draft', 'notified', 'agreed', 'active', 'ended')"),
    _only("concluded", "stage NOT IN ('agreed', 'active') OR concluded_at IS NOT NULL"),
    _only("activated", "stage <> 'active' OR activated_at IS NOT NULL"),
    _only("ended", "(stage = 'ended') = (ended_at IS NOT NULL)"),
)
Index("agreement_verifier_ix", agreement.c.verifier_id)

agreement_version = Table(
    "agreement_version",
    metadata,
    Column("agreement_id", BigInteger, ForeignKey("agreement.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _need("valid_from", Instant),
    _may("valid_to", Instant),
    _need("rate", Float),
    _need("burst", Integer),
    _may("daily", Integer),
    _need("max_cert_ids", Integer),
    _need("signed_required", Boolean),
    _need("path_tokens", Boolean),
    _need("networks", JSON),
    Column("receipts", Boolean, nullable=False, server_default=false()),
    _only("number", "number >= 1"),
    _only("period", "valid_from < valid_to"),
    _only("rate", "rate > 0"),
    _only("burst", "burst >= 1"),
    _only("daily", "daily >= 1"),
    _only("max_cert_ids", "max_cert_ids BETWEEN 1 AND burst"),
)

agreement_grant = Table(
    "agreement_grant",
    metadata,
    Column("agreement_id", BigInteger, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("family", Text, primary_key=True),
    Column("method", Text, primary_key=True),
    _may("issuers", JSON(none_as_null=True)),
    _need("purposes", JSON),
    ForeignKeyConstraint(
        ["agreement_id", "version"], ["agreement_version.agreement_id", "agreement_version.number"]
    ),
)

credential = Table(
    "credential",
    metadata,
    _id(),
    _of("agreement"),
    _of("holder", optional=True),
    _need("kind", Text),
    _need("digest", LargeBinary),
    _may("subject", Text),
    _may("authority", LargeBinary),
    _need("barred", JSON),
    _need("label", Text),
    _need("valid_from", Instant),
    _need("valid_to", Instant),
    _may("revoked_at", Instant),
    _may("rate", Float),
    _may("burst", Integer),
    _only("digest", "length(digest) = 32"),
    _only("subject", "(kind = 'mtls-ca') = (subject IS NOT NULL)"),
    _only("authority", "(kind = 'mtls-ca') = (authority IS NOT NULL)"),
    _only("period", "valid_from < valid_to"),
    _only("rate", "rate > 0"),
    _only("burst", "burst >= 1"),
    _only("bucket", "(rate IS NULL) = (burst IS NULL)"),
)
Index("credential_agreement_ix", credential.c.agreement_id)
Index("credential_digest_ix", credential.c.digest)

suspension = Table(
    "suspension",
    metadata,
    _id(),
    _of("verifier"),
    _need("family", Text),
    _of("holder", optional=True),
    _need("ground", Text),
    _need("act_version", Text),
    _need("reason", Text),
    _need("since", Instant),
    _need("suspended_by", Text),
    _may("until", Instant),
    _may("resumed_by", Text),
    _may("resume_reason", Text),
    _of("suspension", optional=True, name="cause_id"),
    _only("reason", "reason <> ''"),
    _only("period", "until >= since"),
    _only("resumed", "(until IS NULL) = (resumed_by IS NULL)"),
    _only("resume_reason", "(until IS NULL) = (resume_reason IS NULL)"),
)
Index("suspension_verifier_ix", suspension.c.verifier_id)

proposal = Table(
    "proposal",
    metadata,
    _id(),
    _need("action", Text),
    _need("payload", JSON),
    _need("proposed_by", Text),
    _need("proposed_at", Instant),
    _need("second_person", Boolean),
    _need("state", Text),
    _may("decided_by", Text),
    _may("decided_at", Instant),
    _may("remark", Text),
    _only("state", "state IN ('open', 'approved', 'rejected')"),
    _only("decided", "(state = 'open') = (decided_by IS NULL)"),
    _only("decided_at", "(state = 'open') = (decided_at IS NULL)"),
    _only("second_person", "state <> 'approved' OR NOT second_person OR decided_by <> proposed_by"),
)

operator = Table(
    "operator",
    metadata,
    _id(),
    _need("name", Text),
    _need("role", Text),
    _need("proof", Text),
    _need("digest", LargeBinary),
    _need("valid_from", Instant),
    _need("valid_to", Instant),
    _may("ended_at", Instant),
    _only("name", "name <> ''"),
    _only("role", "role IN ('registrar', 'finance', 'auditor')"),
    _only("proof", "proof IN ('token', 'certificate')"),
    _only("digest", "length(digest) = 32"),
    _only("period", "valid_from < valid_to"),
)
Index("operator_digest_ix", operator.c.digest, unique=True)
_one_open("operator_name_ix", operator, "name", while_null="ended_at")
