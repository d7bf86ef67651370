"""The budget of one check: work is counted, never timed, so that every machine agrees.

Path building can be made to take exponential time by whoever supplies the
certificates (CVE-2023-0464, C10); each kind of work has a limit of its own.
"""

from dataclasses import dataclass, field, fields

from tashika.errors import WrongUse


class BudgetSpent(Exception):
    """One kind of work reached its limit; never leaves this package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLimits:
    """How much one check may do before it is undetermined."""

    candidates: int = 2_000
    """Certificates given; a bridge of governments knows some hundred."""
    steps: int = 2_000
    """Issuers tried while building; a path of six with three generations each needs 20."""
    signatures: int = 200
    """Signatures verified, at 0.03 to 0.3 ms each; every pair once."""
    paths: int = 50
    """Complete paths validated, those of CRL signers included."""
    policies: int = 20_000
    """Policies and mappings looked at. Their graph grows by at most what a certificate lists."""
    names: int = 50_000
    """Names compared with constraints, and lists with distribution points, at about 1 us each."""

    def __post_init__(self) -> None:
        for each in fields(self):
            if getattr(self, each.name) < 1:
                raise WrongUse(f"WorkLimits.{each.name} must be at least 1")


@dataclass(slots=True)
class Work:
    """What has been done so far."""

    limits: WorkLimits
    spent: dict[str, int] = field(default_factory=dict)

    def spend(self, kind: str, units: int = 1) -> None:
        """Count some work before it is done; raises BudgetSpent beyond the limit."""
        if self.spent.get(kind, 0) + units > getattr(self.limits, kind):
            raise BudgetSpent(kind)
        self.spent[kind] = self.spent.get(kind, 0) + units
