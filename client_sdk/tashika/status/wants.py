"""What a judgement wants fetched, as values: one URL each."""

from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

from tashika.errors import SourceFailed


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

    def __repr__(self) -> str:
        """Name no certificate, and no path: a URL's path may hold a credential."""
        parts = urlsplit(self.url)
        kind = "CRL" if self.question is None else "OCSP answer"
        return f"<Want {kind} of {parts.scheme}://{parts.hostname}>"


Got = bytes | SourceFailed
"""What became of a Want: the body, or why there is none."""
