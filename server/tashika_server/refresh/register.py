"""The issued register: a text file with the serials an issuer has issued, never anything more.

One serial or `first-last` a line, in decimal, ascending; `#` begins a comment. With it the
service can tell a certificate that was never issued from one that is in force (T19). A register
that has only grown at its end costs what was added: nothing else is parsed or written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import sha256
from pathlib import Path

from tashika.pki.errors import TashikaError
from tashika_server.index import RegisterMark

__all__ = ["Growth", "Register", "RegisterRefused", "read_register"]

REMARK = re.compile(rb"\n|(?<=\n)[ \t\r]*(?:#[^\n]*|[ \t\r])(?=\n|\Z)")
"""The end of a line, or a line that lists nothing."""
REST = re.compile(rb"[ \t\r]*(?:#[^\n]*)?(?=\n|\Z)")
"""What may stand behind the last serial of a line."""
LINE = re.compile(r"(\d{1,78})(?:-(\d{1,78}))?")
"""A serial of 32 octets has 78 digits at most."""


class RegisterRefused(TashikaError):
    """The register cannot be used; the one that is loaded stays. Says the line and why."""


class Growth(Enum):
    """What the ranges are of a register. The default is all of it."""

    WHOLE = auto()
    AT_END = auto()
    """What stands behind the end of the known one, which is otherwise the same to the byte."""


@dataclass(frozen=True, slots=True)
class Register:
    """A register that has been read from its first line to its last."""

    ranges: list[tuple[int, int]] = field(repr=False)
    mark: RegisterMark
    growth: Growth = Growth.WHOLE


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
    begin = _end_of(known, content) if known else None
    if known and begin is not None:
        added = list(_ranges(path, content, begin=begin, end=known.last))
        last = added[-1][1] if added else known.last
        return Register(added, RegisterMark(sha256=digest, last=last), Growth.AT_END)
    ranges = list(_ranges(path, content))
    if not ranges:
        raise RegisterRefused(f"{path} lists nothing; put the whole register there")
    last = ranges[-1][1]
    if known and last < known.last:
        raise RegisterRefused(f"{path} ends before the last one did; put the whole register there")
    return Register(ranges, RegisterMark(sha256=digest, last=last))


def _end_of(known: RegisterMark, content: bytes) -> int | None:
    """Find where the known register ends in one that begins with it; None if it does not.

    It ends with the line of its last serial, or with comments behind that; nothing is parsed.
    """
    end = _last_line(b"%d" % known.last, content)
    if end is None:
        return None
    begun, place = sha256(memoryview(content)[:end]), end
    while begun.digest() != known.sha256:
        more = REMARK.match(content, place)
        if more is None:
            return None
        begun.update(more[0])
        place = more.end()
    return place


def _last_line(serial: bytes, content: bytes) -> int | None:
    """Find the end of the line that ends with this serial, as it is usually written."""
    place = content.find(serial)
    while place >= 0:
        rest = REST.match(content, place + len(serial))
        if rest and content[place - 1 : place] in (b"", b"\n", b"-", b" "):
            return rest.end()
        place = content.find(serial, place + 1)
    return None


def _ranges(
    path: Path, content: bytes, *, begin: int = 0, end: int = -1
) -> Iterator[tuple[int, int]]:
    """Read what begins at an offset, where everything up to the serial `end` is known."""
    lines = content[begin:].split(b"\n")
    for number, raw in enumerate(lines, start=content.count(b"\n", 0, begin) + 1):
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
