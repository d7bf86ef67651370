"""Making a compact set from what an issuer has revoked, in one pass and in little memory.

What it writes to are files that the caller opens, and signing is the caller's too.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import BinaryIO

from tashika.pki.compact.head import COLUMNS, NOT_STATED, Part, Section
from tashika.pki.compact.head_codec import preamble
from tashika.pki.compact.serials import SerialsWriter
from tashika.pki.crl import CrlEntry
from tashika.pki.errors import Malformed
from tashika.pki.standing import Reason

_CHUNK = 1 << 18
_NOT_STATED = NOT_STATED.to_bytes(COLUMNS[Part.INVALIDITY], "little", signed=True)


class Sheet:
    """One section on its way into a file of its own."""

    def __init__(self, part: Part, file: BinaryIO) -> None:
        self.part, self.file = part, file
        self._digest, self._length, self._waiting = sha256(), 0, bytearray()

    def write(self, data: bytes) -> None:
        """Append octets."""
        self._waiting += data
        if len(self._waiting) >= _CHUNK:
            self._flush()

    def close(self, count: int, octets: int) -> "Written":
        """Return what has been written."""
        self._flush()
        section = Section(
            part=self.part,
            count=count,
            octets=octets,
            length=self._length,
            sha256=self._digest.digest(),
        )
        return Written(section, self.file)

    def _flush(self) -> None:
        self._digest.update(self._waiting)
        self._length += len(self._waiting)
        self.file.write(self._waiting)
        self._waiting.clear()


@dataclass(frozen=True, slots=True)
class Written:
    """A section that is complete, and the file it is in."""

    section: Section
    file: BinaryIO

    def octets(self) -> Iterator[bytes]:
        """Yield what it holds."""
        self.file.seek(0)
        while chunk := self.file.read(_CHUNK):
            yield chunk


def assemble(head: bytes, written: Iterable[Written]) -> Iterator[bytes]:
    """Yield a whole file; the head names these very sections."""
    yield preamble(head) + head
    for each in written:
        yield from each.octets()


def build(
    entries: Iterable[CrlEntry],
    issued: Iterable[tuple[int, int]] | None,
    spool: Callable[[], BinaryIO],
) -> list[Written]:
    """Write the sections of a set, each to a file of its own; the same input, the same octets.

    `entries` and `issued` (first and last serial of each range) ascend. Raises Malformed where
    they do not, and for what the format cannot say: a serial longer than 32 octets, a
    revocation before 1970 or after 2105.
    """
    listed, held = (Sheet(part, spool()) for part in (Part.LISTED, Part.HELD))
    every, on_hold = SerialsWriter(listed.write), SerialsWriter(held.write)
    details = _Details(spool)
    for entry in entries:
        every.add(entry.serial)
        if entry.reason is Reason.CERTIFICATE_HOLD:
            on_hold.add(entry.serial)
        details.add(entry)
    written = [
        listed.close(octets=every.finish(), count=every.count),
        held.close(octets=on_hold.finish(), count=on_hold.count),
    ]
    if issued is not None:
        written.append(write_set(Part.ISSUED, boundaries(issued), spool))
    return written + details.close()


def write_set(part: Part, serials: Iterable[int], spool: Callable[[], BinaryIO]) -> Written:
    """Write a whole set of serials to a file of its own."""
    sheet = Sheet(part, spool())
    writer = SerialsWriter(sheet.write)
    for serial in serials:
        writer.add(serial)
    return sheet.close(octets=writer.finish(), count=writer.count)


def write_octets(part: Part, octets: bytes, spool: Callable[[], BinaryIO]) -> Written:
    """Write a section that is no set of serials to a file of its own."""
    sheet, size = Sheet(part, spool()), COLUMNS.get(part, 1)
    sheet.write(octets)
    return sheet.close(len(octets) // size, size)


def boundaries(ranges: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Yield where ranges begin and end, neighbours joined: inside, an odd number is behind."""
    end = -1
    for first, last in ranges:
        if not end <= first <= last:
            raise Malformed("the ranges of the issued register do not ascend")
        if first != end:
            if end >= 0:
                yield end
            yield first
        end = last + 1
    if end >= 0:
        yield end


class _Details:
    """The columns: a value for each entry."""

    def __init__(self, spool: Callable[[], BinaryIO]) -> None:
        self._spool = spool
        self._count = 0
        self._reasons, self._times = (Sheet(part, spool()) for part in (Part.REASONS, Part.TIMES))
        self._invalidity: Sheet | None = None

    def add(self, entry: CrlEntry) -> None:
        self._reasons.write(bytes((0 if entry.reason is None else entry.reason + 1,)))
        try:
            seconds = int(entry.revoked_at.timestamp())
            self._times.write(seconds.to_bytes(COLUMNS[Part.TIMES], "little"))
        except OverflowError as wrong:
            raise Malformed("a revocation is before 1970 or after 2105") from wrong
        if entry.invalid_since is not None and self._invalidity is None:
            self._begin_invalidity()
        if self._invalidity:
            self._invalidity.write(_invalid_since(entry.invalid_since))
        self._count += 1

    def close(self) -> list[Written]:
        sheets = (self._reasons, self._times, self._invalidity)
        return [each.close(self._count, COLUMNS[each.part]) for each in sheets if each]

    def _begin_invalidity(self) -> None:
        """Most issuers state none, and the column is the widest: it comes with the first."""
        self._invalidity = Sheet(Part.INVALIDITY, self._spool())
        for _ in range(self._count):
            self._invalidity.write(_NOT_STATED)


def _invalid_since(at: datetime | None) -> bytes:
    if at is None:
        return _NOT_STATED
    return int(at.timestamp()).to_bytes(COLUMNS[Part.INVALIDITY], "little", signed=True)
