"""One CRL that is refreshed: a partition of an issuer, and why a file of it was not taken in."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tashika.pki.errors import TashikaError
from tashika_server.issuer import Issuer, Partition

__all__ = ["AnySource", "Check", "Kind", "NotTaken", "RegisterSource", "Source", "sources_of"]


class Check(StrEnum):
    """What a CRL can fail at, about in the order in which that is looked at."""

    FETCH = "fetch"
    SIZE = "size"
    FORM = "form"
    ISSUER = "issuer"
    SIGNATURE = "signature"
    SCOPE = "scope"
    REASONS = "some-reasons"
    CRITICAL = "critical-extension"
    NUMBER = "number"
    THIS_UPDATE = "this-update"
    NEXT_UPDATE = "next-update"
    VALIDITY = "validity"
    DELTA = "delta"
    BASE = "delta-base"
    ENTRIES = "entries"
    ENTRY_COUNT = "entry-count"
    ENTRY_SIZE = "entry-size"
    TIME = "time"
    MEMORY = "memory"
    DISK = "disk"
    READER = "reader"
    BOUNDS = "bounds"
    ARCHIVE = "archive"


class Kind(StrEnum):
    """Which of the two files of a partition."""

    COMPLETE = "complete"
    DELTA = "delta"


class NotTaken(TashikaError):
    """The newest file of a partition did not come, or is quarantined; the old one serves on.

    The text is for the operator: what is wrong and what to do, never a serial.
    """

    def __init__(self, check: Check, detail: str) -> None:
        super().__init__(f"{check}: {detail}")
        self.check = check
        self.detail = detail


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One partition of one issuer; equal to itself only."""

    issuer: Issuer
    partition: Partition
    fingerprint: bytes
    """The issuer's, computed once."""

    def __str__(self) -> str:
        """Name it as an operator knows it."""
        return f"{self.issuer.name}: {self.partition.name or 'complete CRL'}"


@dataclass(frozen=True, slots=True, eq=False)
class RegisterSource:
    """The issued register of one issuer; equal to itself only."""

    issuer: Issuer
    path: Path
    fingerprint: bytes

    def __str__(self) -> str:
        """Name it as an operator knows it."""
        return f"{self.issuer.name}: issued register"


AnySource = Source | RegisterSource


def sources_of(issuer: Issuer) -> list[AnySource]:
    """Return everything that is to be taken in for an issuer."""
    fingerprint = issuer.identity.fingerprint
    sources: list[AnySource] = []
    if issuer.register:
        sources.append(RegisterSource(issuer, issuer.register, fingerprint))
    sources += (Source(issuer, partition, fingerprint) for partition in issuer.partitions)
    return sources
