"""How a client goes about asking, as values; what counts as proof is :mod:`tashika.policy`.

Nothing here can make an answer good that the policy refuses.
"""

from dataclasses import dataclass
from datetime import timedelta

from tashika.errors import WrongUse
from tashika.limits import (
    BATCH_AT_ONCE,
    CACHE_ENTRIES,
    CACHE_FAILURES,
    CACHE_MAX_AGE,
    POOL_CONNECTIONS,
    POOL_IDLE,
)
from tashika.pki.limits import MAX_CERT_IDS

_NEVER = timedelta(0)


def require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - the condition is the point
    """Raise WrongUse unless a setting holds."""
    if not holds:
        raise WrongUse(otherwise)


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """How long a verified answer may be used again. A check without one asks each time."""

    max_age: timedelta = CACHE_MAX_AGE
    """After it came; never past its nextUpdate, nor past Policy.max_age."""
    refresh_ahead: float = 0.2
    """In this last part of its time an answer that is used is renewed, at a random moment."""
    failures: timedelta = CACHE_FAILURES
    """How long nobody is asked again after all failed; half to one and a half of it, at random."""
    entries: int = CACHE_ENTRIES
    """So many certificates are remembered in memory; the longest unused are forgotten."""

    def __post_init__(self) -> None:
        require(self.max_age > _NEVER, "CachePolicy.max_age must be above zero")
        require(0 <= self.refresh_ahead < 1, "CachePolicy.refresh_ahead is from 0 to below 1")
        require(self.failures >= _NEVER, "CachePolicy.failures must not be below zero")
        require(self.entries >= 1, "CachePolicy.entries must be at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgePolicy:
    """When the next source is asked although the one before has not failed.

    The first to settle the matter wins, and the others are cancelled. What a
    cancelled responder had already answered may be billed: a hedge costs up to
    one more answer a source.
    """

    after: timedelta
    """How long the slow one is waited for; a little above its usual slowest answer."""

    def __post_init__(self) -> None:
        require(self.after > _NEVER, "HedgePolicy.after must be above zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How check_many asks."""

    per_question: int = MAX_CERT_IDS
    """So many certificates in one question; a responder that takes fewer is asked fewer."""
    at_once: int = BATCH_AT_ONCE
    """So many questions under way."""

    def __post_init__(self) -> None:
        require(
            1 <= self.per_question <= MAX_CERT_IDS,
            f"BatchLimits.per_question is from 1 to {MAX_CERT_IDS}",
        )
        require(self.at_once >= 1, "BatchLimits.at_once must be at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """The connections that are kept."""

    connections: int = POOL_CONNECTIONS
    """So many at once to one responder; further questions wait, within their deadlines."""
    idle: timedelta = POOL_IDLE
    """How long an unused one is kept; below the responder's own patience."""

    def __post_init__(self) -> None:
        require(self.connections >= 1, "PoolLimits.connections must be at least 1")
        require(self.idle > _NEVER, "PoolLimits.idle must be above zero")


BATCH, POOL = BatchLimits(), PoolLimits()
