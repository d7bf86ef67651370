"""A cache of answers in one SQLite file, shared by processes and sealed under the caller's key.

::

    with SqliteCache("answers.tcache", key=key) as cache:
        client = Client(url, policy=Policy(cache=CachePolicy()), cache=cache)

Without the key the file tells nothing about whose certificates were checked. What was altered,
moved to another name or sealed under another key is as if it were not there.
"""

import errno
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

from tashika.errors import WrongUse
from tashika.limits import CACHE_PATIENCE, CACHE_REST, MAX_PERSISTED
from tashika.network.seal import Seal

_PAGE = 4096
_LEAST = 64 * _PAGE
_OURS = 0x74736B63
"""PRAGMA application_id: "tskc"."""
_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    name BLOB PRIMARY KEY, sealed BLOB NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS soonest ON answers (until);
"""
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_T = TypeVar("_T")
_log = logging.getLogger("tashika.cache")


class _Way(Enum):
    """What is done with the file; one that is written to can still be read."""

    READING = "reading"
    WRITING = "writing"


class _Opened(NamedTuple):
    process: int
    inode: tuple[int, int]
    connection: sqlite3.Connection


class SqliteCache:
    """A Cache in a file, for any number of processes and threads of one machine.

    The file takes ``most`` octets, beside a journal of SQLite's; when it is
    full, what ends soonest goes. A damaged file is moved aside with a
    warning, and a new one begun. A file that is busy for longer than 50 ms is
    left alone for a second; that, or a full disk, costs what was to be kept. Raises
    WrongUse for a key of no use, and for a path where such a file cannot be.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        key: bytes,
        most: int = MAX_PERSISTED,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if most < _LEAST:
            raise WrongUse(f"a cache takes at least {_LEAST} octets")
        self._path, self._most = Path(path), most
        self._seal, self._monotonic = Seal(key), monotonic
        self._rests_until = {_Way.READING: 0.0, _Way.WRITING: 0.0}
        self._locks: dict[int, threading.Lock] = {}
        self._opened: _Opened | None = None
        self._inherited: list[sqlite3.Connection] = []
        with self._lock:
            try:
                self._try(lambda _: None)
            except (OSError, sqlite3.Error) as wrong:
                if _code(wrong) not in _BUSY:
                    raise WrongUse(f"cannot keep a cache at {self._path}: {wrong}") from wrong

    @property
    def _lock(self) -> threading.Lock:
        # Of each process its own: one that another thread held at the fork is never released.
        return self._locks.setdefault(os.getpid(), threading.Lock())

    def load(self, name: bytes) -> bytes | None:
        """Return what was last stored under a name, if it is still there."""
        name = self._seal.name(name)
        query = "SELECT sealed FROM answers WHERE name = ?"
        row = self._do(_Way.READING, lambda file: file.execute(query, (name,)).fetchone())
        return self._seal.open(name, row[0]) if row and isinstance(row[0], bytes) else None

    def store(self, name: bytes, value: bytes, *, until: datetime) -> None:
        """Keep a value, of no use after ``until``."""
        name = self._seal.name(name)
        row = name, self._seal.seal(name, value), int(until.timestamp())

        def write(file: sqlite3.Connection) -> None:
            put = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?)"
            try:
                file.execute(put, row)
            except sqlite3.OperationalError as failure:
                if _code(failure) != sqlite3.SQLITE_FULL:
                    raise
                _make_room(file)
                file.execute(put, row)

        self._do(_Way.WRITING, write)

    def purge(self, *, at: datetime) -> int:
        """Remove what is of no use after ``at``, and return how much that was."""
        gone = "DELETE FROM answers WHERE until <= ?"
        when = (int(at.timestamp()),)
        return self._do(_Way.WRITING, lambda file: file.execute(gone, when).rowcount) or 0

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _do(self, way: "_Way", work: Callable[[sqlite3.Connection], _T]) -> _T | None:
        with self._lock:
            if self._monotonic() < self._rests_until[way]:
                return None
            try:
                return self._try(work)
            except (OSError, sqlite3.Error, WrongUse) as failure:
                if _code(failure) in _BUSY:
                    # Who waited so for each of a thousand would keep an event loop from its work.
                    self._rests_until[way] = self._monotonic() + CACHE_REST.total_seconds()
                _log.warning("cache_unusable error=%s", type(failure).__name__)
                return None

    def _try(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            return work(self._file())
        except sqlite3.DatabaseError as failure:
            if _code(failure) not in _DAMAGED:
                raise
            self._move_aside()
            return work(self._file())

    def _file(self) -> sqlite3.Connection:
        opened = self._opened
        # A connection must not be used on both sides of a fork, nor closed on the wrong one.
        if opened and opened.process != os.getpid():
            self._inherited.append(opened.connection)
            opened = self._opened = None
        # Another process may have moved a damaged file aside, or somebody removed it.
        if opened and opened.inode != _inode(self._path):
            self._close()
            opened = None
        if opened is None:
            opened = self._opened = self._open()
        return opened.connection

    def _open(self) -> _Opened:
        # Not if it is there: to close it would release what other connections have locked.
        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        if not os.access(self._path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, "the file cannot be written")
        inode = _inode(self._path)
        file = sqlite3.connect(
            self._path,
            timeout=CACHE_PATIENCE.total_seconds(),
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            _prepare(file, self._most)
        except BaseException:
            file.close()
            raise
        return _Opened(os.getpid(), inode, file)

    def _close(self) -> None:
        if self._opened and self._opened.process == os.getpid():
            self._opened.connection.close()
            self._opened = None

    def _move_aside(self) -> None:
        self._close()
        _log.warning("cache_damaged path=%s moved_to=%s.damaged", self._path, self._path.name)
        # These first: behind the file, they might be the next one's already.
        for end in ("-wal", "-shm"):
            Path(f"{self._path}{end}").unlink(missing_ok=True)
        self._path.replace(f"{self._path}.damaged")


def _prepare(file: sqlite3.Connection, most: int) -> None:
    with closing(file.execute("SELECT count(*) FROM sqlite_master")) as tables:
        is_new = tables.fetchone() == (0,)
    if is_new:
        file.executescript(
            f"PRAGMA page_size = {_PAGE}; PRAGMA journal_mode = WAL;"
            f"PRAGMA application_id = {_OURS}; {_TABLE}"
        )
    with closing(file.execute("PRAGMA application_id")) as stated:
        if stated.fetchone() != (_OURS,):
            raise WrongUse("this is a database of something else; choose another path")
    file.executescript(
        f"PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = {_LEAST};"
        f"PRAGMA max_page_count = {most // _PAGE};"
    )


def _code(failure: Exception) -> int:
    """Return SQLite's primary error code; what the module itself raises has none."""
    code: int = getattr(failure, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & 0xFF


def _inode(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_dev, found.st_ino


def _make_room(file: sqlite3.Connection) -> None:
    file.execute(
        "DELETE FROM answers WHERE name IN (SELECT name FROM answers ORDER BY until"
        " LIMIT (SELECT count(*) / 8 + 8 FROM answers))"
    )
