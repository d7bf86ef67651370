"""The consumption-tax category of the fees, as the operator has decided it.

How statutory fees are to be treated does not follow from the texts before us, so it is
configured (`[ledger] tax`), and the default claims nothing. Whole yen: what is below a yen is
dropped, once for each statement.
"""

from dataclasses import dataclass

from tashika_server.ledger.errors import LedgerError
from tashika_server.policy import TaxTreatment

__all__ = ["TaxCategory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxCategory:
    """The treatment, with the rate in percent where there is one."""

    treatment: TaxTreatment = TaxTreatment.UNSTATED
    percent: int = 0

    def __post_init__(self) -> None:
        if self.percent not in (range(1, 100) if self.treatment.is_taxed else (0,)):
            raise LedgerError(
                f"{self.percent} % does not go with the tax treatment {self.treatment}",
                rule="a rate goes with taxed fees, and only there",
                remedy="give a rate of 1 to 99 % with included or added, and none otherwise",
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
