"""The consumption-tax category of the fees, as the operator has decided it.

How statutory fees are to be treated does not follow from the texts before us, so it is
configured, and the default claims nothing. Whole yen: what is below a yen is dropped, once for
each statement.
"""

from dataclasses import dataclass
from enum import StrEnum

from tashika_server.ledger.errors import LedgerError

__all__ = ["TaxCategory", "TaxTreatment"]


class TaxTreatment(StrEnum):
    """How consumption tax goes with the fees. The default says nothing about it."""

    UNSTATED = "unstated"
    EXEMPT = "exempt"
    """非課税."""
    OUT_OF_SCOPE = "out-of-scope"
    """不課税."""
    INCLUDED = "included"
    """課税, and the tariff's yen include the tax (内税)."""
    ADDED = "added"
    """課税, and the tax comes on top (外税)."""


TAXED = {TaxTreatment.INCLUDED, TaxTreatment.ADDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxCategory:
    """The treatment, with the rate in percent where there is one."""

    treatment: TaxTreatment = TaxTreatment.UNSTATED
    percent: int = 0

    def __post_init__(self) -> None:
        if (self.treatment in TAXED) != (self.percent > 0):
            raise LedgerError(
                f"{self.percent} % does not go with the tax treatment {self.treatment}",
                rule="a rate goes with taxed fees, and only there",
                remedy=f"give a rate with {' or '.join(sorted(TAXED))}, and none otherwise",
            )

    def tax_yen(self, due_yen: int) -> int:
        """Return the tax in, or on top of, an amount; that of a credit is negative."""
        base = 100 + self.percent if self.treatment is TaxTreatment.INCLUDED else 100
        tax = abs(due_yen) * self.percent // base
        return tax if due_yen >= 0 else -tax

    def total_yen(self, due_yen: int) -> int:
        """Return what is to be paid for an amount due."""
        added = self.treatment is TaxTreatment.ADDED
        return due_yen + self.tax_yen(due_yen) if added else due_yen
