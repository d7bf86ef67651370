"""What no file and no message may do before two persons have looked at it (T16).

Bounds are of one day as of one step: what goes a little at a time is gone all the same.
"""

from bisect import bisect_left
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter

from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.index import Changes, Entry, Mark, Vanished
from tashika_server.issuer import Issuer
from tashika_server.refresh.source import Check, NotTaken

__all__ = ["check_bounds", "check_guarded"]

DAY = timedelta(days=1)
HOLD = Reason.CERTIFICATE_HOLD


def check_bounds(
    changes: Changes, issuer: Issuer, mark: Mark | None, *, at: datetime
) -> Vanished | None:
    """Check 11: entries vanish and appear within the issuer's bounds; raises NotTaken.

    The first CRL of a partition has nothing to be measured by; the serials of CAs and OCSP
    signers are looked for in it all the same. A released hold vanishes as it should; everything
    else vanishes by expiry alone, which comes in ones. Turning a revocation into a hold counts as
    vanishing, since a hold may go unnoticed afterwards. What is added makes up for what vanished
    before. Returns what has vanished in the day so far, None for nothing. What is raised says all
    that is wrong, for whoever may release it.
    """
    lost, wrong = None, [_guarded(changes, issuer)]
    if mark is not None:
        lost, most = _lost(changes, issuer, mark, at)
        wrong += [_shrunk(lost, most, issuer), _grown(changes, issuer, mark)]
    if found := [each for each in wrong if each]:
        raise NotTaken(Check.BOUNDS, "; and ".join(found))
    return lost if lost and lost.count else None


def check_guarded(changes: Changes, issuer: Issuer) -> None:
    """Raise NotTaken if the certificate of a CA or of an OCSP signer would be revoked."""
    if wrong := _guarded(changes, issuer):
        raise NotTaken(Check.BOUNDS, wrong)


def _shrunk(lost: Vanished, most: int, issuer: Issuer) -> str | None:
    if most <= max(issuer.bounds.shrink_slack, issuer.bounds.max_shrink * lost.entries):
        return None
    return (
        f"{most} of {lost.entries} entries would vanish within a day; ask the "
        "issuer, and if it is right, raise max_shrink in the issuer's bounds"
    )


def _lost(changes: Changes, issuer: Issuer, mark: Mark, at: datetime) -> tuple[Vanished, int]:
    """Return what has vanished since the day began, and that or what this step alone takes."""
    known = mark.vanished
    if known is None or not known.since <= at < known.since + DAY:
        known = Vanished(since=at, entries=mark.entries, count=0)
    gone = sum(not _releasable(entry, issuer) for entry in changes.removed)
    weaker = sum(after.reason is HOLD is not before.reason for before, after in changes.changed)
    count = max(0, known.count + gone + weaker - len(changes.added))
    lost = replace(known, entries=max(known.entries, mark.entries), count=count)
    return lost, max(count, gone + weaker)


def _releasable(entry: Entry, issuer: Issuer) -> bool:
    """Tell whether an entry may vanish as a released hold."""
    # User terms section 9: a hold of a signature certificate is never released.
    return entry.reason is HOLD and issuer.family is not Family.SIGNATURE


def _grown(changes: Changes, issuer: Issuer, mark: Mark) -> str | None:
    bounds = issuer.bounds
    if len(changes.added) <= max(bounds.growth_slack, bounds.max_growth * mark.entries):
        return None
    return (
        f"{len(changes.added)} entries would be added to {mark.entries}; ask the issuer, "
        "and if it is right, raise max_growth in the issuer's bounds"
    )


def _guarded(changes: Changes, issuer: Issuer) -> str | None:
    """Look for these few in what may be a nation's entries, and read no others."""
    if not any(_revokes(changes, serial) for serial in issuer.guarded):
        return None
    return (
        "it revokes the certificate of a CA or of an OCSP signer; ask the issuer, and if it "
        "is right, replace that certificate"
    )


def _revokes(changes: Changes, serial: int) -> bool:
    added, changed = changes.added, changes.changed
    at = bisect_left(added, serial, key=attrgetter("serial"))
    if at < len(added) and added[at].serial == serial:
        return True
    at = bisect_left(changed, serial, key=lambda pair: pair[1].serial)
    return at < len(changed) and changed[at][1].serial == serial
