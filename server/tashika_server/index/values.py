"""What the index holds and what it says, as values. How they lie on disk is in `layout`."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from tashika.pki.crl import CrlEntry

__all__ = [
    "Change",
    "Changes",
    "Coverage",
    "DeltaMark",
    "Entry",
    "FeedMark",
    "Finding",
    "Mark",
    "PackedEntries",
    "PackedEntry",
    "Publication",
    "Pushed",
    "Quarantined",
    "RegisterMark",
    "Vanished",
]

MAX_LISTED_CHANGES = 10_000
"""Serials that one generation lists; beyond, whoever keeps answers had better drop them all."""

Entry = CrlEntry
"""The index adds nothing to an entry and loses nothing of it, so there is one type."""
PackedEntry: TypeAlias = tuple[bytes, bytes]
"""An entry as octets: the serial, as short as it can be, and the rest as `layout` writes it."""


@runtime_checkable
class PackedEntries(Protocol):
    """Entries that come as octets, so that a nation's millions never become objects."""

    def packed(self) -> Iterator[list[PackedEntry]]:
        """Yield them some thousands at a time, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one CRL changes in its partition; each sequence sorted by serial.

    Those that are PackedEntries as well cost a fourth where they are many.
    """

    added: Sequence[Entry] = ()
    changed: Sequence[tuple[Entry, Entry]] = ()
    """Before and after."""
    removed: Sequence[Entry] = ()

    @property
    def count(self) -> int:
        """Count what is changed at all."""
        return len(self.added) + len(self.changed) + len(self.removed)

    def entries(self) -> Iterator[Entry]:
        """Yield every entry once: as it comes, as it has become, as it was when it went."""
        return chain(self.added, (after for _, after in self.changed), self.removed)

    def serials(self) -> tuple[int, ...] | None:
        """Return what is changed at all; None for more than MAX_LISTED_CHANGES."""
        if self.count > MAX_LISTED_CHANGES:
            return None
        changed = [after.serial for _, after in self.changed]
        return (*_serials(self.added), *changed, *_serials(self.removed))

    def without(self, serials: Collection[int]) -> "Changes":
        """Return these changes less those of some serials."""
        if not serials:
            return self
        return Changes(
            added=[entry for entry in self.added if entry.serial not in serials],
            changed=[pair for pair in self.changed if pair[1].serial not in serials],
            removed=[entry for entry in self.removed if entry.serial not in serials],
        )


def _serials(entries: Sequence[Entry]) -> list[int]:
    if isinstance(entries, PackedEntries):
        number = int.from_bytes
        return [number(serial, "big") for some in entries.packed() for serial, _ in some]
    return [entry.serial for entry in entries]


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
class Vanished:
    """What has come off a partition's list within a day, released holds not counted."""

    since: datetime
    entries: int
    """That it has listed since, at most."""
    count: int
    """Less what was added meanwhile."""


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
    vanished: Vanished | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What one accepted CRL, or a message of a push feed, changes in its partition."""

    fingerprint: bytes
    partition: str
    changes: Changes
    mark: Mark
    """Of that CRL, or of the last one before the message."""
    pushed_at: datetime | None = None
    """The message's thisUpdate, where a push feed says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What a push feed changes in one partition of its issuer."""

    partition: str
    number: int
    """Of the last CRL that the issuer had made of it when it said so."""
    this_update: datetime
    changes: Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedMark:
    """The last message of an issuer's push feed that is taken in."""

    key: bytes
    """SHA-256 of the key that signs the feed; another key is another feed."""
    sequence: int
    digest: bytes
    """SHA-256 of the message as it came; what the next one must name."""
    this_update: datetime
    next_update: datetime


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
    """Added, changed and removed ones; None where they are too many to list."""
