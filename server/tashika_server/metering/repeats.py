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
from zlib import crc32

__all__ = ["Repeats"]

FILE = "repeats.1"
"""In the run directory; the number is that of the layout."""
ENTRIES = 2**19
"""16 MB: for a minute of the largest burst there is to answer, 5,000 a second, and half more."""
WINDOW = timedelta(seconds=60)
"""Clients give up sooner."""

_TAG = Struct("<16s8sI")
_ENTRY = Struct("<16s8sII")
_SECOND = Struct("<I")
_WAYS = 4
_SECONDS = Struct("<" + "28xI" * _WAYS)
_BUCKET = _WAYS * _ENTRY.size


class Repeats:
    """The table of this machine; each process opens it for itself."""

    def __init__(self, table: mmap.mmap, *, window: timedelta) -> None:
        self._table = table
        self._buckets = len(table) // _BUCKET
        self._window = int(window.total_seconds())

    @classmethod
    def open(cls, run: Path, *, entries: int = ENTRIES, window: timedelta = WINDOW) -> "Repeats":
        """Open or make the file in the run directory; raises OSError."""
        file = os.open(run / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(file, entries * _ENTRY.size)
            return cls(mmap.mmap(file, entries * _ENTRY.size), window=window)
        finally:
            os.close(file)

    def seen(self, pseudonym: bytes, nonce: bytes, second: int) -> bool:
        """Tell whether an answer about this certificate to this nonce was marked lately."""
        place, tag = self._bucket(pseudonym), _TAG.pack(pseudonym, nonce, crc32(nonce))
        # A copy, since before Python 3.11.4 a search in a map may read behind its end.
        bucket = self._table[place : place + _BUCKET]
        found = bucket.find(tag)
        while found >= 0:
            marked: int = _SECOND.unpack_from(bucket, found + _TAG.size)[0]
            if abs(second - marked) <= self._window:
                return True
            found = bucket.find(tag, found + _ENTRY.size)
        return False

    def mark(self, pseudonym: bytes, nonce: bytes, second: int) -> None:
        """Remember an answer that was handed over, in place of the oldest of its bucket."""
        bucket = self._bucket(pseudonym)
        seconds = _SECONDS.unpack_from(self._table, bucket)
        oldest = bucket + seconds.index(min(seconds)) * _ENTRY.size
        _ENTRY.pack_into(self._table, oldest, pseudonym, nonce, crc32(nonce), second)

    def close(self) -> None:
        """Let go of the file."""
        self._table.close()

    def _bucket(self, pseudonym: bytes) -> int:
        number: int = _SECOND.unpack_from(pseudonym)[0]
        return number % self._buckets * _BUCKET
