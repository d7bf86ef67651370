"""What the refresher hears of a CRL from the process that reads it, and believes of it.

Every word is checked: its form here, each record by `records.checked`. Whatever else comes, or
nothing, is a failed check with a name, and the refresher goes on.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from socket import socket
from typing import BinaryIO

from cattrs.errors import BaseValidationError
from cattrs.preconf.json import make_converter

from tashika.pki.crl_entries import instant
from tashika.pki.crl_head import CrlHead
from tashika.pki.standing import Reason
from tashika_server.refresh.cell import Cell, ConfinementFailed
from tashika_server.refresh.messages import MAX_MESSAGE_BYTES, Order
from tashika_server.refresh.records import CODES, Rubbish, checked
from tashika_server.refresh.room import Room
from tashika_server.refresh.source import Check, NotTaken

__all__ = ["Hearing", "Listed", "hearing"]

MAX_DETAIL_CHARS = 200
"""Of what a confined process may have written to the log of this one."""
_REFUSABLE = frozenset(
    {
        Check.FORM,
        Check.CRITICAL,
        Check.ENTRIES,
        Check.ENTRY_COUNT,
        Check.ENTRY_SIZE,
        Check.TIME,
        Check.MEMORY,
        Check.DISK,
    }
)
"""What the confined process may say of a file; the rest is for its betters to find."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    check: Check
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    entries: int
    in_spare: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """One message: exactly one of the three."""

    head: CrlHead | None = None
    ended: _Ended | None = None
    refused: _Refused | None = None


_JSON = make_converter(forbid_extra_keys=True)
_JSON.register_structure_hook(bytes, lambda text, _: bytes.fromhex(text))
_JSON.register_structure_hook(datetime, lambda seconds, _: instant(int(seconds)))
_JSON.register_structure_hook(range, lambda ends, _: range(*map(int, ends)))


@dataclass(frozen=True, slots=True)
class Listed:
    """The entries of a CRL, as a process wrote them that is not believed."""

    file: BinaryIO
    count: int
    reasons: frozenset[int]

    def __iter__(self) -> Iterator[bytes]:
        """Yield the records in blocks, ascending; raises NotTaken (reader)."""
        try:
            yield from checked(self.file, self.count, self.reasons)
        except Rubbish as rubbish:
            raise _misbehaved(str(rubbish)) from rubbish


class Hearing:
    """One talk: first the head, then, if the head was to one's liking, the entries."""

    def __init__(
        self, talk: socket, cell: Cell, files: tuple[BinaryIO, BinaryIO], until: float
    ) -> None:
        self._talk = talk
        self._cell = cell
        self._files = files
        self._until = until

    def head(self) -> CrlHead:
        """Hear what the list says of itself; raises NotTaken."""
        if (head := self._hear().head) is None:
            raise _misbehaved("it speaks out of turn")
        return head

    def listed(self, order: Order) -> Listed:
        """Have the entries read; raises NotTaken."""
        try:
            self._talk.send(order.message())
        except OSError as wrong:
            raise _misbehaved("it has died") from wrong
        if (ended := self._hear().ended) is None:
            raise _misbehaved("it speaks out of turn")
        reasons = frozenset(CODES.values())
        if not order.is_delta:
            reasons -= {CODES[Reason.REMOVE_FROM_CRL]}
        return Listed(self._files[ended.in_spare], ended.entries, reasons)

    def _hear(self) -> _Said:
        try:
            self._talk.settimeout(max(0.001, self._until - time.monotonic()))
            message = self._talk.recv(MAX_MESSAGE_BYTES)
        except TimeoutError as slow:
            self._cell.raze()
            raise NotTaken(Check.TIME, "reading it takes too long; ask the issuer") from slow
        except OSError as wrong:
            raise _misbehaved("it has died") from wrong
        if not message:
            raise _misbehaved("it has died")
        return _understand(message)


@contextmanager
def hearing(cell: Cell, file: BinaryIO, room: Room, *, patience: timedelta) -> Iterator[Hearing]:
    """Begin to have a file read; raises NotTaken."""
    files = room.scratch(), room.scratch()
    try:
        talk = cell.enter(file.fileno(), *(each.fileno() for each in files))
    except ConfinementFailed as failed:
        raise NotTaken(Check.READER, f"{failed}; look at the machine") from failed
    with talk:
        yield Hearing(talk, cell, files, time.monotonic() + patience.total_seconds())


def _understand(message: bytes) -> _Said:
    try:
        said = _JSON.loads(message, _Said)
    except (ValueError, RecursionError, BaseValidationError) as wrong:
        raise _misbehaved("it says what makes no sense") from wrong
    refused = said.refused
    if refused is None:
        return said
    if refused.check not in _REFUSABLE or not refused.detail.isprintable():
        raise _misbehaved("it refuses in words that are not its own")
    raise NotTaken(refused.check, refused.detail[:MAX_DETAIL_CHARS])


def _misbehaved(how: str) -> NotTaken:
    detail = f"the process that reads it misbehaves: {how}; keep the file and report this"
    return NotTaken(Check.READER, detail)
