"""What the lab remembers: certificates, and the events that made and unmade them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.lab.causes import Cause

__all__ = ["Certificate", "Event", "Happening", "Role"]


class Role(StrEnum):
    """What a certificate is for."""

    AUTHORITY = "authority"
    RESPONDER = "responder"
    HOLDER = "holder"


class Happening(StrEnum):
    """What an event says. The latest of the first four decides a certificate's standing."""

    ISSUED = "issued"
    HELD = "held"
    RELEASED = "released"
    REVOKED = "revoked"
    MOVED_OUT = "moved-out"
    MOVED_IN = "moved-in"
    LAPSED = "lapsed"
    """30 days have passed since the planned day of a move-out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One issued certificate; family and serial identify it in a lab."""

    family: Family
    serial: int
    issuer: str
    """The name of the key generation, as `signature-g3`."""
    role: Role
    not_before: datetime
    not_after: datetime
    der: bytes
    person: int | None = None
    municipality: str | None = None
    """The code of the place of issue, which names the CRL that would list it."""

    @property
    def name(self) -> str:
        """How it is called in messages and file names."""
        return f"{self.family}-{self.serial}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the lab's log; never changed once written."""

    at: datetime
    happening: Happening
    family: Family | None = None
    serial: int | None = None
    person: int | None = None
    cause: Cause | None = None
    reason: Reason | None = None
    invalid_since: datetime | None = None
    planned: date | None = None
    """The planned day of a move-out."""
