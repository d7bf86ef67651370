"""An answer about one certificate, written once and filled in again and again.

Of answers that say the same in the same second only CertID, nonce and signature differ. A
template is cut out of one that was encoded in full, so it says what that one said.
"""

from tashika.pki import der
from tashika.pki.extensions import NONCE, write_extension
from tashika_server.signing.encode import Unsigned
from tashika_server.signing.envelope import Envelope

__all__ = ["Template"]


class Template:
    """For CertIDs and nonces of the lengths that the answer had which it is cut out of."""

    __slots__ = ("between", "envelope", "head")

    def __init__(self, head: bytes, between: bytes, envelope: Envelope) -> None:
        """Take what comes before the CertID, and between it and the nonce."""
        self.head, self.between, self.envelope = head, between, envelope

    @classmethod
    def cut(cls, unsigned: Unsigned, cert_id: bytes, nonce: bytes) -> "Template | None":
        """Cut CertID and nonce out; None unless the nonce is the end of it, and all else common."""
        head, found, rest = unsigned.data.partition(cert_id)
        # With its header: an asker may choose a nonce that looks like whatever stands there.
        if not found or not rest.endswith(write_extension(NONCE, der.octet_string(nonce))):
            return None
        return cls(head, rest[: len(rest) - len(nonce)], unsigned.envelope)

    def fill(self, cert_id: bytes, nonce: bytes) -> Unsigned:
        """Write the answer to another CertID and nonce."""
        return Unsigned(b"".join((self.head, cert_id, self.between, nonce)), self.envelope)
