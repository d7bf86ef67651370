"""SQLite and PostgreSQL made to behave the same: one writer at a time, readers on a snapshot.

Everything that differs between the two databases is here, except the triggers, which are
in the migrations.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tashika_server.book.errors import BadDsn, BookOutdated, BookRefuses, BookUnreachable

__all__ = ["Access", "make_engine", "transaction"]

LOCK_WAIT = timedelta(seconds=5)
"""How long a writer waits for another; a change takes milliseconds, so longer is a fault."""
CONNECT_WAIT = timedelta(seconds=3)
"""How long a database server may take to answer a connection."""
SILENCE = timedelta(seconds=10)
"""How long a database server may leave sent data unacknowledged before it counts as gone."""
WRITERS = 0x7461_7368
"""The advisory lock of PostgreSQL that stands for SQLite's one writer."""
OWNER_ONLY = 0o600


class Access(StrEnum):
    """What a transaction may do; `MIGRATE` may also create the file of a new SQLite book."""

    READ = "read"
    WRITE = "write"
    MIGRATE = "migrate"


def make_engine(dsn: str, *, relative_to: Path) -> Engine:
    """Prepare the database of a DSN without touching it; BadDsn if it is not one of the two.

    A relative path in `sqlite:///path` is taken from the directory `relative_to`.
    """
    try:
        url = make_url(dsn)
    except ArgumentError as bad:
        raise BadDsn("the book's dsn is no URL; write sqlite:///FILE or postgresql://...") from bad
    if url.drivername == "sqlite" and url.database and not url.query:
        return _sqlite((relative_to / url.database).absolute())
    if url.drivername in {"postgresql", "postgresql+psycopg"}:
        if find_spec("psycopg") is None:
            raise BadDsn("PostgreSQL has no driver here; install tashika-server[postgresql]")
        return _postgresql(url.set(drivername="postgresql+psycopg"))
    raise BadDsn(
        f"the book cannot be a {url.drivername} database with this dsn; "
        "write sqlite:///FILE or postgresql://..."
    )


@contextmanager
def transaction(engine: Engine, access: Access) -> Iterator[Connection]:
    """Run one transaction, kept only if the block ends; the database's faults get our names."""
    if engine.dialect.name == "sqlite":
        _mind_the_file(Path(str(engine.url.database)), access)
    try:
        with engine.connect() as connection:
            connection.execution_options(tashika_access=access, **_ISOLATION[engine.name, access])
            with connection.begin():
                yield connection
    except (IntegrityError, DataError) as refused:
        first_line = str(refused.orig).partition("\n")[0]
        raise BookRefuses(f"the book refuses the change: {first_line}") from refused
    except (DBAPIError, PoolTimeout) as fault:
        cause = getattr(fault, "orig", None) or fault
        raise BookUnreachable(f"the book at {engine.url} cannot be used: {cause}") from fault


def _access(connection: Connection) -> Access:
    return Access(connection.get_execution_options()["tashika_access"])


# --- SQLite ---------------------------------------------------------------------------------


def _sqlite(path: Path) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            uri=True,
            timeout=LOCK_WAIT.total_seconds(),
            isolation_level=None,  # BEGIN is ours to say, and which one
            check_same_thread=False,  # the pool lends a connection to one thread at a time
        )
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, creator=connect, poolclass=QueuePool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = _access(connection) is Access.READ
        connection.exec_driver_sql(f"PRAGMA query_only = {int(reading)}")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _mind_the_file(path: Path, access: Access) -> None:
    """Let only a migration make a new book: a mistyped path must not become an empty one."""
    if path.exists():
        return
    if access is not Access.MIGRATE:
        raise BookOutdated(f"there is no book at {path}; `tashika-server book upgrade` makes one")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, OWNER_ONLY))
    except OSError as fault:
        raise BookUnreachable(f"cannot make the book: {fault}") from fault


# --- PostgreSQL -----------------------------------------------------------------------------


def _postgresql(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_pre_ping=True,  # a server that came back is found without hands (T4)
        connect_args={
            "application_name": "tashika",
            "connect_timeout": int(CONNECT_WAIT.total_seconds()),
            "tcp_user_timeout": SILENCE // timedelta(milliseconds=1),
        },
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if _access(connection) is not Access.READ:
            wait = LOCK_WAIT // timedelta(milliseconds=1)
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {wait}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")

    return engine


# A writer holds the lock before it reads, and READ COMMITTED then shows it all that is there.
_WRITER = {"isolation_level": "READ COMMITTED"}
_ISOLATION: dict[tuple[str, Access], dict[str, Any]] = {
    ("postgresql", Access.READ): {
        "isolation_level": "REPEATABLE READ",
        "postgresql_readonly": True,
    },
    ("postgresql", Access.WRITE): _WRITER,
    ("postgresql", Access.MIGRATE): _WRITER,
    ("sqlite", Access.READ): {},
    ("sqlite", Access.WRITE): {},
    ("sqlite", Access.MIGRATE): {},
}
