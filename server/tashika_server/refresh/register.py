"""The issued register: a text file with the serials an issuer has issued, never anything more.

One serial or `first-last` a line, in decimal, ascending; `#` begins a comment. With it the
service can tell a certificate that was never issued from one that is in force (T19).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from tashika.pki.errors import TashikaError
from tashika_server.index import RegisterMark

__all__ = ["Register", "RegisterRefused", "read_register"]

LINE = re.compile(r"(\d{1,78})(?:-(\d{1,78}))?")
"""A serial of 32 octets has 78 digits at most."""


class RegisterRefused(TashikaError):
    """The register cannot be used; the one that is loaded stays. Says the line and why."""


@dataclass(frozen=True, slots=True)
class Register:
    """A register that has been read from its first line to its last."""

    ranges: list[tuple[int, int]] = field(repr=False)
    mark: RegisterMark


def read_register(path: Path, known: RegisterMark | None) -> Register | None:
    """Read a register; None if it is the one that `known` marks; raises RegisterRefused.

    Serials are never taken back, so a register that ends before the known one is refused: it
    was cut off, and every certificate after its end would seem never to have been issued.
    """
    try:
        content = path.read_bytes()
    except OSError as wrong:
        raise RegisterRefused(f"{path}: {wrong.strerror}; put the register there") from wrong
    digest = sha256(content).digest()
    if known and known.sha256 == digest:
        return None
    ranges = list(_ranges(path, content))
    if not ranges:
        raise RegisterRefused(f"{path} lists nothing; put the whole register there")
    last = ranges[-1][1]
    if known and last < known.last:
        raise RegisterRefused(f"{path} ends before the last one did; put the whole register there")
    return Register(ranges, RegisterMark(sha256=digest, last=last))


def _ranges(path: Path, content: bytes) -> Iterator[tuple[int, int]]:
    end = -1
    for number, raw in enumerate(content.split(b"\n"), start=1):
        line = raw.decode("ascii", "replace").partition("#")[0].strip()
        if not line:
            continue
        if (match := LINE.fullmatch(line)) is None:
            raise RegisterRefused(f"{path} line {number} is no serial and no first-last; mend it")
        first, last = int(match[1]), int(match[2] or match[1])
        if not end < first <= last:
            raise RegisterRefused(f"{path} line {number} does not ascend; sort the register")
        if last >= 1 << 256:
            raise RegisterRefused(f"{path} line {number} is beyond any serial; mend it")
        yield first, last
        end = last
