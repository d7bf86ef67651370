"""Segments written by hand, slot by slot, as a journal would or as it never would."""

import zlib
from hashlib import sha256
from typing import Self

from support.journal import context
from tashika_server.durable import Durability
from tashika_server.metering.ending import End
from tashika_server.metering.record import (
    CHECKSUM,
    HEAD,
    SLOT,
    SLOT_BYTES,
    Content,
    Ending,
    Header,
    Kind,
    Seal,
    context_contents,
    header_content,
    mark_content,
    seal_content,
    seed,
)
from tashika_server.metering.segment_reader import SegmentReader
from tashika_server.metering.usage import Context

STREAM = bytes(range(16))
SEED = seed(STREAM, 1)
SLOTS = 64


def signed(body: bytes, begun: int = SEED) -> bytes:
    """Add the checksum to the 60 octets of a slot."""
    return body + CHECKSUM.pack(zlib.crc32(body, begun))


class Scribe:
    """Segment 1 of STREAM in the making; every `put` is a write and sync of its own."""

    def __init__(self, *, sequence: int = 0, number: int = 1, header: bool = True) -> None:
        self.written = b""
        self.sequence, self.first, self.at = sequence, sequence, 1_000
        self._seed = seed(STREAM, number)
        if header:
            said = Header(Durability.DISK, SLOTS, number, STREAM, self.at)
            self.put(header_content(said))

    @property
    def place(self) -> int:
        return len(self.written) // SLOT_BYTES

    def put(
        self,
        content: Content,
        *,
        group: int | None = None,
        lag: int = 0,
        sequence: int | None = None,
    ) -> Self:
        number = self.sequence if sequence is None else sequence
        begun = self.place if group is None else group
        head = (content.kind, *content.small, self.place, begun, lag, number)
        self.written += signed(HEAD.pack(*head, content.rest), self._seed)
        return self

    def context(self, number: int = 0, said: Context | None = None) -> Self:
        for part in context_contents(number, said or context()):
            self.put(part)
        return self

    def usage(
        self,
        *,
        standing: int = 1,
        occasion: int = 1,
        generation: int = 5,
        at: int | None = None,
        number: int = 0,
        group: int | None = None,
        lag: int = 0,
        sequence: int | None = None,
    ) -> Self:
        self.at = self.at if at is None else at
        head = SLOT.pack(0, 0, 0, 0, 0, 0, 0, generation, self.at, number, bytes(16))
        content = Content(Kind.USAGE, (standing, occasion), head[24:])
        self.put(content, group=group, lag=lag, sequence=sequence)
        self.sequence += 1
        return self

    def mark(self, at: int | None = None, *, lag: int = 0) -> Self:
        self.at = self.at if at is None else at
        return self.put(mark_content(self.at), lag=lag)

    def seal(
        self,
        why: Ending = Ending.LAST,
        *,
        usages: int | None = None,
        digest: bytes | None = None,
    ) -> Self:
        count = self.sequence - self.first if usages is None else usages
        digest = digest or sha256(self.written).digest()
        return self.put(seal_content(Seal(why, digest, count)))

    @property
    def data(self) -> bytes:
        return self.written.ljust(SLOTS * SLOT_BYTES, b"\0")


def read(
    data: bytes, *, number: int = 1, sequence: int = 0, offset: int = 0
) -> tuple[list[int], SegmentReader]:
    """Read a segment of STREAM: the numbers of its answers, and the reader at its end."""
    reader = SegmentReader(data, stream=STREAM, number=number, sequence=sequence, offset=offset)
    return [slot.sequence for slot in reader if slot.kind == Kind.USAGE], reader


def end_of(data: bytes, *, number: int = 1) -> End:
    """Read a segment to its end."""
    return read(data, number=number)[1].end
