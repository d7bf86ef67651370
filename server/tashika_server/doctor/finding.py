"""What the doctor finds, as values; what it says of it is in `wording`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

__all__ = ["MACHINE", "Finding", "Gravity", "Symptom"]

MACHINE = "machine"
"""The subject of what is no issuer's; no issuer is called so, since `issuer[machine]` would be."""


class Gravity(IntEnum):
    """How bad a finding is; the worst is the exit status."""

    WELL = 0
    WARNING = 1
    FAILURE = 2


class Symptom(StrEnum):
    """What can be found. Each has its words in `wording`."""

    ISSUER_WELL = "issuer-well"
    SIGNER_UNFIT = "signer-unfit"
    SIGNER_ENDS = "signer-ends"
    NO_SIGNER = "no-signer"
    CRL_MISSING = "crl-missing"
    CRL_UNKNOWN = "crl-unknown"
    CRL_UNPUBLISHED = "crl-unpublished"
    CRL_EXPIRED = "crl-expired"
    CRL_AGEING = "crl-ageing"
    QUARANTINED = "quarantined"
    FEED_STOPPED = "feed-stopped"
    COUNT_DIFFERS = "count-differs"
    BEHIND_ISSUER = "behind-issuer"
    ISSUER_LIST_UNREADABLE = "issuer-list-unreadable"
    NUMBER_HOLE = "number-hole"
    REGISTER_MISSING = "register-missing"
    REGISTER_REFUSED = "register-refused"
    PROBE_WRONG = "probe-wrong"
    PROBE_UNANSWERED = "probe-unanswered"
    NO_PROBE = "no-probe"
    COMPROMISED = "compromised"
    MACHINE_WELL = "machine-well"
    INDEX_UNREADABLE = "index-unreadable"
    INDEX_FULL = "index-full"
    DISK_FULL = "disk-full"
    PLACE_UNUSABLE = "place-unusable"
    CLOCK_BEHIND = "clock-behind"
    AGREEMENTS_OLD = "agreements-old"
    BOOK_UNREADABLE = "book-unreadable"
    RESPONDER_SILENT = "responder-silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found, of an issuer or of this machine."""

    gravity: Gravity
    symptom: Symptom
    subject: str = MACHINE
    """The issuer's name."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """What its words have places for; never a serial."""
