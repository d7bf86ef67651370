"""What the operator decides for the whole house, in words that files and components share.

The configuration reads them, components obey them, and neither imports the other for it.
"""

from enum import StrEnum

__all__ = ["ALWAYS_TWO", "Guarded", "TaxTreatment"]


class Guarded(StrEnum):
    """The acts of the registry for which a house may want two persons."""

    SUSPENSION = "suspension"
    RESUMPTION = "resumption"
    CREDENTIAL = "credential"
    RELEASE = "release"
    """Of a file that the refresher holds back."""
    COMPROMISE = "compromise"
    COMPROMISE_END = "compromise-end"


ALWAYS_TWO = frozenset({Guarded.RELEASE, Guarded.COMPROMISE, Guarded.COMPROMISE_END})
"""For these two persons are needed whatever the house wants: a word revokes a nation's cards, or
lets a file change them beyond its bounds (T16).
"""


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

    @property
    def is_taxed(self) -> bool:
        """Whether a rate goes with it."""
        return self in {TaxTreatment.INCLUDED, TaxTreatment.ADDED}
