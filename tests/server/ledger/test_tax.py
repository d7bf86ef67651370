"""Consumption tax: whole yen, by the category that the operator has set."""

import pytest

from tashika_server.ledger.errors import LedgerError
from tashika_server.ledger.tax import TaxCategory
from tashika_server.policy import TaxTreatment


@pytest.mark.parametrize(
    ("treatment", "percent", "due", "tax", "total"),
    [
        (TaxTreatment.UNSTATED, 0, 104, 0, 104),
        (TaxTreatment.EXEMPT, 0, 104, 0, 104),
        (TaxTreatment.OUT_OF_SCOPE, 0, 104, 0, 104),
        (TaxTreatment.INCLUDED, 10, 109, 9, 109),
        (TaxTreatment.ADDED, 10, 109, 10, 119),
        (TaxTreatment.ADDED, 10, -109, -10, -119),
        (TaxTreatment.ADDED, 10, 0, 0, 0),
    ],
)
def test_tax_is_whole_yen_by_the_category_that_the_house_has_set(
    treatment, percent, due, tax, total
):
    category = TaxCategory(treatment=treatment, percent=percent)
    assert (category.tax_yen(due), category.total_yen(due)) == (tax, total)


@pytest.mark.parametrize(
    ("treatment", "percent"),
    [(TaxTreatment.EXEMPT, 10), (TaxTreatment.ADDED, 0), (TaxTreatment.INCLUDED, 100)],
)
def test_a_rate_goes_with_taxed_fees_only(treatment, percent):
    with pytest.raises(LedgerError, match="does not go with"):
        TaxCategory(treatment=treatment, percent=percent)
