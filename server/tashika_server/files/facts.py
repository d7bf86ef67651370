"""What is known of a file that is kept. Values only; where they stand is `catalog`'s to say."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

__all__ = ["COMPACT", "Content", "Facts", "Kept", "Kind"]


class Kind(StrEnum):
    """What a file is; a new kind is a new word here, and nothing else changes."""

    CRL = "crl"
    """A complete CRL of its partition."""
    DELTA = "delta-crl"
    """What changed since an earlier CRL (RFC 5280 5.2.4)."""
    COMPACT_SET = "compact-set"
    """A compact revocation set of an issuer, made here (docs/compact-set.md)."""
    COMPACT_DELTA = "compact-delta"
    """What leads from one compact set to the next."""

    @property
    def is_crl(self) -> bool:
        """True for what the issuer published, false for what was made of it."""
        return self in {Kind.CRL, Kind.DELTA}


COMPACT = "compact-set"
"""Stands in place of a partition for compact sets, which are of all of them together."""


class Content(Protocol):
    """What the octets of a file are known by, wherever it is listed."""

    @property
    def sha256(self) -> bytes:
        """Of the file as it came."""
        ...

    @property
    def size(self) -> int:
        """In octets, as it came."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a file says of itself, as it was accepted."""

    kind: Kind
    issuer: bytes
    """IssuerIdentity.fingerprint."""
    partition: str
    number: int
    base: int | None
    this_update: datetime
    next_update: datetime
    sha256: bytes
    """Of the file as it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Facts):
    """A file that is, or was, kept."""

    id: int
    """In the order of their coming."""
    size: int
    received_at: datetime
    leaving: str | None
    """The purge that took it; None while it is kept."""
