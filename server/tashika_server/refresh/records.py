"""Entries as records of one size in a file: sorted by serial, and never all in memory.

A file of records is as good as the process that wrote it: `checked` reads one that is not ours.

| octets | what |
|---|---|
| 32 | serial, big-endian |
| 4 | revoked at, seconds since 1970 |
| 1 | reason + 1; 0 for none |
| 8 | invalid since, signed seconds since 1970; the lowest number for none |
"""

import os
from collections.abc import Container, Iterator, Sequence
from datetime import timedelta
from struct import Struct
from typing import BinaryIO, overload

from tashika.pki.crl_entries import CrlEntry, instant
from tashika.pki.standing import Reason

__all__ = ["CODES", "NEVER", "RECORD", "Pairs", "Records", "Rubbish", "checked", "pack"]

RECORD = Struct(">32sIBq")
NEVER = -(1 << 63)
_EPOCH = instant(0)
_HALVES = Struct(">32s13s")

_AT_ONCE = 4 * 1024
"""Records that are read or written together: 180 kB."""
CODES: dict[Reason | None, int] = {None: 0, **{reason: reason + 1 for reason in Reason}}
_REASONS = {code: reason for reason, code in CODES.items()}
_PLAIN = frozenset(RECORD.pack(b"", 0, code, NEVER)[36:] for code in _REASONS)
"""How nearly all records end: a reason, and no other date."""


class Rubbish(Exception):
    """A file of records is not what `checked` may pass on."""


def pack(entry: CrlEntry) -> bytes:
    """Write an entry; its dates are within 1970 to 2105."""
    number = entry.serial.to_bytes(32, "big")
    since = NEVER if entry.invalid_since is None else int(entry.invalid_since.timestamp())
    return RECORD.pack(number, int(entry.revoked_at.timestamp()), CODES[entry.reason], since)


class Records(Sequence[CrlEntry]):
    """The entries in a part of a file, made anew each time one is asked for."""

    def __init__(self, file: BinaryIO, within: range) -> None:
        self._file = file
        self._within = within

    @classmethod
    def of(cls, file: BinaryIO) -> "Records":
        """Take everything that has been written to a file; raises OSError."""
        file.flush()
        return cls(file, range(file.tell() // RECORD.size))

    def __len__(self) -> int:
        return len(self._within)

    @overload
    def __getitem__(self, index: int) -> CrlEntry: ...
    @overload
    def __getitem__(self, index: slice) -> "Records": ...
    def __getitem__(self, index: int | slice) -> "CrlEntry | Records":
        if isinstance(index, slice):
            return Records(self._file, self._within[index])
        return _entries(_read(self._file, self._within[index], 1))[0]

    def __iter__(self) -> Iterator[CrlEntry]:
        """Read on, of records that stand one behind the other: no slice has a step."""
        for data in _blocks(self._file, self._within):
            yield from _entries(data)


class Pairs(Sequence[tuple[CrlEntry, CrlEntry]]):
    """What was, and what is now, in two equally long sequences."""

    def __init__(self, before: Sequence[CrlEntry], after: Sequence[CrlEntry]) -> None:
        self._before = before
        self._after = after

    def __len__(self) -> int:
        return len(self._before)

    @overload
    def __getitem__(self, index: int) -> tuple[CrlEntry, CrlEntry]: ...
    @overload
    def __getitem__(self, index: slice) -> "Pairs": ...
    def __getitem__(self, index: int | slice) -> "tuple[CrlEntry, CrlEntry] | Pairs":
        if isinstance(index, slice):
            return Pairs(self._before[index], self._after[index])
        return self._before[index], self._after[index]

    def __iter__(self) -> Iterator[tuple[CrlEntry, CrlEntry]]:
        return zip(self._before, self._after, strict=True)


def checked(file: BinaryIO, count: int, reasons: Container[int]) -> Iterator[tuple[bytes, bytes]]:
    """Read all records of a file that another process wrote, as serial and rest; raises Rubbish.

    There are `count` of them and nothing else, serials ascend, reasons are of those given and
    times can be written as dates.
    """
    plain = frozenset(ending for ending in _PLAIN if ending[0] in reasons)
    if os.fstat(file.fileno()).st_size != count * RECORD.size:
        raise Rubbish("the file of entries has another size than it should")
    last = b""
    for data in _blocks(file, range(count)):
        for serial, rest in _HALVES.iter_unpack(data):
            if serial <= last:
                raise Rubbish("the serials do not ascend")
            if rest[4:] not in plain and not _is_credible(rest, reasons):
                raise Rubbish("an entry has a reason or a date that does not exist")
            last = serial
            yield serial, rest


def _is_credible(rest: bytes, reasons: Container[int]) -> bool:
    since = int.from_bytes(rest[5:], "big", signed=True)
    return rest[4] in reasons and 0 <= since < 1 << 32


def _blocks(file: BinaryIO, within: range) -> Iterator[bytes]:
    for at in range(within.start, within.stop, _AT_ONCE):
        yield _read(file, at, min(_AT_ONCE, within.stop - at))


def _read(file: BinaryIO, first: int, count: int) -> bytes:
    found = os.pread(file.fileno(), count * RECORD.size, first * RECORD.size)
    if len(found) != count * RECORD.size:
        raise OSError("a spooled file has become shorter")
    return found


def _entries(data: bytes) -> list[CrlEntry]:
    number, reasons = int.from_bytes, _REASONS
    # Written out, and past CrlEntry's own __new__: loads of millions come through here.
    return [
        tuple.__new__(
            CrlEntry,
            (
                number(serial, "big"),
                _EPOCH + timedelta(0, revoked_at),
                reasons[reason],
                None if since == NEVER else instant(since),
            ),
        )
        for serial, revoked_at, reason, since in RECORD.iter_unpack(data)
    ]
