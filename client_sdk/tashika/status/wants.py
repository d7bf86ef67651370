"""What a judgement wants fetched, as values: one URL each."""

from dataclasses import dataclass, field
from enum import Enum

from tashika.errors import SourceFailed
from tashika.transport import origin


class NamedBy(Enum):
    """Whose word a URL is."""

    CONFIGURATION = "configuration"
    CERTIFICATE = "a certificate"
    """Connect to public addresses alone: tashika.outbound.require_public (C9)."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Want:
    """One thing to be fetched."""

    url: str
    question: bytes | None = field(repr=False)
    """The OCSP request in DER to be posted there; None where a CRL is to be got."""
    limit: int
    """Read no more octets than this and one."""
    named_by: NamedBy
    repeatable: bool = False
    """The question has a nonce, by which its like is known, and may be sent again."""

    def __repr__(self) -> str:
        """Name no certificate, and no path: a URL's path may hold a credential."""
        kind = "CRL" if self.question is None else "OCSP answer"
        return f"<Want {kind} of {origin(self.url)}>"


Got = bytes | SourceFailed
"""What became of a Want: the body, or why there is none."""
