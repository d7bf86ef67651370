"""What a relying party demands of an answer, as values with safe defaults.

Not for parts such as clocks and transports: those are arguments of the client.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum

from tashika.limits import (
    BREAKER_FAILURES,
    BREAKER_REST,
    DEFAULT_CONNECT,
    DEFAULT_MAX_AGE,
    DEFAULT_READ,
    DEFAULT_SKEW,
    DEFAULT_TOTAL,
    MAX_AGE,
    MAX_RETRIES,
    MAX_SKEW,
    RETRIES,
)
from tashika.network.settings import (
    BATCH,
    POOL,
    BatchLimits,
    CachePolicy,
    HedgePolicy,
    PoolLimits,
    require,
)
from tashika.pki.algorithms import BY_OID, SignatureAlgorithm


class Nonce(StrEnum):
    """Whether an answer must be made for this very question (C5, RFC 9654)."""

    REQUIRED = "required"
    """The default: an answer without our nonce is refused, as a replay would be."""
    OPPORTUNISTIC = "opportunistic"
    """Send one; accept an answer without, for responders that sign ahead (RFC 5019)."""
    OFF = "off"
    """Send none; ``max_age`` alone bounds a replay."""


class CertIdHash(StrEnum):
    """The hash that names the issuer in the question; it protects nothing."""

    SHA1 = "sha1"
    """For old responders that know no other."""
    SHA256 = "sha256"
    """The default."""
    SHA384 = "sha384"
    SHA512 = "sha512"


class NoNextUpdate(Enum):
    """What an answer without nextUpdate is worth (C4)."""

    REJECT = "reject"
    """The default: nothing."""
    ACCEPT_WITHIN_MAX_AGE = "accept within max_age"
    """It holds for ``max_age`` after its thisUpdate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a check may wait; each is absolute, so a slow drip gains nothing (C12)."""

    connect: timedelta = DEFAULT_CONNECT
    """To resolve the name, connect and finish TLS."""
    read: timedelta = DEFAULT_READ
    """After that, until the last byte of the answer."""
    total: timedelta = DEFAULT_TOTAL
    """For the whole check, all sources together."""

    def __post_init__(self) -> None:
        for name in ("connect", "read", "total"):
            require(timedelta(0) < getattr(self, name), f"Deadlines.{name} must be above zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLimits:
    """When a source that keeps failing is left alone (C12)."""

    failures: int = BREAKER_FAILURES
    """So many in a row open it. An OCSP error reply is no failure here: it can be forged."""
    rest: timedelta = BREAKER_REST
    """How long until one question is let through again."""

    def __post_init__(self) -> None:
        require(self.failures >= 1, "BreakerLimits.failures must be at least 1")
        require(self.rest > timedelta(0), "BreakerLimits.rest must be above zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What counts as proof. Every default is the strict choice."""

    nonce: Nonce = Nonce.REQUIRED
    certid_hash: CertIdHash = CertIdHash.SHA256
    max_age: timedelta = DEFAULT_MAX_AGE
    """The greatest age of the revocation data (thisUpdate), whatever nextUpdate promises."""
    no_next_update: NoNextUpdate = NoNextUpdate.REJECT
    skew: timedelta = DEFAULT_SKEW
    """The one tolerance between our clock and a responder's (C13). Certificates get none."""
    algorithms: frozenset[SignatureAlgorithm] = frozenset(BY_OID.values())
    """The signature algorithms an answer may use."""
    deadlines: Deadlines = Deadlines()
    breaker: BreakerLimits = BreakerLimits()
    retries: int = RETRIES
    """How often a question is sent again, with its nonce, when a connection breaks. Never without
    a nonce: the responder could not tell it from a new question, and would bill it as one."""
    hedge: HedgePolicy | None = None
    """Off: each source is waited for, since hedges cost answers."""
    cache: CachePolicy | None = None
    """Off: each check asks."""
    batch: BatchLimits = BATCH
    pool: PoolLimits = POOL

    def __post_init__(self) -> None:
        for name, kind in _CHOICES.items():
            # A text that looks like the choice would be compared with it in vain.
            require(
                isinstance(getattr(self, name), kind), f"Policy.{name} must be a {kind.__name__}"
            )
        require(
            timedelta(0) < self.max_age <= MAX_AGE,
            f"Policy.max_age must be above zero and at most {MAX_AGE.days} days",
        )
        require(
            timedelta(0) <= self.skew <= MAX_SKEW,
            f"Policy.skew must be between zero and {MAX_SKEW}",
        )
        require(0 <= self.retries <= MAX_RETRIES, f"Policy.retries is from 0 to {MAX_RETRIES}")
        require(bool(self.algorithms), "Policy.algorithms must name at least one algorithm")


_CHOICES = {"nonce": Nonce, "certid_hash": CertIdHash, "no_next_update": NoNextUpdate}
DEFAULT_POLICY = Policy()
