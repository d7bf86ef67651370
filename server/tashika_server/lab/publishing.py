"""Publishes the CRLs of every key generation and municipality as of one instant (Act art. 16, 35).

Order: allot numbers (commit), write files, record what was written (commit). A crash leaves a
gap in the numbers and never a number used twice (RFC 5280 5.2.3).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product

from tashika_server.lab.crls import REPUBLISHED_AFTER, Listed, revocation_list
from tashika_server.lab.errors import LabError
from tashika_server.lab.layout import write
from tashika_server.lab.premises import Premises
from tashika_server.lab.state import ListMark

__all__ = ["Publication", "is_due", "publish_lists"]

List = tuple[str, str]
"""Issuer and municipality."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What one round of publishing did."""

    at: datetime
    """The thisUpdate of every list."""
    lists: int
    entries: int


def publish_lists(premises: Premises, *, at: datetime) -> Publication:
    """Sign and write every CRL as of `at`, to the second; the caller is alone."""
    at = at.astimezone(UTC).replace(microsecond=0)
    state, places, authorities = premises.state, premises.places, premises.authorities()
    before = state.marks()
    _refuse_to_go_back(before, at)
    listed = _still_listed(state.listed(), before)
    lists = [(authority.name, place.code) for authority, place in product(authorities, places)]
    with state.transaction():
        state.allot_numbers(lists)
    marks = state.marks()
    for authority, place in product(authorities, places):
        which = authority.name, place.code
        number = marks[which].number
        signed = revocation_list(authority, place, listed[which], number=number, at=at)
        write(premises.layout.crl(*which), signed)
    with state.transaction():
        state.record_publication(lists, at)
    return Publication(at=at, lists=len(lists), entries=sum(map(len, listed.values())))


def is_due(premises: Premises, *, at: datetime) -> bool:
    """Tell whether some list was never written, or a day ago."""
    marks = premises.state.marks().values()
    return not marks or any(
        mark.this_update is None or at >= mark.this_update + REPUBLISHED_AFTER for mark in marks
    )


def _still_listed(
    revoked: Iterable[Listed], before: Mapping[List, ListMark]
) -> defaultdict[List, list[Listed]]:
    """Sort the revoked into their lists, less those that have run out.

    RFC 5280 3.3: an entry stays until one list issued after the certificate's end has had it.
    """
    kept: defaultdict[List, list[Listed]] = defaultdict(list)
    for entry in revoked:
        which = entry.issuer, entry.municipality
        last = before[which].this_update if which in before else None
        if last is None or entry.not_after >= last:
            kept[which].append(entry)
    return kept


def _refuse_to_go_back(marks: Mapping[List, ListMark], at: datetime) -> None:
    last = max((mark.this_update for mark in marks.values() if mark.this_update), default=at)
    if at < last:
        raise LabError(
            f"the clock says {at:%F %T}Z, before the last CRL of {last:%F %T}Z; set it right"
        )
