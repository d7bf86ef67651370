"""The migrations make exactly the declared tables, and keep the audit trail from everybody."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from support.book import upgraded
from tashika_server.book import Book, BookOutdated, BookRefuses, open_book
from tashika_server.book import tables as t

AT = datetime(2026, 4, 1, tzinfo=UTC)


def engine_of(dsn: str):
    return create_engine(dsn.replace("postgresql:", "postgresql+psycopg:"))


def index(found) -> tuple[str, ...]:
    options = {name: str(value) for name, value in found.get("dialect_options", {}).items()}
    return str(found["name"]), str(found["column_names"]), str(found["unique"]), str(options)


def described(connection: Connection) -> dict[str, object]:
    """Everything the database itself tells of its tables, constraints by name included."""
    inspector = inspect(connection)
    return {
        name: {
            "columns": [
                (c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)
            ],
            "primary": inspector.get_pk_constraint(name),
            "foreign": sorted(inspector.get_foreign_keys(name), key=str),
            "checks": sorted(
                (c["name"], c["sqltext"]) for c in inspector.get_check_constraints(name)
            ),
            "indexes": sorted(map(index, inspector.get_indexes(name))),
            "unique": sorted(inspector.get_unique_constraints(name), key=str),
        }
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }


def test_the_migrations_make_what_is_declared(empty_dsn: str):
    upgraded(empty_dsn).close()
    engine = engine_of(empty_dsn)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), t.metadata) == []
        migrated = described(connection)
        connection.rollback()
        if connection.dialect.name == "postgresql":
            connection.execute(text("CREATE SCHEMA declared"))
            connection.execute(text("SET search_path = declared"))
        else:
            connection.execute(text("PRAGMA foreign_keys=OFF"))
            for table in t.metadata.sorted_tables:
                table.drop(connection)
        t.metadata.create_all(connection)
        assert described(connection) == migrated
    engine.dispose()


def test_upgrading_twice_changes_nothing(empty_dsn: str):
    book = open_book(empty_dsn)
    assert book.upgrade() == book.upgrade() == "0006"
    with book.reading():
        pass
    book.close()


def test_a_book_of_a_newer_program_is_left_alone(empty_dsn: str):
    book = upgraded(empty_dsn)
    engine = engine_of(empty_dsn)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(BookOutdated, match="9999"), book.reading():
        pass
    with pytest.raises(BookOutdated, match="newer"):
        book.upgrade()
    book.close()


def test_a_new_sqlite_book_is_for_its_owner_only(tmp_path: Path):
    book = upgraded(f"sqlite:///{tmp_path / 'book.sqlite'}")
    with book.writing(actor="sato", at=AT) as change:
        change.record("x", "X-1", before=None, after={})
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    book.close()


def test_a_relative_path_begins_where_the_configuration_lies(tmp_path: Path):
    book = open_book("sqlite:///book.sqlite", relative_to=tmp_path)
    book.upgrade()
    book.close()
    assert (tmp_path / "book.sqlite").exists()


TAMPERING = [
    "UPDATE audit SET actor = 'nobody'",
    "DELETE FROM audit",
    "INSERT INTO audit SELECT * FROM audit",
]
TAMPERING_BY_DIALECT = {
    "sqlite": [TAMPERING[2].replace("INSERT", "INSERT OR REPLACE")],
    "postgresql": [
        "TRUNCATE audit",
        "SET session_replication_role = replica; DELETE FROM audit",
    ],
}


def test_nobody_alters_the_audit_trail(book: Book, book_dsn: str):
    with book.writing(actor="sato", at=AT) as change:
        change.record("x", "X-1", before=None, after={})
    engine = engine_of(book_dsn)
    for statement in TAMPERING + TAMPERING_BY_DIALECT[engine.dialect.name]:
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.exec_driver_sql(statement)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT id, actor FROM audit")).all() == [(1, "sato")]
    engine.dispose()


def test_the_book_names_the_refusal_of_the_trail(book: Book):
    with book.writing(actor="sato", at=AT) as change:
        change.record("x", "X-1", before=None, after={})
    with (
        pytest.raises(BookRefuses, match="append-only"),
        book.writing(actor="mallory", at=AT) as change,
    ):
        change.connection.execute(t.audit.delete())
