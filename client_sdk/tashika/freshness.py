"""Whether the times that revocation data states fit now: one rule for all that states them."""

from datetime import datetime

from tashika.causes import Cause
from tashika.errors import AnswerRefused, WrongUse
from tashika.policy import NoNextUpdate, Policy


def require_zone(at: datetime) -> None:
    """Raise WrongUse for a time without its zone: nothing can be compared with it."""
    if at.tzinfo is None:
        raise WrongUse("pass times with their zone, such as datetime.now(UTC)")


def require_fresh(
    *,
    this_update: datetime,
    next_update: datetime | None,
    produced_at: datetime,
    policy: Policy,
    at: datetime,
) -> None:
    """Check times within one skew and one greatest age (C4, C13); raises AnswerRefused."""
    # Differences, not sums: a date near year 9999 must not overflow.
    if max(this_update, produced_at) - at > policy.skew:
        raise AnswerRefused(Cause.FROM_THE_FUTURE)
    if next_update is not None:
        if next_update < this_update:
            raise AnswerRefused(Cause.MALFORMED, "nextUpdate is before thisUpdate")
        if at - next_update >= policy.skew:
            raise AnswerRefused(Cause.STALE)
    elif policy.no_next_update is not NoNextUpdate.ACCEPT_WITHIN_MAX_AGE:
        raise AnswerRefused(Cause.NO_NEXT_UPDATE)
    if at - this_update > policy.max_age + policy.skew:
        raise AnswerRefused(Cause.TOO_OLD)
