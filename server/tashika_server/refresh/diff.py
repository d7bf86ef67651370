"""What a newly accepted CRL changes. One pass over two sorted sequences; decides nothing."""

from collections.abc import Iterable

from tashika_server.index import Changes, Entry
from tashika_server.refresh.accept import AcceptedCrl

__all__ = ["diff"]


def diff(before: Iterable[Entry], crl: AcceptedCrl) -> Changes:
    """Compare what a partition lists, sorted by serial, with what its new CRL lists."""
    added, changed, removed = list[Entry](), list[tuple[Entry, Entry]](), list[Entry]()
    old = iter(before)
    known = next(old, None)
    for entry in crl.entries:
        while known and known.serial < entry.serial:
            removed.append(known)
            known = next(old, None)
        if known and known.serial == entry.serial:
            if known != entry:
                changed.append((known, entry))
            known = next(old, None)
        else:
            added.append(entry)
    if known:
        removed += (known, *old)
    return Changes(added=added, changed=changed, removed=removed)
