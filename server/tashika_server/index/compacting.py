"""Writing an index anew, in the order of its keys, so that its pages are full again.

A page that is split by an entry in its midst stays half full until more come there. Years of
changes so make its pages grow to some twice their size, and no further: what is free is used again.
Nothing that it says changes, neither generation nor marks, and a history goes on beside it.

| killed                   | index   | the next time                            |
|--------------------------|---------|------------------------------------------|
| before it takes its place| as ever | the half-written one is thrown away      |
| after                    | anew    | nothing                                  |
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import lmdb

from tashika_server.durable import sync_directory
from tashika_server.index.errors import IndexBusy, IndexMissing, IndexWriteFailed
from tashika_server.index.layout import DATABASES
from tashika_server.index.store import Store, create_store, open_store
from tashika_server.index.writer import lock

__all__ = ["compact"]

FRESH = "compacting"
AT_ONCE = 1_000_000
"""Rows in one commit, whose pages are in memory until then: some 40 MB."""


def compact(path: Path, size: int) -> tuple[int, int]:
    """Replace the index by one that says the same; returns how many octets it had and has.

    No process may have it open. `size` is the room of the new one. Raises IndexBusy,
    IndexMissing, IndexForeign and IndexWriteFailed.
    """
    if not (path / "data.mdb").exists():
        raise IndexMissing(f"there is no index in {path}")
    held = lock(path)
    fresh = path / FRESH
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        before = (path / "data.mdb").stat().st_size
        _write_anew(path, fresh, size)
        (fresh / "data.mdb").replace(path / "data.mdb")
        sync_directory(path)
        return before, (path / "data.mdb").stat().st_size
    except (lmdb.Error, OSError) as failure:
        raise IndexWriteFailed(f"{path} cannot be written anew ({failure}); make room") from failure
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        os.close(held)


def _write_anew(path: Path, fresh: Path, size: int) -> None:
    old = open_store(path)
    with closing(old.environment):
        old.environment.reader_check()
        if _others(old):
            raise IndexBusy(f"a process reads the index in {path}; stop the service first")
        new = create_store(fresh, size)
        with closing(new.environment):
            for name in DATABASES:
                _copy(name, old, new)
            new.environment.sync(True)


def _others(store: Store) -> bool:
    """Tell whether other processes have it open that live."""
    _, *lines = store.environment.readers().splitlines()
    return any(line.split()[0] != str(os.getpid()) for line in lines)


def _copy(name: str, old: Store, new: Store) -> None:
    is_behind = name != "meta"  # which has its schema already
    with old.environment.begin(old.databases[name]) as reading, reading.cursor() as cursor:
        rows: Iterator[tuple[bytes, bytes]] = iter(cursor)
        while some := list(islice(rows, AT_ONCE)):
            with (
                new.environment.begin(new.databases[name], write=True) as writing,
                writing.cursor() as place,
            ):
                place.putmulti(some, append=is_behind)
