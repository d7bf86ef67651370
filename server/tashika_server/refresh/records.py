"""Entries as records of one size in a file: sorted by serial, and never all in memory.

A file of records is as good as the process that wrote it: `checked` reads one that is not ours.

| octets | what |
|---|---|
| 32 | serial, big-endian |
| 1 | reason + 1; 0 for none |
| 4 | revoked at, seconds since 1970 |
| 8 | invalid since, signed seconds since 1970; the lowest number for none |
"""

import os
from collections.abc import Container, Iterator, Sequence
from datetime import timedelta
from struct import Struct
from typing import BinaryIO, TypeAlias, overload

from tashika.pki.crl_entries import CrlEntry, instant
from tashika.pki.standing import Reason
from tashika_server.sorting import write_all

__all__ = [
    "CODES",
    "NEVER",
    "RECORD",
    "Pairs",
    "Records",
    "Rubbish",
    "checked",
    "pack",
    "repack",
    "split",
]

_PackedEntry: TypeAlias = tuple[bytes, bytes]
"""As the index has it, which the process that reads for us does not import."""

RECORD = Struct(">32sBIq")
NEVER = -(1 << 63)
_EPOCH = instant(0)
_WHOLE, _PARTS = Struct(f"{RECORD.size}s"), Struct(">32s5s8s")
_NEVER = NEVER.to_bytes(8, "big", signed=True)
_YEARS = bytes(4)
"""What a time from 1970 to 2106 begins with, in eight octets."""
_REST_BYTES = 5
"""What the index has of an entry behind its serial, if it has no other date."""

_AT_ONCE = 4 * 1024
"""Records that are read or written together: 180 kB."""
CODES: dict[Reason | None, int] = {None: 0, **{reason: reason + 1 for reason in Reason}}
_REASONS = {code: reason for reason, code in CODES.items()}


class Rubbish(Exception):
    """A file of records is not what `checked` may pass on."""


def pack(entry: CrlEntry) -> bytes:
    """Write an entry; its dates are within 1970 to 2105."""
    number = entry.serial.to_bytes(32, "big")
    since = NEVER if entry.invalid_since is None else int(entry.invalid_since.timestamp())
    return RECORD.pack(number, CODES[entry.reason], int(entry.revoked_at.timestamp()), since)


def repack(entry: _PackedEntry) -> bytes:
    """Write an entry that the index has written."""
    serial, rest = entry
    return serial.rjust(32, b"\0") + (rest if len(rest) > _REST_BYTES else rest + _NEVER)


def split(block: bytes) -> Iterator[bytes]:
    """Yield the records that stand one behind the other."""
    return (record for (record,) in _WHOLE.iter_unpack(block))


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

    def copied(self, file: BinaryIO) -> "Records":
        """Write them behind all that a file has, and return them as they are there."""
        end = os.lseek(file.fileno(), 0, os.SEEK_END)
        first = end // RECORD.size  # where the disk was full, half a record is written over
        os.lseek(file.fileno(), first * RECORD.size, os.SEEK_SET)
        for data in _blocks(self._file, self._within):
            write_all(file.fileno(), data)
        return Records(file, range(first, first + len(self)))

    def packed(self) -> Iterator[list[_PackedEntry]]:
        """Yield them as the index writes them, and make no entries of them."""
        for data in _blocks(self._file, self._within):
            yield [
                (serial.lstrip(b"\0"), rest if since == _NEVER else rest + since)
                for serial, rest, since in _PARTS.iter_unpack(data)
            ]


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


def checked(file: BinaryIO, count: int, reasons: Container[int]) -> Iterator[bytes]:
    """Read all records of a file that another process wrote, in blocks; raises Rubbish.

    There are `count` of them and nothing else, serials ascend, reasons are of those given and
    times can be written as dates.
    """
    if os.fstat(file.fileno()).st_size != count * RECORD.size:
        raise Rubbish("the file of entries has another size than it should")
    last = b""
    for data in _blocks(file, range(count)):
        for serial, rest, since in _PARTS.iter_unpack(data):
            if serial <= last:
                raise Rubbish("the serials do not ascend")
            if rest[0] not in reasons or (since != _NEVER and since[:4] != _YEARS):
                raise Rubbish("an entry has a reason or a date that does not exist")
            last = serial
        yield data


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
        for serial, reason, revoked_at, since in RECORD.iter_unpack(data)
    ]
