"""What a confined process does with one CRL: say what its head says, then pack its entries.

Whatever is wrong with the file ends in a refusal with its name. Not for anything that needs
trust: the refresher verifies the signature itself and checks every record it is given.
"""

import os
from collections.abc import Iterator
from errno import EFBIG, ENOSPC
from functools import lru_cache
from socket import socket

from tashika.pki.crl_entries import EntryTooLong, Row, read_rows
from tashika.pki.crl_head import CrlHead, read_frame, read_head
from tashika.pki.errors import Malformed, PkiError, Unsupported
from tashika.pki.names import name_text, same_name
from tashika.pki.standing import Reason
from tashika_server.refresh.messages import (
    MAX_MESSAGE_BYTES,
    Order,
    ended,
    head_message,
    read_order,
    refusal,
)
from tashika_server.refresh.records import CODES, NEVER, RECORD
from tashika_server.refresh.sorting import Sorter, Twice

__all__ = ["OutOfTime", "read"]

PIECE = 1 << 20


class OutOfTime(Exception):
    """The processor time of this process is spent."""


class _Refused(Exception):
    """The file cannot be taken in: the check it failed at, and why."""


def read(talk: socket, file: int, entries: int, spare: int) -> None:
    """Read one CRL from `file` and talk about it; records go to `entries` or `spare`."""
    try:
        head = _head(file)
        talk.send(head_message(head))
        if said := talk.recv(MAX_MESSAGE_BYTES):
            order = read_order(said)
            sorter = Sorter(entries, spare)
            count = _pack(file, head, order, sorter)
            talk.send(ended(count, in_spare=sorter.finish() == spare))
    except _Refused as refused:
        talk.send(refusal(*refused.args))
    except Twice:
        talk.send(refusal("entries", "a serial is listed twice"))
    except OutOfTime:
        talk.send(refusal("time", "reading it takes too long; ask the issuer"))
    except MemoryError:
        talk.send(refusal("memory", "reading it takes too much memory; ask the issuer"))
    except OSError as wrong:
        if wrong.errno not in (EFBIG, ENOSPC):
            raise
        talk.send(refusal("disk", "its entries do not fit on the disk; make room"))


def _head(file: int) -> CrlHead:
    def window(at: int, count: int) -> bytes:
        return os.pread(file, count, at)

    try:
        return read_head(window, read_frame(window, os.fstat(file).st_size))
    except PkiError as wrong:
        detail = f"this is no CRL in DER that can be read: {wrong}"
        raise _Refused("form", detail) from wrong


def _pack(file: int, head: CrlHead, order: Order, sorter: Sorter) -> int:
    """Read, judge and pack all entries; return how many are to be taken."""
    packing = _Packing(head, order)
    taken = 0
    try:
        for rows in read_rows(_pieces(file, head.listed), len(head.listed)):
            records = packing.pack(rows)
            taken += len(records)
            sorter.add(records, ascend=packing.ascend)
    except PkiError as wrong:
        raise _Refused(_check_of(wrong), f"entry {packing.seen + 1}: {wrong}") from wrong
    return taken


def _pieces(file: int, within: range) -> Iterator[bytes]:
    for at in range(within.start, within.stop, PIECE):
        yield os.pread(file, min(PIECE, within.stop - at), at)


def _check_of(wrong: PkiError) -> str:
    if isinstance(wrong, EntryTooLong):
        return "entry-size"
    return "critical-extension" if isinstance(wrong, Unsupported) else "entries"


class _Packing:
    """The entries of one CRL on their way to records, and what must be remembered meanwhile."""

    def __init__(self, head: CrlHead, order: Order) -> None:
        self.seen = 0
        self.ascend = True
        self._order = order
        self._last = -1
        other = order.other_issuer
        self._wanted = head.issuer_name if other is None else bytes.fromhex(other)
        self._is_wanted = _same(head.issuer_name, self._wanted)

    def pack(self, rows: list[Row]) -> list[bytes]:
        """Judge rows and pack those that are wanted; raises Malformed and Unsupported."""
        records: list[bytes] = []
        add, write, begin, end = records.append, RECORD.pack, self._order.begin, self._order.end
        for row in rows:
            serial, at, reason, since, issuer = row
            if since is not None or issuer is not None or reason is _REMOVED:
                self._judge(row)
            if not begin <= at <= end:
                raise Malformed("its date is not within the issuer's life until now")
            self.seen += 1
            if not self._is_wanted:
                continue
            if serial <= self._last:
                self.ascend = False
            self._last = serial
            add(
                write(
                    serial.to_bytes(32, "big"), CODES[reason], at, NEVER if since is None else since
                )
            )
        if self.seen > self._order.max_entries:
            detail = f"it lists more than {self._order.max_entries} entries; ask the issuer"
            raise _Refused("entry-count", detail)
        return records

    def _judge(self, row: Row) -> None:
        """Look at what few entries have."""
        _, _, reason, since, issuer = row
        if issuer is not None:  # RFC 5280 5.3.3: this entry's, and that of those that follow
            if self._order.other_issuer is None:
                raise Unsupported("a CRL entry speaks for another issuer")
            self._is_wanted = _same(issuer, self._wanted)
        if since is not None and not self._order.begin <= since <= self._order.end:
            raise Malformed("its invalidityDate is not within the issuer's life until now")
        if reason is _REMOVED and not self._order.is_delta:
            raise Malformed("removeFromCRL belongs in deltas only")  # RFC 5280 5.3.1


@lru_cache(maxsize=64)
def _same(one: bytes, other: bytes) -> bool:
    """Compare DER Names by what they say, not by how: an entry left out would be good."""
    return one == other or same_name(name_text(one), name_text(other))


_REMOVED = Reason.REMOVE_FROM_CRL
