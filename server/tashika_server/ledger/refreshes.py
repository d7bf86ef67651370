"""Refreshes of a machine's index as entries of the ledger: one for each generation.

What a generation changed is told by how many certificates and by which CRL, never by serial
numbers. The index lists its last generations; what was not entered in time is entered as
a gap with what the index holds now, never left out in silence (T10).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from tashika_server.book import Change
from tashika_server.book.tables import audit
from tashika_server.index import Change as IndexChange
from tashika_server.index import Mark, Snapshot

__all__ = ["Gap", "Refresh", "enter_refreshes", "entered_up_to", "refreshes", "taken_in"]

Names = Mapping[bytes, str]
"""The configured issuers by their fingerprints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedCrl:
    """The CRL that speaks for a partition."""

    number: int
    this_update: datetime
    next_update: datetime
    sha256: bytes
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """One generation of the index."""

    generation: int
    issuer: str | None
    """None where the issuer is not configured any more."""
    fingerprint: bytes
    partition: str | None
    """None where it is not about one partition: a register, other partitions expected."""
    changed: int | None
    """Certificates whose status changed; None for more than the index lists."""
    crl: AcceptedCrl | None
    """None where a later generation had replaced it before this was entered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What the index holds of one issuer."""

    issuer: str
    fingerprint: bytes
    crls: int
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Generations that are not entered one by one: too many at once, or another index."""

    after: int
    generation: int
    holdings: tuple[Holding, ...]


def refreshes(view: Snapshot, after: int, names: Names) -> tuple[Refresh | Gap, ...]:
    """Tell what the index has done since a generation, oldest first."""
    changes = view.changes(after=after)
    if changes is None:
        holdings = (_holding(view, fingerprint, name) for fingerprint, name in names.items())
        return (Gap(after=after, generation=view.generation, holdings=tuple(holdings)),)
    newest = {(each.fingerprint, each.partition): each.generation for each in changes}
    return tuple(
        _refresh(view, each, names, newest[each.fingerprint, each.partition]) for each in changes
    )


def entered_up_to(connection: Connection, node: str) -> int:
    """Return the last generation of a machine's index that is in the ledger; 0 for none."""
    mine = select(audit.c.after).where(audit.c.subject == _subject(node))
    newest = connection.scalar(mine.order_by(audit.c.id.desc()).limit(1))
    generation: int = json.loads(newest)["generation"] if newest else 0
    return generation


def enter_refreshes(
    change: Change, node: str, found: tuple[Refresh | Gap, ...], *, after: int
) -> bool:
    """Enter what was found after a generation; False if somebody else has entered it since."""
    if entered_up_to(change.connection, node) != after:
        return False
    for each in found:
        action = "index.refresh" if isinstance(each, Refresh) else "index.gap"
        change.record(action, _subject(node), before=None, after=each)
    return True


def taken_in(connection: Connection, node: str, *, most: int) -> dict[tuple[str, str], list[int]]:
    """List the numbers of the CRLs that a machine took in, by issuer and partition, oldest first.

    Looks at the newest `most` entries; what nobody could say the number of any more ends the
    list of its partition, so that it is no hole.
    """
    mine = select(audit.c.after).where(audit.c.subject == _subject(node))
    found: dict[tuple[str, str], list[int]] = {}
    ended: set[tuple[str, str]] = set()
    for text in connection.scalars(mine.order_by(audit.c.id.desc()).limit(most)):
        entry = json.loads(text)
        if "partition" not in entry:  # a gap: nothing older is known one by one
            break
        if entry["issuer"] is None or entry["partition"] is None:
            continue
        place = entry["issuer"], entry["partition"]
        if entry["crl"] is None:
            ended.add(place)
        elif place not in ended:
            found.setdefault(place, []).append(entry["crl"]["number"])
    return {place: numbers[::-1] for place, numbers in found.items()}


def _subject(node: str) -> str:
    return f"index {node}"


def _refresh(view: Snapshot, change: IndexChange, names: Names, newest: int) -> Refresh:
    crl = None
    if change.partition is not None and change.generation == newest:
        crl = _crl(view.mark(change.fingerprint, change.partition))
    return Refresh(
        generation=change.generation,
        issuer=names.get(change.fingerprint),
        fingerprint=change.fingerprint,
        partition=change.partition,
        changed=None if change.serials is None else len(change.serials),
        crl=crl,
    )


def _crl(mark: Mark | None) -> AcceptedCrl | None:
    if mark is None:  # the partition was given up in the same look
        return None
    return AcceptedCrl(
        number=mark.number,
        this_update=mark.this_update,
        next_update=mark.next_update,
        sha256=mark.sha256,
        entries=mark.entries,
    )


def _holding(view: Snapshot, fingerprint: bytes, name: str) -> Holding:
    marks = view.marks(fingerprint).values()
    entries = sum(mark.entries for mark in marks)
    return Holding(issuer=name, fingerprint=fingerprint, crls=len(marks), entries=entries)
