"""Why money is not reckoned: what is wrong, which rule says so, what to do.

Everything here is refused before anything is written; nothing is guessed.
"""

from tashika_server.agreements.errors import RegistryError

__all__ = [
    "AdjustmentDecided",
    "BadAdjustment",
    "BadAnchor",
    "BadBillableTable",
    "BadDay",
    "BadTariff",
    "BadTariffFile",
    "CannotRead",
    "CannotWrite",
    "DetailDiffers",
    "LedgerBroken",
    "LedgerError",
    "MonthFrozen",
    "MonthIncomplete",
    "MonthMoved",
    "NoLedgerKey",
    "NoSuchRoot",
    "NotFrozen",
    "ReportDiffers",
    "StatementAltered",
    "TariffHole",
    "TariffOverlap",
    "UnknownUsage",
]


class LedgerError(RegistryError):
    """A reckoning or a change of the accounts that a rule forbids."""


class BadDay(LedgerError):
    """A month or a day is written wrongly, or lies out of all reason."""


class BadTariff(LedgerError):
    """A tariff row makes no sense, or would reach into the past unbidden."""


class TariffOverlap(LedgerError):
    """Two tariff rows of one specificity would price the same day."""


class BadTariffFile(LedgerError):
    """A tariff file is empty or not as it should be (T40)."""


class BadBillableTable(LedgerError):
    """A table of what is billable leaves a case open, or has a rule that never applies."""


class UnknownUsage(LedgerError):
    """The book counts something that this program has no name for."""


class TariffHole(LedgerError):
    """Days of a month have provisions and no price; a missing row refuses to rate (T39)."""


class MonthIncomplete(LedgerError):
    """Something of the month may still come."""


class MonthMoved(LedgerError):
    """Usage or tariffs changed between rating a month and freezing it."""


class MonthFrozen(LedgerError):
    """The month is frozen, which is done once."""


class NotFrozen(LedgerError):
    """The month is not frozen, so there is nothing to show of it."""


class StatementAltered(LedgerError):
    """A statement does not agree with its digest, its sums or the tariff it cites."""


class DetailDiffers(LedgerError):
    """The items read from the journals are not those that the statement counts."""


class CannotRead(LedgerError):
    """A file that was named cannot be read."""


class CannotWrite(LedgerError):
    """A file that is to be handed out cannot be written."""


class BadAdjustment(LedgerError):
    """An adjustment corrects nothing, or is out of all reason."""


class AdjustmentDecided(LedgerError):
    """The adjustment was approved or rejected before."""


class LedgerBroken(LedgerError):
    """Something of the ledger was changed, left out, put in or moved after it was written."""

    def __init__(self, what: str, *, line: int | None = None) -> None:
        super().__init__(
            what if line is None else f"line {line}: {what}",
            rule="each entry names the digest of the one before, and signed roots name them all",
            remedy="keep this ledger as it is, and compare it with older exports and roots",
        )
        self.what = what
        self.line = line
        """Of an export, from 1; None in the book itself."""


class BadAnchor(LedgerError):
    """A file of roots kept elsewhere is not one."""


class NoLedgerKey(LedgerError):
    """No key was named to sign the ledger's days with."""


class NoSuchRoot(LedgerError):
    """No root was made of such a day, or it is not over."""


class ReportDiffers(LedgerError):
    """The journals do not bear a report out."""
