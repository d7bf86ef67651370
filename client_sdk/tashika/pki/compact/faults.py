"""Why a compact set or a delta is refused, by name."""

from enum import StrEnum
from typing import Self

from tashika.pki.errors import TashikaError


class Fault(StrEnum):
    """The value is stable and fit for logs and metrics; `remedy` says what to do."""

    remedy: str

    def __new__(cls, label: str, remedy: str) -> Self:
        """Join the two columns of a row."""
        fault = str.__new__(cls, label)
        fault._value_ = label
        fault.remedy = remedy
        return fault

    UNREADABLE = ("unreadable", "put the file there, readable")
    TRUNCATED = ("truncated", "download it again, to its end")
    MALFORMED = ("malformed", "download it again; tell the operator if it lasts")
    UNSUPPORTED = ("unsupported", "update this library")
    WRONG_ISSUER = ("wrong_issuer", "take the file of this very key generation")
    SIGNER = ("signer", "ask the operator by whose key the file should be signed")
    SIGNATURE = ("signature", "do not trust where the file came from; download it again")
    DAMAGED = ("damaged", "download it again")
    EXPIRED = ("expired", "get a newer file; set this machine's clock if it is wrong")
    ROLLBACK = ("rollback", "get a newer file; do not trust where this one came from")
    WRONG_BASE = ("wrong_base", "apply the deltas in their order, or download the whole set")
    UNREACHABLE = ("unreachable", "look at the address and the network, and try again")
    DECLINED = ("declined", "look at the agreement and the token; the operator can say why")
    UNWRITABLE = ("unwritable", "look at the disk and at who may write there")


class CompactRefused(TashikaError):
    """A file is of no use, for the reason that `fault` names; what was in place stays."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{detail}; {fault.remedy}")
        self.fault = fault
        self.detail = detail
