"""Why usage is not read, settled or purged: what is wrong and what to do about it."""

from tashika.pki.errors import TashikaError

__all__ = ["JournalHarmed", "MeteringError", "NotKept", "RetirementRefused", "SettlementRefused"]


class MeteringError(TashikaError):
    """Something about the journals as the office has them."""


class SettlementRefused(MeteringError):
    """An alarm cannot be settled like this; nothing has been changed."""


class RetirementRefused(MeteringError):
    """A machine cannot be retired as it is; nothing has been changed."""


class JournalHarmed(MeteringError):
    """A journal cannot be read again as it was; nothing is counted from what is left (T39)."""


class NotKept(MeteringError):
    """The answers of that time were purged from the journals."""
