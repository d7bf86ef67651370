"""One file of a journal: where it lies, how long it is, and what it begins with.

    journal/STREAM/00000001.seg    STREAM is the stream's id in hexadecimal

A segment is a file of zeros, whole and durable before its first slot is written, that fills from
its beginning. How it is read is in `segment_reader`, how it may end in `ending`.
"""

import re
from pathlib import Path
from zlib import crc32

from tashika_server.metering.record import (
    BODY_BYTES,
    CHECKSUM,
    HEAD,
    SLOT_BYTES,
    Header,
    header_content,
    seed,
)

__all__ = [
    "FIRST",
    "GIVEN_UP_BYTES",
    "HEADED",
    "MIN_SEGMENT_BYTES",
    "first_slot",
    "is_begun",
    "segment_numbers",
    "segment_path",
]

MIN_SEGMENT_BYTES = 64 * SLOT_BYTES
"""Room for the longest context, a header, a seal and some answers."""
GIVEN_UP_BYTES = SLOT_BYTES
"""What is left, blank, of the first segment of a stream that never began (`roster`)."""
HEADED = 1
"""The slot behind a segment's header."""
FIRST = 1
"""The number of a stream's first segment, whose header was there before the roster named it."""

_NAME = re.compile(r"([0-9]{8,18})\.seg")


def segment_path(directory: Path, number: int) -> Path:
    """Name a stream's segment; the first has number 1."""
    return directory / f"{number:08}.seg"


def first_slot(header: Header) -> bytes:
    """Write the slot that a stream's first segment begins with, as its journal writes it too."""
    content, slot = header_content(header), bytearray(SLOT_BYTES)
    HEAD.pack_into(slot, 0, content.kind, *content.small, 0, 0, 0, 0, content.rest)
    checksum = crc32(slot[:BODY_BYTES], seed(header.stream, header.number))
    CHECKSUM.pack_into(slot, BODY_BYTES, checksum)
    return bytes(slot)


def segment_numbers(directory: Path) -> tuple[int, ...]:
    """List the segments that lie in a stream's directory; what has another name is none."""
    names = (_NAME.fullmatch(each.name) for each in directory.glob("*.seg"))
    return tuple(sorted(int(name[1]) for name in names if name))


def is_begun(directory: Path, number: int, slot: int = 0) -> bool:
    """Tell whether a slot of a segment was written; raises OSError, but not without a file."""
    try:
        with segment_path(directory, number).open("rb") as file:
            file.seek(slot * SLOT_BYTES)
            return any(file.read(SLOT_BYTES))
    except FileNotFoundError:
        return False
