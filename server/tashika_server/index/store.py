"""The open LMDB environment of the index and the handles of its databases.

What LMDB demands of a process is kept here: one environment per file, opened after any fork,
and a map that another process may have made larger.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import lmdb

from tashika_server.index.errors import IndexForeign
from tashika_server.index.ground import Commit
from tashika_server.index.layout import (
    DATABASES,
    PACKED,
    SCHEMA,
    SORTED,
    pack_number,
    unpack_number,
)

__all__ = ["Cursor", "Store", "Transaction", "create_store", "open_store"]

Transaction: TypeAlias = "lmdb.Transaction[bytes]"
Cursor: TypeAlias = "lmdb.Cursor[bytes]"

MAX_READERS = 1024
"""Snapshots held at once by all processes; a slot is 64 bytes, and killed readers leave theirs."""


@dataclass(slots=True)
class Store:
    """An open environment; closes when the last reference, a transaction's too, is gone."""

    environment: lmdb.Environment
    databases: dict[str, lmdb._Database]
    lineage: object = field(default_factory=object)
    """Stands for this very file, among all that a reader opens one after the other."""
    commit: Commit | None = None
    """What is remembered of the commit that was looked at last."""

    def begin(self) -> Transaction:
        """Begin to read the newest generation; entries are read if no database is named."""
        entries = self.databases["entries"]
        try:
            return self.environment.begin(entries)
        except lmdb.MapResizedError:
            self.environment.set_mapsize(0)  # adopt the size that the writer has chosen
            return self.environment.begin(entries)


def create_store(path: Path, size: int) -> Store:
    """Open for writing, and make what is not there yet; raises lmdb.Error and IndexForeign."""
    environment = lmdb.open(
        str(path),
        map_size=size,
        mode=0o750,
        max_dbs=len(DATABASES),
        max_readers=MAX_READERS,
        max_spare_txns=1,
    )
    with _closed_on_failure(environment), environment.begin(write=True) as transaction:
        databases = {
            name: environment.open_db(
                name.encode(), transaction, dupsort=name in SORTED, dupfixed=name in PACKED
            )
            for name in DATABASES
        }
        transaction.put(b"schema", pack_number(SCHEMA), overwrite=False, db=databases["meta"])
        _check_schema(path, transaction, databases)
    return Store(environment, databases)


def open_store(path: Path) -> Store:
    """Open for reading; raises lmdb.Error where nothing is there, and IndexForeign."""
    environment = lmdb.open(
        str(path),
        map_size=0,  # whatever the writer has chosen
        readonly=True,
        create=False,
        readahead=False,
        max_dbs=len(DATABASES),
        max_spare_txns=1,
    )
    with _closed_on_failure(environment):
        # Not in one transaction: a reading one is reset at its end, and its handles are lost.
        databases = {name: environment.open_db(name.encode(), create=False) for name in DATABASES}
        with environment.begin() as transaction:
            _check_schema(path, transaction, databases)
    return Store(environment, databases)


@contextmanager
def _closed_on_failure(environment: lmdb.Environment) -> Iterator[None]:
    """Close at once what cannot be used: a process may not open it twice."""
    try:
        yield
    except BaseException:
        environment.close()
        raise


def _check_schema(
    path: Path, transaction: Transaction, databases: dict[str, lmdb._Database]
) -> None:
    schema = unpack_number(transaction.get(b"schema", db=databases["meta"]))
    if schema != SCHEMA:
        raise IndexForeign(
            f"the index in {path} has form {schema} and this version needs {SCHEMA}; "
            "move it away, and a new one is loaded from the CRLs"
        )
