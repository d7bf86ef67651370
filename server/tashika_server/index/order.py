"""Rows of `entries` in the order of their keys, be they a partition's or a nation's.

B-tree pages that are appended to become full, those that are inserted into stay a third to a half
empty. Not for what a row is made of (`layout`).
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from struct import Struct
from typing import TypeAlias

from tashika_server.index.layout import ID_BYTES, MAX_SERIAL_BYTES
from tashika_server.index.store import Cursor
from tashika_server.sorting import Runs

__all__ = ["Row", "in_order", "put_ascending"]

Row: TypeAlias = tuple[bytes, bytes]
"""A key and a value."""

IN_MEMORY = 1 << 17
"""Rows that are sorted in memory: some 25 MB."""
_KEY = ID_BYTES + 1 + MAX_SERIAL_BYTES
_SHORT, _LONG = 7, 15
"""Octets of a value without and with a second date (`layout.pack_entry`)."""
_PADDED = Struct(f"{_KEY}s{_SHORT}s{_LONG - _SHORT}s")
_NO_DATE = (-(1 << 63)).to_bytes(8, "big", signed=True)
"""In place of the second date; no entry has this one."""


@contextmanager
def in_order(pieces: Iterable[list[Row]], directory: Path) -> Iterator[Iterator[list[Row]]]:
    """Lend all rows in the order of their keys, some thousands at a time; raises OSError.

    What memory does not hold is meanwhile in a file without a name in the directory.
    """
    left, rows = iter(pieces), list[Row]()
    for piece in left:
        rows += piece
        if len(rows) > IN_MEMORY:
            break
    else:
        rows.sort()
        yield iter([rows])
        return
    with tempfile.TemporaryFile(dir=directory) as file:
        runs = Runs(file.fileno(), _PADDED.size, run=IN_MEMORY)
        for piece in chain([rows], left):
            runs.add(_pad(piece))
        yield (_bare(b"".join(some)) for some in runs.merged())


def put_ascending(cursor: Cursor, rows: Iterator[Row]) -> int:
    """Put rows whose keys ascend and return how many; one that is there already is left."""
    if (first := next(rows, None)) is None:
        return 0
    # Appended behind all others, rows fill their pages; elsewhere half of a page stays free.
    behind = not cursor.last() or cursor.key() < first[0]
    return cursor.putmulti(chain((first,), rows), overwrite=False, append=behind)[1]


def _pad(rows: list[Row]) -> list[bytes]:
    """Bring rows to one size; a key tells its length, so padded ones sort alike."""
    return [
        key.ljust(_KEY, b"\0") + (value if len(value) > _SHORT else value + _NO_DATE)
        for key, value in rows
    ]


def _bare(records: bytes) -> list[Row]:
    return [
        (key[: ID_BYTES + 1 + key[ID_BYTES]], value if since == _NO_DATE else value + since)
        for key, value, since in _PADDED.iter_unpack(records)
    ]
