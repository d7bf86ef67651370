"""Verifies an export of the ledger line by line, without the book.

The chain shows what was changed, left out, put in or moved within it; a signed root, that nobody
but the owner of the key can have written all of it anew; and a root that somebody else has kept
(an anchor), that not even the owner has. docs/ledger.md has the whole of it.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import sha256
from typing import BinaryIO

from tashika.pki.merkle import HASH_BYTES
from tashika_server.book.trail import Entry
from tashika_server.ledger.chain import Chain
from tashika_server.ledger.errors import BadAnchor, LedgerBroken
from tashika_server.ledger.lines import Beginning, End, Line, read_line
from tashika_server.ledger.root import Root
from tashika_server.ledger.seals import Anchors, Seals

__all__ = ["Verified", "lines_of", "read_anchors", "verify_export"]

MAX_LINE = 1 << 24
"""Octets of a line; the entry of an agreement's change, a large one, is a thousandth of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What is known of an export that holds."""

    first: int
    """The number of its first entry; of those before nothing is known."""
    last: int
    rooted: int | None
    """The last entry under a signed root; behind it, some may have been cut off."""
    roots: int
    first_day: date | None
    """Of the roots."""
    last_day: date | None
    anchored: tuple[date, ...]
    """The days whose roots are those that somebody else has kept."""
    keys: tuple[bytes, ...]
    """SHA-256 of every key that signed, for comparison with what its owner has published."""


def verify_export(
    lines: Iterable[bytes], *, keys: Collection[bytes] = (), anchors: Anchors | None = None
) -> Verified:
    """Verify an export; LedgerBroken names the first line that is not as it should be.

    `keys` are the public keys (SubjectPublicKeyInfo in DER) that may have signed; without any,
    whose they are is left to the caller. All of `anchors` must be among the roots.
    """
    reader = _Reader(lines)
    try:
        return _verify(reader, keys, anchors or {})
    except LedgerBroken as broken:
        raise LedgerBroken(broken.what, line=reader.number) from broken


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Read the lines of a file; one that is too long comes in pieces, which are no lines."""
    return iter(partial(file.readline, MAX_LINE), b"")


def read_anchors(text: str) -> dict[date, bytes]:
    """Read kept roots: each a line of an export, or a day and a Merkle root in hexadecimal.

    Raises BadAnchor, also if there is none at all (T40).
    """
    found: dict[date, bytes] = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            day, root = _anchor(line)
        except (LedgerBroken, ValueError) as wrong:
            raise _bad(f"line {number} of the anchors is no root") from wrong
        if found.setdefault(day, root) != root:
            raise _bad(f"line {number} of the anchors is another root of {day}")
    if not found:
        raise _bad("the file of anchors is empty")
    return found


def _bad(what: str) -> BadAnchor:
    return BadAnchor(
        what,
        rule="an anchor is what `ledger root` prints, or a day and its Merkle root",
        remedy="write for example 2026-04-01 and 64 hexadecimal digits",
    )


def _anchor(line: str) -> tuple[date, bytes]:
    if line.startswith("{"):
        kept = read_line(f"{line}\n".encode())
        if not isinstance(kept, Root):
            raise ValueError(line)
        return kept.day, kept.root
    day, digits = line.split()
    root = bytes.fromhex(digits)
    if len(root) != HASH_BYTES:
        raise ValueError(digits)
    return date.fromisoformat(day), root


def _verify(reader: "_Reader", keys: Collection[bytes], anchors: Anchors) -> Verified:
    values = iter(reader)
    beginning = next(values, None)
    if not isinstance(beginning, Beginning):
        raise LedgerBroken("it does not begin as a ledger does: its beginning was cut off")
    beginning.demand_sound()
    chain = Chain(number=beginning.first - 1, head=beginning.previous)
    seals = Seals(done=chain.number, head=beginning.previous_root, keys=keys, anchors=anchors)
    for value in values:
        match value:
            case Entry():
                chain.follow(value, reader.digest)
                seals.add(value.at, reader.digest)
            case Root():
                seals.follow(value, reader.digest)
            case End():
                break
            case Beginning():
                raise LedgerBroken("a ledger begins here a second time")
    else:
        raise LedgerBroken("it ends without its last line: it was cut")
    reader.demand_end(value, chain.number - beginning.first + 1, len(seals.days))
    seals.demand_anchors()
    return Verified(
        first=beginning.first,
        last=chain.number,
        rooted=seals.done if seals.days else None,
        roots=len(seals.days),
        first_day=seals.days[0] if seals.days else None,
        last_day=seals.days[-1] if seals.days else None,
        anchored=tuple(sorted(anchors)),
        keys=tuple(sha256(key).digest() for key in seals.keys),
    )


class _Reader:
    """Reads lines, and knows where it is."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._all = sha256()
        """Of every line but the last one read."""
        self.number = 1
        self.digest = b""
        """Of the last one read; what was read is exactly what the ledger writes."""

    def __iter__(self) -> Iterator[Line]:
        for octets in self._lines:
            value = read_line(octets)
            self.digest = sha256(octets[:-1]).digest()
            yield value
            self._all.update(octets)
            self.number += 1

    def demand_end(self, end: End, entries: int, roots: int) -> None:
        """Raise LedgerBroken unless the line just read ends this very export."""
        if end != End(entries=entries, roots=roots, digest=self._all.digest()):
            raise LedgerBroken("the last line is that of another export: some of this was changed")
        if next(self._lines, None) is not None:
            self.number += 1
            raise LedgerBroken("something was put behind the last line")
