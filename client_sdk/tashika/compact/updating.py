"""Newer sets in the place of older ones: whole, or by a delta; in one step, or not at all.

One process at a time updates a path; any number may have it open, and keep what they have.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import datetime
from glob import escape
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from typing import BinaryIO

from tashika.compact.compact_set import CompactSet
from tashika.compact.mapped import Mapped
from tashika.compact.trust import Trust
from tashika.pki.compact.changing import merged
from tashika.pki.compact.content import Content
from tashika.pki.compact.faults import CompactRefused, Fault
from tashika.pki.compact.head import Base, Kind, Part, SignedHead
from tashika.pki.compact.head_codec import parse_head, preamble
from tashika.pki.errors import PkiError

_AT_ONCE = 1 << 20
_FRESH = ".new"


def install(fresh: Path, path: Path, *, trust: Trust, at: datetime) -> CompactSet:
    """Put a whole set in the place of an older one, or of none, and open it.

    1. It passes every check of CompactSet.open.
    2. It is not past its nextUpdate (EXPIRED).
    3. It is no older than what is in place; of the same number it is the same (ROLLBACK). What is
       in place is not of another issuer (WRONG_ISSUER).
    4. It is durable before it takes the place.

    `fresh` stays where it is. Raises CompactRefused; the old file then stays, to the octet.
    """

    def copy(write: Callable[[bytes], object]) -> None:
        for start in range(0, len(mapped.data), _AT_ONCE):
            write(mapped.data[start : start + _AT_ONCE])

    with Mapped(fresh) as mapped, _in_place(path) as old:
        mapped.check(Kind.SET, trust, at=at)
        _require_newer(mapped.signed, old, at=at)
        return _put(path, copy, trust=trust, at=at)


def apply_delta(delta: Path, path: Path, *, trust: Trust, at: datetime) -> CompactSet:
    """Make a newer set out of the one in place and a delta, put it there, and open it.

    1. The delta is whole, about this issuer, and signed by somebody who may.
    2. What it leads to is not past its nextUpdate (EXPIRED).
    3. It leads to a higher number than that in place (ROLLBACK).
    4. It begins at the very set in place, by number and SHA-256 (WRONG_BASE).
    5. What comes out passes every check of CompactSet.open: it is what was signed as a whole,
       to the octet. The details are kept where they are in place.
    6. It is durable before it takes the place.

    Raises CompactRefused; the old file then stays, to the octet. Takes some 2 us for each serial
    that is listed, and little memory.
    """
    with Mapped(delta) as changes, _in_place(path) as old:
        content, _ = changes.check(Kind.DELTA, trust, at=at)
        target = _target(content)
        _require_newer(target, old, at=at)
        if old is None or changes.head.base != Base(old.head.number, old.signed.sha256):
            raise CompactRefused(Fault.WRONG_BASE, "the delta begins at another set")
        return _put(path, _writer(old.content(), content, target), trust=trust, at=at)


def sweep(path: Path, ending: str) -> None:
    """Remove what a process that was killed has left beside a path on the way there."""
    for each in path.parent.glob(f".{escape(path.name)}.*{ending}"):
        with suppress(OSError):
            rmtree(each) if each.is_dir() else each.unlink()


def _target(delta: Content) -> SignedHead:
    place = delta.octets(Part.TARGET)
    try:
        target = parse_head(delta.data[place.start : place.stop])
    except PkiError as wrong:
        raise CompactRefused(Fault.MALFORMED, f"the head that a delta leads to: {wrong}") from wrong
    if (target.head.kind, target.head.number) != (Kind.SET, delta.head.number):
        raise CompactRefused(Fault.MALFORMED, "a delta leads to something else than it says")
    return target


def _writer(
    base: Content, delta: Content, target: SignedHead
) -> Callable[[Callable[[bytes], object]], None]:
    def write_all(write: Callable[[bytes], object]) -> None:
        write(preamble(target.encoded) + target.encoded)
        merged(base, delta, target.head, write)

    return write_all


def _in_place(path: Path) -> AbstractContextManager[Mapped | None]:
    """Map what is in place; what cannot be read as a set has no number to be measured by."""
    try:
        return Mapped(path)
    except CompactRefused:
        return nullcontext()


def _require_newer(fresh: SignedHead, old: Mapped | None, *, at: datetime) -> None:
    head = fresh.head
    if head.next_update <= at:
        raise CompactRefused(Fault.EXPIRED, "the file is past its nextUpdate")
    if old is None:
        return
    if old.head.issuer != head.issuer:
        text = "in its place is a set of another issuer: give this one a place of its own"
        raise CompactRefused(Fault.WRONG_ISSUER, text)
    if head.number < old.head.number:
        text = f"number {head.number} is older than {old.head.number}, which is in place"
        raise CompactRefused(Fault.ROLLBACK, text)
    if head.number == old.head.number and fresh.sha256 != old.signed.sha256:
        text = f"number {head.number} repeats with another content"
        raise CompactRefused(Fault.ROLLBACK, text)


def _put(
    path: Path,
    write_all: Callable[[Callable[[bytes], object]], None],
    *,
    trust: Trust,
    at: datetime,
) -> CompactSet:
    """Write a file beside its place, check it there, and put it in its place."""
    sweep(path, _FRESH)
    fresh = path.with_name(f".{path.name}.{token_hex(4)}{_FRESH}")
    try:
        with fresh.open("xb") as file:
            write_all(file.write)
            _sync(file)
        _require_whole(fresh, trust, at=at)
        fresh.replace(path)
        _sync_directory(path.parent)
    except PkiError as wrong:
        raise CompactRefused(Fault.MALFORMED, str(wrong)) from wrong
    except OSError as wrong:
        raise CompactRefused(Fault.UNWRITABLE, f"{path} cannot be written: {wrong}") from wrong
    finally:
        with suppress(OSError):
            fresh.unlink()
    return CompactSet.open(path, trust=trust, at=at)


def _require_whole(fresh: Path, trust: Trust, *, at: datetime) -> None:
    try:
        CompactSet.open(fresh, trust=trust, at=at).close()
    except CompactRefused as wrong:
        if wrong.fault in (Fault.TRUNCATED, Fault.MALFORMED, Fault.DAMAGED):
            text = f"this does not make what was signed: {wrong.detail}"
            raise CompactRefused(Fault.DAMAGED, text) from wrong
        raise


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    """Make the new name survive a power cut, where directories can be opened."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
