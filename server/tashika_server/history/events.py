"""What can happen to a certificate, and what of it may not. Pure.

An entry appears on a CRL, changes there, or goes. Which transitions are legal is one table:

| from    | to      | event     | legal                                                            |
|---------|---------|-----------|------------------------------------------------------------------|
| good    | held    | held      | yes                                                              |
| good    | revoked | revoked   | yes                                                              |
| held    | good    | released  | not for signature certificates: their hold ends in revocation    |
| held    | revoked | revoked   | yes; the date is the source's, the first one where it keeps it   |
| held    | held    | corrected | yes (Act 61: a correction is an event of its own)                |
| revoked | revoked | corrected | yes                                                              |
| revoked | held    | held      | no: revocation is for good                                       |
| revoked | good    | lapsed    | where the certificate has expired, so not while the issuer keeps |
|         |         |           | revocations beyond expiry (archive_cutoff)                       |
| lapsed  | any     | as above  | no: it had not expired                                           |

Not for stopping anything: an illegal transition is the issuer's, who must say what it means.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple

from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.index import Entry

__all__ = ["Event", "Happening", "Illegal", "Keeping", "What", "happening"]


class What(IntEnum):
    """What happened; the numbers stand on disk and never change."""

    BASELINE = 1
    """It was listed when the history of its partition began."""
    REVOKED = 2
    HELD = 3
    RELEASED = 4
    CORRECTED = 5
    LAPSED = 6
    """A revoked certificate is listed no longer."""
    DROPPED = 7
    """Its partition is served no longer."""

    @property
    def word(self) -> str:
        """As commands write it."""
        return self.name.lower()


class Illegal(StrEnum):
    """Why a transition may not be."""

    SIGNATURE_RELEASED = "signature-hold-released"
    UNREVOKED = "revoked-to-held"
    VANISHED = "revoked-vanished"
    RETURNED = "lapsed-returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What of an issuer decides whether a transition is legal."""

    family: Family
    beyond_expiry: bool
    """Whether it keeps revocations after the certificate has expired."""


class Happening(NamedTuple):
    """What a change of an entry means."""

    what: What
    illegal: Illegal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a certificate, and how and when it became known."""

    what: What
    entry: Entry | None
    """As it is listed since; None where it is not."""
    illegal: bool
    known_at: datetime
    """When it was published here."""
    generation: int
    partition: str
    number: int | None
    """Of the CRL; None where no CRL said it."""
    this_update: datetime | None


def happening(
    keeping: Keeping, before: Entry | None, after: Entry | None, *, lapsed: bool
) -> Happening:
    """Tell what a change means, by the table above; `lapsed` where a revocation went before."""
    if after is None:
        return _gone(keeping, before)
    held, was_held = _is_hold(after), before is not None and _is_hold(before)
    if before is None:
        return Happening(What.HELD if held else What.REVOKED, Illegal.RETURNED if lapsed else None)
    if held == was_held:
        return Happening(What.CORRECTED, None)
    return Happening(What.HELD, Illegal.UNREVOKED) if held else Happening(What.REVOKED, None)


def _gone(keeping: Keeping, before: Entry | None) -> Happening:
    if before is not None and _is_hold(before):
        signature = keeping.family is Family.SIGNATURE
        return Happening(What.RELEASED, Illegal.SIGNATURE_RELEASED if signature else None)
    return Happening(What.LAPSED, Illegal.VANISHED if keeping.beyond_expiry else None)


def _is_hold(entry: Entry) -> bool:
    return entry.reason is Reason.CERTIFICATE_HOLD
