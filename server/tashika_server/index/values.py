"""What the index holds and what it says, as values. How they lie on disk is in `layout`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from tashika.pki.crl import CrlEntry

__all__ = [
    "Change",
    "Changes",
    "Coverage",
    "DeltaMark",
    "Entry",
    "Finding",
    "Mark",
    "Quarantined",
    "RegisterMark",
]

MAX_LISTED_CHANGES = 10_000
"""Serials that one generation lists; beyond, whoever keeps answers had better drop them all."""

Entry = CrlEntry
"""The index adds nothing to an entry and loses nothing of it, so there is one type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one CRL changes in its partition; each sequence sorted by serial."""

    added: Sequence[Entry] = ()
    changed: Sequence[tuple[Entry, Entry]] = ()
    """Before and after."""
    removed: Sequence[Entry] = ()

    def serials(self) -> tuple[int, ...] | None:
        """Return what is changed at all; None for more than MAX_LISTED_CHANGES."""
        if len(self.added) + len(self.changed) + len(self.removed) > MAX_LISTED_CHANGES:
            return None
        changed = (after for _, after in self.changed)
        return tuple(entry.serial for entry in chain(self.added, changed, self.removed))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaMark:
    """The last delta that was taken in on top of a complete CRL."""

    complete: int
    """The number of that complete CRL."""
    sha256: bytes
    origin: str
    etag: str | None
    last_modified: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The last accepted CRL of a partition; what the next one is measured by."""

    number: int
    this_update: datetime
    next_update: datetime
    sha256: bytes
    """Of the file as it came, to the last byte."""
    entries: int
    etag: str | None
    last_modified: str | None
    origin: str | None = None
    """The URL that these two are for."""
    freshest: str | None = None
    """Where the complete CRL says that its deltas are."""
    delta: DeltaMark | None = None
    """What has brought number and times up to date since; the rest is the complete CRL's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterMark:
    """The issued register that is loaded."""

    sha256: bytes
    last: int
    """The highest serial that has been issued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """Why the newest file of a partition is not in the index; gone once a good one is."""

    partition: str
    at: datetime
    """When this was found first."""
    check: str
    """The constant name of the failed check; `fetch` where no file came at all."""
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The CRL that speaks, or what all CRLs of an issuer say together."""

    number: int | None
    """None where several CRLs speak together."""
    this_update: datetime
    next_update: datetime


class Finding(NamedTuple):
    """Everything the index knows of one certificate. A tuple, because each look-up makes one.

    With an entry, `coverage` is that of the partition that lists it. Without one, all
    partitions of the issuer speak together: the oldest thisUpdate, the earliest nextUpdate,
    and None while a single one has never arrived (T15: missing is not empty).
    """

    entry: Entry | None
    coverage: Coverage | None
    issued: bool | None
    """Whether the issued register has the serial; None where no register is loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one generation changed, for those who keep something made from an older one."""

    generation: int
    fingerprint: bytes
    partition: str | None
    """None where the change is not of one partition: a register, other partitions expected."""
    serials: tuple[int, ...] | None
    """None where they are too many to list."""
