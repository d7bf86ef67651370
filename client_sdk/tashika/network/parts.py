"""What a client is made of, and putting it together."""

import random
import secrets
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from tashika.breaker import Breaker
from tashika.credential import BearerToken, Credential, RequestSigner
from tashika.errors import WrongUse
from tashika.freshness import require_zone
from tashika.network.answers import Answers, Cache
from tashika.network.desk import Desk, LocalSource, Source
from tashika.network.settings import CachePolicy
from tashika.network.subjects import Subjects
from tashika.observing import Observer
from tashika.observing.logs import LogObserver
from tashika.outbound import require_public
from tashika.policy import DEFAULT_POLICY, Policy
from tashika.receipts import ReceiptBook
from tashika.transport import Transport, require_private, require_url

if TYPE_CHECKING:
    from tashika.http_transport import HttpTransport


class ClientParts(TypedDict, total=False):
    """What a client may be made of beside its sources, for both faces."""

    policy: Policy
    """What counts as proof, and how it is gone about: deadlines, retries, hedges, cache."""
    tls: ssl.SSLContext | None
    """For https with a private CA or a client certificate."""
    credential: Credential | None
    """What else the responder's operator has agreed to know you by."""
    receipts: ReceiptBook | None
    """Keeps the receipts of what is answered, to check a statement by."""
    cache: Cache | None
    """Keeps answers beyond this client, where Policy.cache is set; stays open."""
    observer: Observer | None
    """Hears what is done."""
    transport: Transport | None
    """For tests, as are all that follow; one that is passed in stays open, and sends no token. It
    goes to URLs of the configuration; those out of certificates keep a way of their own."""
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    nonces: Callable[[int], bytes]
    chance: Callable[[], float]
    """From 0 to below 1, for jitter."""


class Ways(NamedTuple):
    """How URLs are reached; each knows no more secrets than it needs."""

    sources: "HttpTransport"
    others: "HttpTransport"
    public: "HttpTransport"

    @classmethod
    def of(cls, parts: ClientParts) -> "Ways":
        """Make the three: connections are opened when first used."""
        # Whoever uses the codecs alone, as the server does, need not wait for aiohttp.
        from tashika.http_transport import HttpTransport  # noqa: PLC0415

        policy, credential, tls = _policy(parts), parts.get("credential"), parts.get("tls")
        token = credential if isinstance(credential, BearerToken) else None
        connect, pool = policy.deadlines.connect, policy.pool
        return cls(
            sources=HttpTransport(connect=connect, tls=tls, token=token, pool=pool),
            others=HttpTransport(connect=connect, tls=tls, pool=pool),
            public=HttpTransport(connect=connect, tls=None, pool=pool, admit=require_public),
        )

    async def close(self) -> None:
        """Close every connection."""
        for each in self:
            await each.close()


def system_time() -> datetime:
    """Return what this machine's clock says."""
    return datetime.now(UTC)


def open_desk(sources: tuple[str | LocalSource, ...], parts: ClientParts, ways: Ways) -> Desk:
    """Put everything together; raises WrongUse for parts that do not go together."""
    if not sources:
        raise WrongUse("a client needs the URL of at least one responder, or a compact set")
    if unknown := parts.keys() - ClientParts.__annotations__.keys():
        raise WrongUse(f"a client takes no {', '.join(sorted(unknown))}; see ClientParts")
    policy, clock = _policy(parts), parts.get("clock", system_time)
    require_zone(clock())
    credential, cache, given = parts.get("credential"), parts.get("cache"), parts.get("transport")
    observer, monotonic = parts.get("observer"), parts.get("monotonic", time.monotonic)
    chance = parts.get("chance", random.random)
    if cache and not policy.cache:
        raise WrongUse("a cache is used only where Policy.cache says for how long")
    urls = [require_url(each) for each in sources if not isinstance(each, LocalSource)]
    for each in urls if isinstance(credential, BearerToken) else ():
        require_private(each)
    return Desk(
        sources=tuple(
            each
            if isinstance(each, LocalSource)
            else Source(
                url=each,
                breaker=Breaker(policy.breaker, monotonic),
                takes=policy.batch.per_question,
            )
            for each in sources
        ),
        transport=given or ways.sources,
        others=given or ways.others,
        public=ways.public,
        signer=credential if isinstance(credential, RequestSigner) else None,
        policy=policy,
        clock=clock,
        monotonic=monotonic,
        nonces=parts.get("nonces", secrets.token_bytes),
        receipts=parts.get("receipts"),
        observers=(LogObserver(), observer) if observer else (LogObserver(),),
        subjects=Subjects(entries=(policy.cache or CachePolicy()).entries),
        answers=Answers(policy.cache, policy, cache=cache, chance=chance) if policy.cache else None,
    )


def _policy(parts: ClientParts) -> Policy:
    return parts.get("policy", DEFAULT_POLICY)
