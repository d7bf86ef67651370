"""The chain of the audit trail, and the signed roots of its days.

Revision ID: 0004
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from tashika_server.book.tables import Instant
from tashika_server.book.trail import START, Entry

revision = "0004"
down_revision = "0003"

PAGE = 1000


def upgrade() -> None:
    """Link the entries that are there, and make the table of roots."""
    dialect = op.get_context().dialect.name
    lift, guard = {"sqlite": _sqlite_guards, "postgresql": _postgresql_guards}[dialect]()
    for statement in lift:
        op.execute(statement)
    _chain()
    for statement in guard:
        op.execute(statement)
    _roots()
    for statement in {"sqlite": _sqlite_triggers, "postgresql": _postgresql_triggers}[dialect]():
        op.execute(statement)


# --- The chain ------------------------------------------------------------------------------

_LINKS = ("previous", "digest")


def _chain() -> None:
    for name in _LINKS:
        op.add_column("audit", sa.Column(name, sa.LargeBinary(), nullable=True))
    _link()
    with op.batch_alter_table("audit") as audit:
        for name in _LINKS:
            audit.alter_column(name, existing_type=sa.LargeBinary(), nullable=False)
            audit.create_check_constraint(op.f(f"audit_{name}_ck"), f"length({name}) = 32")
    op.create_index("audit_subject_ix", "audit", ["subject", "id"])


def _link() -> None:
    """Write into every entry what it would have had from the beginning."""
    connection = op.get_bind()
    texts = ("actor", "action", "subject", "before", "after")
    columns = [sa.column("id"), sa.column("at", Instant), *map(sa.column, texts)]
    audit = sa.table("audit", *columns, sa.column("previous"), sa.column("digest"))
    page = sa.select(*columns).order_by(audit.c.id).limit(PAGE)
    link = sa.update(audit).where(audit.c.id == sa.bindparam("number"))
    number, head = 0, START
    while rows := connection.execute(page.where(audit.c.id > number)).mappings().all():
        links = []
        for row in rows:
            number, previous = row["id"], head
            values = {name: row[name] for name in ("at", *texts)}
            head = Entry(number=number, **values, previous=previous).digest
            links.append({"number": number, "previous": previous, "digest": head})
        connection.execute(link, links)


_Statements = list[str]


def _sqlite_guards() -> tuple[_Statements, _Statements]:
    """Return what takes the trail's triggers away, and what puts them back as they were."""
    known = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :t")
    triggers = op.get_bind().execute(known, {"t": "audit"}).all()
    return [f"DROP TRIGGER {name}" for name, _ in triggers], [sql for _, sql in triggers]


def _postgresql_guards() -> tuple[_Statements, _Statements]:
    trigger = "TRIGGER audit_append_only"
    return (
        [f"ALTER TABLE audit DISABLE {trigger}"],
        [f"ALTER TABLE audit ENABLE ALWAYS {trigger}"],
    )


# --- Roots ----------------------------------------------------------------------------------


def _roots() -> None:
    op.create_table(
        "ledger_root",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("first BETWEEN 1 AND last", name=op.f("ledger_root_entries_ck")),
        sa.CheckConstraint("length(root) = 32", name=op.f("ledger_root_root_ck")),
        sa.CheckConstraint("length(previous) = 32", name=op.f("ledger_root_previous_ck")),
        sa.PrimaryKeyConstraint("day", name=op.f("ledger_root_pk")),
    )


FINAL = "no ledger_root is altered once it is written"


def _sqlite_triggers() -> Iterator[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{FINAL}'); END"
    # INSERT OR REPLACE deletes without firing the trigger of a deletion.
    over = "WHEN EXISTS (SELECT 1 FROM ledger_root WHERE day = NEW.day)"
    yield f"CREATE TRIGGER ledger_root_no_delete BEFORE DELETE ON ledger_root {refuse}"
    yield f"CREATE TRIGGER ledger_root_no_update BEFORE UPDATE ON ledger_root {refuse}"
    yield f"CREATE TRIGGER ledger_root_no_replace BEFORE INSERT ON ledger_root {over} {refuse}"


def _postgresql_triggers() -> Iterator[str]:
    yield (
        "CREATE TRIGGER ledger_root_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_root "
        f"FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse('{FINAL}')"
    )
    yield "ALTER TABLE ledger_root ENABLE ALWAYS TRIGGER ledger_root_final"
