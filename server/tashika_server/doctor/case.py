"""One issuer before the doctor, and all that its examination needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tashika_server.agreements.compromise_file import Compromised
from tashika_server.doctor.asking import Oracle
from tashika_server.doctor.finding import Finding, Gravity, Symptom
from tashika_server.index import Snapshot
from tashika_server.issuer import Issuer
from tashika_server.signing import Rack

__all__ = ["COMPLETE", "Case"]

COMPLETE = "the complete CRL"
"""What the CRL of an issuer without partitions is called, whose partition has no name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One issuer, and all that its examination needs."""

    rack: Rack
    view: Snapshot | None
    """None where the index cannot be read; that was said already."""
    oracle: Oracle
    numbers: Mapping[tuple[str, str], Sequence[int]]
    """The numbers of the CRLs that were taken in, by issuer and partition."""
    compromised: Compromised | None
    at: datetime

    @property
    def issuer(self) -> Issuer:
        """Whom it is about."""
        return self.rack.issuer

    def finding(self, gravity: Gravity, symptom: Symptom, **facts: object) -> Finding:
        """Make a finding about this issuer."""
        return Finding(gravity=gravity, symptom=symptom, subject=self.issuer.name, facts=facts)
