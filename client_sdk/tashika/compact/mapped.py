"""A file of a compact set or a delta, mapped into memory and checked from end to end."""

import os
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Self
from weakref import finalize

from tashika.compact.trust import Trust, Validity, require_trusted
from tashika.pki.compact.content import Content
from tashika.pki.compact.faults import CompactRefused, Fault
from tashika.pki.compact.head import Kind, SignedHead
from tashika.pki.compact.head_codec import PREAMBLE, parse_head, read_preamble
from tashika.pki.errors import Malformed, PkiError, Unsupported

_CHUNK = 1 << 20


class Mapped:
    """A mapped file; whoever replaces it puts another in its place, and never writes into it.

    Nothing is checked but that the head can be read: `check` does.
    """

    def __init__(self, path: Path) -> None:
        """Map a file; raises CompactRefused: UNREADABLE, TRUNCATED, MALFORMED, UNSUPPORTED."""
        self.path = path
        self._content: Content | None = None
        self._descriptor = _open(path)
        self._let_go = finalize(self, os.close, self._descriptor)
        self._when_opened = _written(self._descriptor)
        self.data = _map(self._descriptor)
        try:
            self.signed = _read_head(self.data)
        except BaseException:
            self.data.close()
            raise
        self.head = self.signed.head
        self._start = PREAMBLE + len(self.signed.encoded)

    @property
    def is_untouched(self) -> bool:
        """True as long as nobody has written into the file itself since it was opened."""
        return not self._let_go.alive or _written(self._descriptor) == self._when_opened

    def check(self, kind: Kind, trust: Trust, *, at: datetime) -> tuple[Content, Validity]:
        """Check all of the file and return what it holds, and how long its signer is fit.

        1. It is of this kind.
        2. Its head is signed by somebody who may (`require_trusted`).
        3. It ends where the head says, behind the details or before them.
        4. Every section has its SHA-256.
        5. The sections are what they should be, as far as that can be told without reading all.

        Raises CompactRefused. Reads the file once, from its first octet to its last.
        """
        # 1
        if self.head.kind is not kind:
            text = f"the file is a {self.head.kind.name.lower()}, not a {kind.name.lower()}"
            raise CompactRefused(Fault.MALFORMED, text)
        # 2
        until = require_trusted(self.signed, trust, at=at)
        # 3 and 4
        self._require_digests()
        # 5
        return self.content(), until

    def content(self) -> Content:
        """Return what the file holds without looking at it; raises CompactRefused: MALFORMED."""
        try:
            self._content = Content(self.data, self.head, self._start)
        except Malformed as wrong:
            raise CompactRefused(Fault.MALFORMED, str(wrong)) from wrong
        return self._content

    def close(self) -> None:
        """Unmap the file; nobody may read in its content any more."""
        if self._content:
            self._content.release()
        # Where making the content failed, it may still hold views; then it goes with them.
        with suppress(BufferError):
            self.data.close()
        self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _require_digests(self) -> None:
        size, start = len(self.data), self._start
        whole = start + sum(each.length for each in self.head.sections)
        core = whole - sum(each.length for each in self.head.sections if each.part.is_detail)
        if size not in (core, whole):
            fault = Fault.TRUNCATED if size < whole else Fault.MALFORMED
            raise CompactRefused(fault, f"the file has {size} octets of {whole} (or {core})")
        for section in self.head.sections:
            end = start + section.length
            if end <= size and _digest(self.data, start, end) != section.sha256:
                name = section.part.name.lower()
                raise CompactRefused(Fault.DAMAGED, f"section {name} is not what was signed")
            start = end


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except (OSError, ValueError) as wrong:
        raise CompactRefused(Fault.UNREADABLE, f"the file cannot be opened: {wrong}") from wrong


def _map(descriptor: int) -> mmap:
    try:
        if not os.fstat(descriptor).st_size:
            raise CompactRefused(Fault.TRUNCATED, "the file is empty")
        return mmap(descriptor, 0, access=ACCESS_READ)
    except (OSError, ValueError) as wrong:
        raise CompactRefused(Fault.UNREADABLE, f"the file cannot be mapped: {wrong}") from wrong


def _written(descriptor: int) -> tuple[int, int]:
    """Return what changes when somebody writes into a file, and not when it is replaced."""
    found = os.fstat(descriptor)
    return found.st_size, found.st_mtime_ns


def _read_head(data: mmap) -> SignedHead:
    if len(data) < PREAMBLE:
        raise CompactRefused(Fault.TRUNCATED, "the file ends before its head")
    try:
        length = read_preamble(data[:PREAMBLE])
        if len(data) < PREAMBLE + length:
            raise CompactRefused(Fault.TRUNCATED, "the file ends within its head")
        return parse_head(data[PREAMBLE : PREAMBLE + length])
    except Unsupported as unknown:
        raise CompactRefused(Fault.UNSUPPORTED, str(unknown)) from unknown
    except PkiError as wrong:
        raise CompactRefused(Fault.MALFORMED, str(wrong)) from wrong


def _digest(data: mmap, start: int, end: int) -> bytes:
    digest = sha256()
    with memoryview(data) as view:
        for at in range(start, end, _CHUNK):
            digest.update(view[at : min(at + _CHUNK, end)])
    return digest.digest()
