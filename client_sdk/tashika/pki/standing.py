"""What can be said of one certificate: Good, Revoked or Unknown."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple


class Reason(IntEnum):
    """Why a certificate was revoked (CRLReason, RFC 5280 5.3.1)."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    REMOVE_FROM_CRL = 8
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10


@dataclass(frozen=True, slots=True)
class Good:
    """In force as far as the issuer has said."""


class Revoked(NamedTuple):
    """Revoked or on hold since ``at``, the time the issuer recorded it (Act art. 15, 34).

    A tuple, because a responder makes one for each answer that says so.
    """

    at: datetime
    reason: Reason | None = None
    """None where the issuer states no reason."""
    invalid_since: datetime | None = None
    """When the key is suspected to have been lost (RFC 5280 5.3.2)."""

    @property
    def on_hold(self) -> bool:
        """True while a release is still possible (user terms section 9)."""
        return self.reason is Reason.CERTIFICATE_HOLD


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known: a foreign issuer, or a serial without evidence."""


Standing = Good | Revoked | Unknown
