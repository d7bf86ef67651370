"""Deltas: what makes one compact set out of another, to the last octet."""

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import chain, zip_longest
from typing import BinaryIO

from tashika.pki.compact.building import Written, write_octets, write_set
from tashika.pki.compact.content import Content
from tashika.pki.compact.head import COLUMNS, NOT_STATED, Head, Part
from tashika.pki.compact.serials import write_serials

_SETS = (Part.LISTED, Part.HELD, Part.ISSUED)
_AT_ONCE = 1 << 16


def toggle(one: Iterable[int], other: Iterable[int]) -> Iterator[int]:
    """Yield what is in one of two ascending sets and not in both."""
    waiting: int | None = None
    for each in merge(one, other):
        if each == waiting:
            waiting = None
            continue
        if waiting is not None:
            yield waiting
        waiting = each
    if waiting is not None:
        yield waiting


def difference(old: Content, new: Content, spool: Callable[[], BinaryIO]) -> list[Written]:
    """Write the sections of a delta, without its target, each to a file of its own.

    Keeps no more in memory than what has changed. Both sets have their details, or neither.
    """
    listed, *others = (toggle(old.serials(part), new.serials(part)) for part in _SETS)
    come_or_go = list(listed)
    changed = [
        write_set(part, changes, spool)
        for part, changes in zip(_SETS, (come_or_go, *others), strict=True)
    ]
    ranks = list(_touched(old, new, come_or_go)) if new.has_details else []
    member = new.serials(Part.LISTED).member
    changed.append(write_set(Part.TOUCHED, map(member, ranks), spool))
    for part in COLUMNS:
        if new.octets(part):
            values = b"".join(new.values(part, rank, rank + 1) for rank in ranks)
            changed.append(write_octets(part, values, spool))
    return changed


def merged(base: Content, delta: Content, target: Head, write: Callable[[bytes], object]) -> None:
    """Write the sections that `target` names; those of the details where the base has them.

    Proves nothing: whoever opens the result finds out whether it is what was signed.
    """
    for section in target.sections:
        if section.part.is_set:
            write_serials(toggle(base.serials(section.part), delta.serials(section.part)), write)
        elif base.has_details:
            _merge_column(section.part, base, delta, write)


def _touched(old: Content, new: Content, listed: list[int]) -> Iterator[int]:
    """Yield the ranks in the new set of serials with other details than in the old one."""
    before = after = 0
    every = new.serials(Part.LISTED)
    # Between two that come or go, both sets have the same serials.
    for rank, is_new in chain(map(every.seek, listed), [(every.count, False)]):
        for done, count in _runs(rank - after):
            yield from _different(old, new, before + done, after + done, count)
        before, after = before + rank - after + (not is_new), rank + is_new
        if is_new:
            yield rank


def _runs(count: int) -> Iterator[tuple[int, int]]:
    """Yield parts, from where and how long, that are no burden to memory."""
    for done in range(0, count, _AT_ONCE):
        yield done, min(count - done, _AT_ONCE)


def _different(old: Content, new: Content, before: int, after: int, count: int) -> Iterator[int]:
    """Compare the details of as many serials that both sets have."""
    columns = [part for part in COLUMNS if old.octets(part) or new.octets(part)]
    if all(_values(old, p, before, count) == _values(new, p, after, count) for p in columns):
        return
    if count == 1:
        yield after
        return
    half = count // 2
    yield from _different(old, new, before, after, half)
    yield from _different(old, new, before + half, after + half, count - half)


def _values(content: Content, part: Part, rank: int, count: int) -> bytes:
    """Return values of a column; of one that is not there, that nothing is stated."""
    if content.octets(part):
        return content.values(part, rank, rank + count)
    return NOT_STATED.to_bytes(COLUMNS[part], "little", signed=True) * count


def _merge_column(
    part: Part, base: Content, delta: Content, write: Callable[[bytes], object]
) -> None:
    touched, listed = delta.serials(Part.TOUCHED), base.serials(Part.LISTED)
    done = told = 0
    ends = [(listed.count, False)]
    changes = sorted({*delta.serials(Part.LISTED), *touched})
    for serial, (rank, is_old) in zip_longest(changes, chain(map(listed.seek, changes), ends)):
        for begin, count in _runs(rank - done):
            write(_values(base, part, done + begin, count))
        done = rank + is_old
        if serial is not None and serial in touched:
            write(_values(delta, part, told, 1))
            told += 1
