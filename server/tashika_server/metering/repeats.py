"""Questions asked again: the same nonce about the same certificate, a moment later.

A client that did not hear an answer asks anew, and often of another worker. All workers of a
machine share one small table of what was handed over lately, so that the second answer is
recorded as a retry; whether a retry is billed is for the book to say. Only answers that were
handed over are in it: if the first was never delivered, the second is the one that counts.

Nothing is locked. Two workers that mark at once in one bucket, a crowd (more than a thousand
answers with a nonce a second for each MB of it), or a restart of the machine may lose a mark,
and then a retry counts as a fresh answer once. Nothing makes a fresh answer a retry: an entry is
the certificate's pseudonym, which is keyed by verifier, with the beginning of the nonce and a
checksum over all of it, for some clients count in its end.
"""

import mmap
import os
from datetime import timedelta
from pathlib import Path
from struct import Struct
from typing import Final
from zlib import crc32

__all__ = ["Repeats", "trace_of"]

FILE = "repeats.1"
"""In the run directory; the number is that of the layout."""
ENTRIES = 2**19
"""16 MB: for a minute of the largest burst there is to answer, 5,000 a second, and half more."""
WINDOW = timedelta(seconds=60)
"""Clients give up sooner."""

_TRACE = Struct("<16s8sI")
_ENTRY = Struct(f"<{_TRACE.size}sI")
_ENTRY_BYTES: Final = _ENTRY.size
_SECOND_AT: Final = _TRACE.size
_WAYS: Final = 4
_BUCKET_BYTES: Final = _WAYS * _ENTRY_BYTES

# For the hot path.
_trace: Final = _TRACE.pack
_put: Final = _ENTRY.pack_into
_second: Final = Struct("<I").unpack_from
_seconds: Final = Struct("<" + f"{_SECOND_AT}xI" * _WAYS).unpack_from


def trace_of(pseudonym: bytes, nonce: bytes) -> bytes:
    """Write what an answer about a certificate to a nonce leaves in the table: 28 octets."""
    return _trace(pseudonym, nonce, crc32(nonce))


class Repeats:
    """The table of this machine; each process opens it for itself."""

    def __init__(self, table: mmap.mmap, *, window: timedelta) -> None:
        self._table = table
        self._buckets = len(table) // _BUCKET_BYTES
        self._window = int(window.total_seconds())

    @classmethod
    def open(cls, run: Path, *, entries: int = ENTRIES, window: timedelta = WINDOW) -> "Repeats":
        """Open or make the file in the run directory; raises OSError."""
        file = os.open(run / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(file, entries * _ENTRY_BYTES)
            return cls(mmap.mmap(file, entries * _ENTRY_BYTES), window=window)
        finally:
            os.close(file)

    def seen(self, trace: bytes, second: int) -> bool:
        """Tell whether an answer that leaves this trace was marked lately."""
        place = self._bucket(trace)
        bucket = self._table[place : place + _BUCKET_BYTES]
        for way in range(_WAYS):
            entry = way * _ENTRY_BYTES
            if bucket[entry : entry + _SECOND_AT] == trace:
                marked: int = _second(bucket, entry + _SECOND_AT)[0]
                if abs(second - marked) <= self._window:
                    return True
        return False

    def mark(self, trace: bytes, second: int) -> None:
        """Remember an answer that was handed over, in place of the oldest of its bucket."""
        place = self._bucket(trace)
        seconds = _seconds(self._table, place)
        oldest = place + seconds.index(min(seconds)) * _ENTRY_BYTES
        _put(self._table, oldest, trace, second)

    def close(self) -> None:
        """Let go of the file."""
        self._table.close()

    def _bucket(self, trace: bytes) -> int:
        number = trace[0] | trace[1] << 8 | trace[2] << 16 | trace[3] << 24
        return number % self._buckets * _BUCKET_BYTES
