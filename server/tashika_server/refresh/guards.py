"""What no file and no message may do before two persons have looked at it (T16)."""

from bisect import bisect_left
from operator import attrgetter

from tashika_server.index import Changes
from tashika_server.issuer import Issuer
from tashika_server.refresh.source import Check, NotTaken

__all__ = ["check_guarded"]


def check_guarded(changes: Changes, issuer: Issuer) -> None:
    """Raise NotTaken if the certificate of a CA or of an OCSP signer would be revoked.

    Looks for these few in what may be a nation's entries, and reads no others.
    """
    if any(_revokes(changes, serial) for serial in issuer.guarded):
        raise NotTaken(
            Check.BOUNDS,
            "it revokes the certificate of a CA or of an OCSP signer; ask the issuer, and if it "
            "is right, replace that certificate",
        )


def _revokes(changes: Changes, serial: int) -> bool:
    added, changed = changes.added, changes.changed
    at = bisect_left(added, serial, key=attrgetter("serial"))
    if at < len(added) and added[at].serial == serial:
        return True
    at = bisect_left(changed, serial, key=lambda pair: pair[1].serial)
    return at < len(changed) and changed[at][1].serial == serial
