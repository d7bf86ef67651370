"""Reading the index: any number of processes, none of which waits for the writer."""

import time
from pathlib import Path
from threading import Lock
from typing import Self

import lmdb

from tashika_server.index.errors import IndexForeign, IndexMissing
from tashika_server.index.snapshot import Snapshot
from tashika_server.index.store import Store, open_store

__all__ = ["IndexReader"]

LOOK_AGAIN_SECONDS = 1.0
"""How soon a reader notices that an operator has put another index at its path."""


class IndexReader:
    """The index at a path, which need not exist yet; for all threads of one process.

    Opens when it is first asked for a snapshot, so make it before a fork if you like, but ask
    after. LMDB allows one environment per file and process: a process that has an IndexWriter
    takes its `reader`.
    """

    def __init__(self, path: Path, *, store: Store | None = None) -> None:
        self._path = path
        self._store = store
        self._opened = (0, 0)
        self._look_again = float("inf") if store else 0.0
        self._opening = Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Make a reader of the index at this path, whether or not it is there yet."""
        return cls(path)

    def snapshot(self) -> Snapshot:
        """Take hold of the newest generation; raises IndexMissing while there is none to read."""
        try:
            return Snapshot(self._current())
        except (lmdb.Error, OSError, IndexForeign) as failure:
            raise IndexMissing(f"there is no index in {self._path}: {failure}") from failure

    def room(self) -> tuple[int, int]:
        """Return how many bytes the index has ever taken, and may take; raises IndexMissing.

        What was taken once is used again, so that the first number never falls.
        """
        try:
            environment = self._current().environment
            taken = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
            return taken, environment.info()["map_size"]
        except (lmdb.Error, OSError, IndexForeign) as failure:
            raise IndexMissing(f"there is no index in {self._path}: {failure}") from failure

    def close(self) -> None:
        """Close the index; the next snapshot opens it again."""
        if self._store:
            self._store.environment.close()
            self._store = None

    def _current(self) -> Store:
        store = self._store
        if store is None or time.monotonic() > self._look_again:
            with self._opening:
                return self._look()
        return store

    def _look(self) -> Store:
        """Open the index, again if it is another one than before."""
        store = self._store
        # Asked for once more behind each opening: it may be replaced just then.
        while store is None or self._file() != self._opened:
            # Let go first: where the old lock has stayed, it must not be opened twice.
            store = self._store = None
            self._opened = self._file()
            store = self._store = open_store(self._path)
        self._look_again = time.monotonic() + LOOK_AGAIN_SECONDS
        return store

    def _file(self) -> tuple[int, int]:
        """Tell one file from any other that exists at the same time."""
        file = (self._path / "data.mdb").stat()
        return file.st_dev, file.st_ino
