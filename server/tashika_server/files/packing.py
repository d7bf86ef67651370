"""Zstandard, a stream at a time: memory does not grow with the file. RFC 8878.

Level 3 with a checksum. Not for deciding what is packed, or where it lies.
"""

import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tashika_server.files.errors import FileDamaged

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["Measured", "pack", "unpack"]

PIECE = 1 << 18
LEVEL = 3
"""Makes 49 kB in 1 ms of a CRL of 4,000 entries with 148; level 10 makes 45 in 8, 19 40 in 217."""


class Measured(NamedTuple):
    """What was packed: digest and size of the content."""

    sha256: bytes
    size: int


def pack(source: BinaryIO, target: BinaryIO) -> Measured:
    """Compress all of `source`; raises OSError."""
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: LEVEL,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    packer, digest, size = zstd.ZstdCompressor(options=options), sha256(), 0
    while piece := source.read(PIECE):
        digest.update(piece)
        size += len(piece)
        target.write(packer.compress(piece))
    target.write(packer.flush())
    return Measured(digest.digest(), size)


def unpack(packed: Path) -> Iterator[bytes]:
    """Yield the content in pieces of at most PIECE; raises FileDamaged and OSError."""
    try:
        with zstd.open(packed) as file:
            while piece := file.read(PIECE):
                yield piece
    except (zstd.ZstdError, EOFError) as wrong:
        raise FileDamaged(f"{packed.name} is not what was written: {wrong}") from wrong
