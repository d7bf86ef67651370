"""What no file and no message may do before two persons have looked at it (T16)."""

from tashika_server.index import Changes
from tashika_server.issuer import Issuer
from tashika_server.refresh.source import Check, NotTaken

__all__ = ["check_guarded"]


def check_guarded(changes: Changes, issuer: Issuer) -> None:
    """Raise NotTaken if the certificate of a CA or of an OCSP signer would be revoked."""
    news = (*changes.added, *(after for _, after in changes.changed))
    if any(entry.serial in issuer.guarded for entry in news):
        raise NotTaken(
            Check.BOUNDS,
            "it revokes the certificate of a CA or of an OCSP signer; ask the issuer, and if it "
            "is right, replace that certificate",
        )
