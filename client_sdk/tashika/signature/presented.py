"""A signature as it was handed in, whatever its form: read, and nothing about it verified."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tashika.signature.schemes import Digest, Scheme
from tashika.status.stapled import Stapled


class Form(StrEnum):
    """The forms that a signature comes in."""

    RAW = "raw"
    """The bare output of RSA or ECDSA, beside its document."""
    CMS = "cms"
    """CMS SignedData (RFC 5652), around its document or beside it."""
    PDF = "pdf"
    """Within a PDF, over all of it."""
    XML = "xml"
    """XML Signature, enveloped or enveloping; needs the extra ``xml``."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Presented:
    """What was signed, how, and by whose certificate, as the signature itself says."""

    form: Form
    digest: Digest
    """Of the document, by the signature's hash; of a PDF, of all but the signature's place."""
    covered: bytes | None
    """What is under the signature in the document's stead: signed attributes, a SignedInfo."""
    content: bytes | None = None
    """What was signed, where the file holds it (CMS, XML). Rely on this, not on the file."""
    signature: bytes
    scheme: Scheme
    certificate: bytes
    """The signer's, in DER; personal data."""
    others: tuple[bytes, ...] = ()
    """Certificates that come along, for the path."""
    stapled: Stapled = field(default_factory=Stapled)
    claimed_at: datetime | None = None
    """When the signer says that it signed. Nobody proves it."""

    def __repr__(self) -> str:
        """Name nobody."""
        return f"<Presented {self.form} by {self.scheme}>"
