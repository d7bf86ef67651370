"""A sorted set of serial numbers in blocks of 256: written as a stream, asked where it lies.

A directory behind the blocks says where each begins.
"""

import sys
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from mmap import mmap
from typing import Protocol

from tashika.pki.compact.blocks import (
    BELOW,
    BLOCK,
    IMPOSSIBLE,
    MOST_OCTETS,
    decode_block,
    encode_block,
)
from tashika.pki.errors import Malformed

MAX_SERIAL = (1 << 255) - 1
"""What an INTEGER of 32 octets can say, the longest that the codecs read."""

NARROW, WIDE = 8, 32
"""Octets of a key of the directory; narrow where every member is below 2^64."""

OFFSET = 4
"""Octets of an offset, so that a section is below 4 GiB."""

_LITTLE = sys.byteorder == "little"

Octets = bytes | mmap
"""What a set lies in: memory, or a file that is mapped into it."""


class SerialsWriter:
    """Takes members in ascending order, and keeps no more of them than a block.

    What is written goes to `write` as it comes about; of each block a key and an offset stay
    in memory.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self.count = 0
        self._write = write
        self._block: list[int] = []
        self._keys: list[int] = []
        self._offsets = array("Q", [0])
        self._last = -1

    def add(self, serial: int) -> None:
        """Add a member; raises Malformed unless it is above the last and no longer than any."""
        if not self._last < serial <= MAX_SERIAL:
            raise Malformed("a serial number does not ascend, or is too long")
        self._last = serial
        self._block.append(serial)
        self.count += 1
        if len(self._block) == BLOCK:
            self._flush()

    def finish(self) -> int:
        """Write what is left and the directory; return the octets of a key."""
        if self._block:
            self._flush()
        octets = NARROW if self._last < 1 << 64 else WIDE
        self._write(b"".join(key.to_bytes(octets, "little") for key in self._keys))
        self._write(b"".join(offset.to_bytes(OFFSET, "little") for offset in self._offsets))
        return octets

    def _flush(self) -> None:
        encoded = encode_block(self._block)
        end = self._offsets[-1] + len(encoded)
        if end >= 1 << 8 * OFFSET:
            raise Malformed("a set of serial numbers is beyond 4 GiB")
        self._write(encoded)
        self._keys.append(self._block[0])
        self._offsets.append(end)
        self._block = []


class Serials:
    """A set of serial numbers as it lies in `data`, from `start` to `end`.

    Reads no more than it is asked for. Raises Malformed where the octets cannot be such a set.
    """

    __slots__ = ("_blocks", "_data", "_keys", "_offsets", "_start", "count")

    def __init__(self, data: Octets, start: int, end: int, *, count: int, octets: int) -> None:
        blocks = -(-count // BLOCK)
        offsets = end - OFFSET * (blocks + 1)
        keys = offsets - octets * blocks
        if keys < start or octets not in (NARROW, WIDE):
            raise Malformed("a set of serial numbers is shorter than its directory")
        self.count = count
        self._data, self._start, self._blocks = data, start, blocks
        self._keys = _numbers(data, keys, offsets, octets)
        self._offsets = _numbers(data, offsets, end, OFFSET)
        if self._offsets[0] or self._offsets[blocks] != keys - start:
            raise Malformed("the directory of a set of serial numbers does not fit its blocks")

    def seek(self, serial: int) -> tuple[int, bool]:
        """Return how many members are below a serial, and whether it is one itself."""
        # One function on purpose: each call within would cost a tenth of the look-up.
        number = bisect_right(self._keys, serial) - 1
        if number < 0:
            return 0, False
        start, offsets, before = self._start, self._offsets, number * BLOCK
        block = self._data[start + offsets[number] : start + offsets[number + 1]]
        size = min(self.count - before, BLOCK)
        low = block[0] if block else 0
        split = len(block) - (size * low + 7 >> 3)
        if not 1 < split <= MOST_OCTETS:
            raise Malformed(IMPOSSIBLE)
        place, bits = serial - self._keys[number], 8 * split
        bucket = place >> low
        if bucket >= bits:
            return before + size, False
        high = int.from_bytes(block[1:split], "little")
        if not low:
            return before + (high & BELOW[place]).bit_count(), bool(high >> place & 1)
        if bits <= 2 * size:  # with fewer zeros than ones, the low bits would be one less
            raise Malformed(IMPOSSIBLE)
        # From where the bucket is if all are alike, to a place with as many zeros before it:
        # each step goes the same way and cannot pass it. Then down to the bucket's first bit.
        bit = bucket * bits // (bits - size)
        while (further := bucket + (below := high & BELOW[bit]).bit_count()) != bit:
            bit = further
        bit = (below ^ BELOW[bit]).bit_length()
        mask = BELOW[low]
        index, wanted = bit - bucket, place & mask
        while high >> bit & 1:
            at = index * low
            octets = block[split + (at >> 3) : split + (at + low + 7 >> 3)]
            found = int.from_bytes(octets, "little") >> (at & 7) & mask
            if found >= wanted:
                return before + index, found == wanted
            index, bit = index + 1, bit + 1
        return before + index, False

    def __contains__(self, serial: int) -> bool:
        return self.seek(serial)[1]

    def __iter__(self) -> Iterator[int]:
        """Yield the members in order; raises Malformed where they are none."""
        last = -1
        for number in range(self._blocks):
            members = self._members(number)
            if members[0] <= last:
                raise Malformed("the blocks of a set of serial numbers overlap")
            last = members[-1]
            yield from members

    def member(self, rank: int) -> int:
        """Return the member that has so many below it."""
        return self._members(rank // BLOCK)[rank % BLOCK]

    def _members(self, number: int) -> list[int]:
        start, offsets = self._start, self._offsets
        block = self._data[start + offsets[number] : start + offsets[number + 1]]
        size = min(self.count - number * BLOCK, BLOCK)
        members = decode_block(block, self._keys[number], size)
        if len(members) != size:
            raise Malformed(IMPOSSIBLE)
        return members

    def release(self) -> None:
        """Let go of the data, so that it can be closed."""
        for each in (self._keys, self._offsets):
            if isinstance(each, memoryview):
                each.release()


class _Directory(Protocol):
    """Numbers that bisect can look through."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> int: ...


class _Numbers:
    """Numbers of one size, the lowest octet first, read one by one."""

    def __init__(self, data: Octets, start: int, end: int, octets: int) -> None:
        self._data, self._start, self._octets = data, start, octets
        self._count = (end - start) // octets

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> int:
        start = self._start + index * self._octets
        return int.from_bytes(self._data[start : start + self._octets], "little")


def _numbers(data: Octets, start: int, end: int, octets: int) -> _Directory:
    """View numbers: as the machine has them where that is how they lie, in half the time."""
    if _LITTLE and octets in (OFFSET, NARROW):
        return memoryview(data)[start:end].cast("I" if octets == OFFSET else "Q")
    return _Numbers(data, start, end, octets)


def write_serials(serials: Iterable[int], write: Callable[[bytes], object]) -> tuple[int, int]:
    """Write a whole set and return its count and the octets of a key."""
    writer = SerialsWriter(write)
    for serial in serials:
        writer.add(serial)
    octets = writer.finish()
    return writer.count, octets
