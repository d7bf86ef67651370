"""What all look-ups in one commit have in common, read when it is first needed.

Not for anything that outlives the commit: each has memories of its own, made new.
"""

from dataclasses import dataclass, field
from typing import Self

from tashika_server.index.layout import serial_prefixes
from tashika_server.index.values import Coverage, Finding

__all__ = ["Commit", "Ground"]


@dataclass(slots=True, kw_only=True)
class Ground:
    """What a commit says of an issuer, whichever certificate is asked about."""

    issuer: bytes
    has_register: bool
    prefixes: tuple[bytes, ...]
    """What the key of a serial begins with, by the serial's length."""
    issued: Finding
    """Of every serial that the register has and no partition lists."""
    absent: Finding
    """Of every other serial that no partition lists."""
    coverages: dict[bytes, Coverage | None] = field(default_factory=dict)
    """Of the partitions whose entries have been asked for."""
    stretch: tuple[int, int] = 0, -1
    """The range of the register that was hit last, ends included: there are few, and large ones."""

    @classmethod
    def of(cls, issuer: bytes, coverage: Coverage | None, *, has_register: bool) -> Self:
        """Make the ground of an issuer, all of whose partitions say together `coverage`."""
        return cls(
            issuer=issuer,
            has_register=has_register,
            prefixes=serial_prefixes(issuer),
            issued=Finding(None, coverage, issued=True),
            absent=Finding(None, coverage, issued=False if has_register else None),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One state of the index. LMDB numbers those of one file and never uses a number again."""

    number: int
    generation: int
    """The same in commits that leave all certificates as they were, such as a quarantine."""
    grounds: dict[bytes, Ground] = field(default_factory=dict)
    """By the issuer's fingerprint."""
