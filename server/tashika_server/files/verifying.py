"""Whether everything that an archive keeps is still as it came, and is what its row says.

Not for what it says of certificates: the index is compared with that by `doctor.auditing`.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from tashika.pki.compact.head_codec import MAX_HEAD_BYTES, PREAMBLE, read_head
from tashika.pki.crl import parse_crl
from tashika.pki.errors import PkiError
from tashika_server.files.archive import Archive
from tashika_server.files.errors import FileDamaged
from tashika_server.files.facts import Kept

__all__ = ["Fault", "Finding", "verify"]

_Said = tuple[int | None, int | None, datetime, datetime | None]

MAX_LOOKED_INTO = 1 << 26
"""Octets of a CRL whose own number and times are read again; beyond, its digest speaks alone."""


class Fault(StrEnum):
    """What `verify` can find, worst first."""

    MISSING = "missing"
    DAMAGED = "damaged"
    DISAGREES = "disagrees"
    """The file itself says another number or other times than its row."""
    ORDER = "order"
    """Its number is not above that of the one before (RFC 5280 5.2.3)."""


class Finding(NamedTuple):
    """Something wrong with a file that is kept."""

    file: Kept
    fault: Fault
    detail: str


def verify(archive: Archive) -> Iterator[Finding]:
    """Read everything that is kept, and yield what is wrong with it."""
    for place in archive.catalog.places():
        last: int | None = None
        for file in archive.catalog.of(*place):
            if last is not None and file.number < last:
                yield Finding(file, Fault.ORDER, f"number {file.number} came after {last}")
            last = file.number
            if file.leaving is None:
                yield from _verify(archive, file)


def _verify(archive: Archive, file: Kept) -> Iterator[Finding]:
    if not archive.packed(file).exists():
        yield Finding(file, Fault.MISSING, "its content is not there")
        return
    try:
        if said := _says_otherwise(archive, file):
            yield Finding(file, Fault.DISAGREES, said)
    except FileDamaged as damaged:
        yield Finding(file, Fault.DAMAGED, str(damaged))


def _says_otherwise(archive: Archive, file: Kept) -> str | None:
    """Tell what the file itself says, if it is not what its row says."""
    if file.kind.is_crl and file.size > MAX_LOOKED_INTO:
        for _ in archive.content(file):
            pass
        return None
    try:
        its = (_of_crl if file.kind.is_crl else _of_compact)(archive.content(file))
    except PkiError as wrong:
        return f"it is no {file.kind}: {wrong}"
    row = (file.number, file.base, file.this_update, file.next_update)
    return None if its == row else "its own number or times are not those of its row"


def _of_crl(content: Iterator[bytes]) -> _Said:
    crl = parse_crl(b"".join(content))
    return crl.number, crl.base_number, crl.this_update, crl.next_update


def _of_compact(content: Iterator[bytes]) -> _Said:
    start = bytearray()
    for piece in content:  # to its end: the digest is of all of it
        start += piece[: PREAMBLE + MAX_HEAD_BYTES - len(start)]
    head = read_head(bytes(start)).head
    base = head.base.number if head.base else None
    return head.number, base, head.this_update, head.next_update
