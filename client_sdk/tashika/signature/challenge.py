"""Challenges for user authentication: minted by a relying party, signed by a card, used once.

The octets say whom they are for and until when, so that only their one use needs a store.
"""

import hmac
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import Lock
from typing import Protocol, Self

from tashika.errors import SignatureRefused, WrongUse
from tashika.freshness import require_zone
from tashika.signature.causes import SignatureCause
from tashika.signature.limits import (
    CHALLENGE_LIFE,
    MAX_CHALLENGE_LIFE,
    MAX_CHALLENGES,
    MAX_NAME_CHARS,
)

_MARK = b"tashika-challenge-1\x00"
_PARTY_AT, _EXPIRY_AT, _RANDOM_AT = 20, 52, 60
RANDOM_BYTES = 32
CHALLENGE_BYTES = _RANDOM_AT + RANDOM_BYTES
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """Who logs its users in, by the name that its challenges are bound to."""

    name: str
    """Such as its host name; software at the user's side may compare ``digest`` with it."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not 1 <= len(self.name) <= MAX_NAME_CHARS:
            raise WrongUse(f"a relying party has a name of 1 to {MAX_NAME_CHARS} characters")

    @property
    def digest(self) -> bytes:
        """SHA-256 of the name in UTF-8, as it stands in every challenge."""
        return sha256(self.name.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Challenge:
    """What is given to a card to sign; 92 octets.

    The mark ``tashika-challenge-1`` and a zero octet, the SHA-256 of the relying party's
    name, the expiry in seconds since 1970 (8 octets, big-endian), and 32 octets of chance.
    """

    message: bytes

    def __post_init__(self) -> None:
        if not isinstance(self.message, bytes):
            raise WrongUse("a challenge is passed as bytes")
        if len(self.message) != CHALLENGE_BYTES or not self.message.startswith(_MARK):
            raise SignatureRefused(SignatureCause.CHALLENGE_MALFORMED)

    @classmethod
    def mint(
        cls,
        party: RelyingParty,
        *,
        at: datetime,
        random: Callable[[int], bytes],
        life: timedelta = CHALLENGE_LIFE,
    ) -> Self:
        """Make a new one; ``random`` is secrets.token_bytes. Give it to the store before use."""
        require_zone(at)
        if not timedelta(0) < life <= MAX_CHALLENGE_LIFE:
            raise WrongUse(f"a challenge lives for up to {MAX_CHALLENGE_LIFE}")
        chance = random(RANDOM_BYTES)
        if len(chance) != RANDOM_BYTES:
            raise WrongUse(f"random() returns as many octets as asked for: {RANDOM_BYTES}")
        expiry = int((at + life - _EPOCH).total_seconds())
        return cls(message=_MARK + party.digest + expiry.to_bytes(8, "big") + chance)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the octets: what a card with RSA or P-256 gets that is given a digest to sign.

        On P-384 it is the SHA-384 of ``message``, on P-521 the SHA-512.
        """
        return sha256(self.message).digest()

    @property
    def expires(self) -> int:
        """When it ends, in seconds since 1970."""
        return int.from_bytes(self.message[_EXPIRY_AT:_RANDOM_AT], "big")

    def require_for(self, party: RelyingParty, *, at: datetime) -> None:
        """Check whom it is for and until when; raises SignatureRefused."""
        if not hmac.compare_digest(self.message[_PARTY_AT:_EXPIRY_AT], party.digest):
            raise SignatureRefused(SignatureCause.CHALLENGE_ELSEWHERE)
        if (at - _EPOCH).total_seconds() >= self.expires:
            raise SignatureRefused(SignatureCause.CHALLENGE_EXPIRED)

    def __repr__(self) -> str:
        """Hide what could be replayed."""
        return f"<Challenge until {self.expires}>"


class ChallengeStore(Protocol):
    """Remembers which challenges are open; for any number of threads, or of machines.

    Keep what put() was given until its expiry at least, durably enough that take() never
    returns True twice. May raise only what its caller handles.
    """

    def put(self, challenge: Challenge) -> None:
        """Open a challenge that was minted."""
        ...

    def take(self, challenge: Challenge) -> bool:
        """Close a challenge: True for the one call that found it open."""
        ...


class AsyncChallengeStore(Protocol):
    """A ChallengeStore for AsyncClient whose take() is awaited, such as one in a database."""

    def take(self, challenge: Challenge) -> Awaitable[bool]:
        """Close a challenge: True for the one call that found it open."""
        ...


class ChallengesInMemory:
    """A store for one process. A restart closes all; users begin their logins again."""

    def __init__(self, *, clock: Callable[[], datetime], most: int = MAX_CHALLENGES) -> None:
        self._open: dict[bytes, int] = {}
        self._clock = clock
        self._most = most
        self._lock = Lock()

    def put(self, challenge: Challenge) -> None:
        """Open a challenge; WrongUse where too many are open, which says a flood."""
        with self._lock:
            if len(self._open) >= self._most:
                for each in list(self._expired()):
                    del self._open[each]
            if len(self._open) >= self._most:
                raise WrongUse(f"{self._most} challenges are open: limit who may begin a login")
            self._open[challenge.digest] = challenge.expires

    def take(self, challenge: Challenge) -> bool:
        """Close a challenge."""
        with self._lock:
            return self._open.pop(challenge.digest, None) is not None

    def __len__(self) -> int:
        return len(self._open)

    def _expired(self) -> Iterator[bytes]:
        now = self._clock().timestamp()
        return (key for key, expires in self._open.items() if expires <= now)
