"""What a usage record says: who was told what of which certificate, how, and when.

Values only. Nothing here has a price, and nothing a serial number: what is billable is a table
in the book, and a certificate goes by its pseudonym (`tashika.pki.pseudonym`). The numbers
stand on disk for as long as a journal is kept; they are added to and never changed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from tashika.pki.receipt import StandingCode

__all__ = [
    "END_OF_TIME",
    "Context",
    "Delivery",
    "Occasion",
    "StandingCode",
    "Usage",
    "instant",
    "microseconds",
    "month_of",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR, _JST = timedelta(hours=1), timedelta(hours=9)


class _Worded(IntEnum):
    """A code of journals and totals."""

    @property
    def word(self) -> str:
        """What statements and commands call it, such as `handed-over`."""
        return self.name.lower().replace("_", "-")


class Occasion(_Worded):
    """How an answer came about."""

    FRESH = 1
    """Looked up and signed for this question."""
    CACHED = 2
    """Looked up and signed for an earlier question, without a nonce."""
    RETRY = 3
    """The verifier has had an answer about this certificate to this nonce a moment ago."""
    REPLAY = 4
    """The identical signed question came again and got its first answer."""


class Delivery(_Worded):
    """What became of an answer after it was journalled."""

    HANDED_OVER = 1
    """The kernel took it."""
    UNKNOWN = 2
    """The worker ended before it could say."""
    ABANDONED = 3
    """It was never handed over: the caller had gone, or it could not be signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What many answers have in common; the ids are those of the registry."""

    verifier: str
    holder: str
    """The tenant or confirmer; empty for the verifier itself."""
    agreement: str
    version: int
    family: str
    issuer: str
    fingerprint: bytes
    """IssuerIdentity.fingerprint, 32 octets."""
    method: str
    purpose: str
    """Empty where it was not stated."""


class Usage(NamedTuple):
    """One answer about one certificate, as it is read back."""

    sequence: int
    """Its number in its stream: the first is 0, and none is left out."""
    context: Context
    standing: StandingCode
    occasion: Occasion
    delivery: Delivery
    generation: int
    """Of the index, when it was looked up."""
    pseudonym: bytes
    """16 octets for the certificate, known to the verifier alone."""
    at: int
    """producedAt, in microseconds since 1970 UTC; the answer says it in whole seconds."""


@lru_cache(maxsize=64)  # a turn's answers all have one time
def microseconds(at: datetime) -> int:
    """Write a time as records have it, since 1970 UTC."""
    since = at - _EPOCH
    # Half the time of dividing by a timedelta, and exact as timestamp() is not.
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


END_OF_TIME = microseconds(datetime(9000, 1, 1, tzinfo=UTC))
"""No record is later: beyond it days and months of Japan could not be told for long."""


@lru_cache(maxsize=64)
def whole_second(at: datetime) -> datetime:
    """Cut a time to the second, as answers say it."""
    return at.replace(microsecond=0)


@lru_cache(maxsize=64)
def instant(at: int) -> datetime:
    """Read a time of a record."""
    return _EPOCH + timedelta(microseconds=at)


@lru_cache(maxsize=1024)
def month_of(hour: int) -> str:
    """Name the month of Japan, such as `2026-04`, of a whole hour since 1970 in UTC."""
    return f"{_EPOCH + hour * _HOUR + _JST:%Y-%m}"
