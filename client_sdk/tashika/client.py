"""The two faces of the check: AsyncClient, and Client for code without an event loop."""

import random
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from typing import Any, ParamSpec, Self, TypedDict, TypeVar, Unpack

from tashika.asking import Given, LocalSource, Progress, check, check_many, recall
from tashika.breaker import Breaker
from tashika.credential import BearerToken, Credential, RequestSigner
from tashika.errors import WrongUse
from tashika.loop_thread import LoopThread
from tashika.network.answers import Answers, Cache
from tashika.network.desk import Desk, Source
from tashika.network.settings import CachePolicy
from tashika.network.subjects import Subjects
from tashika.observing import Observer
from tashika.observing.logs import LogObserver
from tashika.policy import DEFAULT_POLICY, Policy
from tashika.receipts import ReceiptBook
from tashika.report import Report
from tashika.transport import Transport, require_private, require_url

_CLOSED = "this client is closed; make another one"
_P = ParamSpec("_P")
_T = TypeVar("_T")


def _system_time() -> datetime:
    return datetime.now(UTC)


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
    """For tests, as are all that follow; one that is passed in stays open, and sends no token."""
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    nonces: Callable[[int], bytes]
    chance: Callable[[], float]
    """From 0 to below 1, for jitter."""


class AsyncClient:
    """Checks certificates with responders, by their URLs, and compact sets, asked in that order.

    The keyword arguments are those of ClientParts. One client serves any
    number of checks at once, in one event loop.
    """

    def __init__(self, *sources: str | LocalSource, **parts: Unpack[ClientParts]) -> None:
        if not sources:
            raise WrongUse("a client needs the URL of at least one responder, or a compact set")
        if unknown := parts.keys() - ClientParts.__annotations__.keys():
            raise WrongUse(f"a client takes no {', '.join(sorted(unknown))}; see ClientParts")
        # Whoever uses the codecs alone, as the server does, need not wait for aiohttp.
        from tashika.http_transport import HttpTransport  # noqa: PLC0415

        policy, credential = parts.get("policy", DEFAULT_POLICY), parts.get("credential")
        token = credential if isinstance(credential, BearerToken) else None
        for each in sources:
            if not isinstance(each, LocalSource) and require_url(each) and token:
                require_private(each)
        self._http = HttpTransport(
            connect=policy.deadlines.connect, tls=parts.get("tls"), token=token, pool=policy.pool
        )
        self._desk = _desk(sources, parts, parts.get("transport") or self._http)
        self._closed = False

    async def check(self, certificate: Given, issuer: Given) -> Report:
        """Check that ``issuer`` issued ``certificate`` and that it is in force now.

        Bytes are PEM or DER. ``issuer`` is trusted: choose it by the key, as
        all generations of a JPKI CA share one name. Fails closed: a report is
        true only if a responder entitled to say so said 'good', freshly, of
        this certificate. Raises WrongUse only.
        """
        self._require_open()
        return await check(certificate, issuer, self._desk)

    async def check_many(
        self, certificates: Sequence[Given], issuer: Given, *, progress: Progress | None = None
    ) -> list[Report]:
        """Check certificates of one issuer, several in each question; reports are in order.

        Each report is as strict as check()'s, and one that fails leaves the
        others alone. ``progress`` is called with how many are done, and of
        how many. Raises WrongUse, and what ``progress`` raises.
        """
        self._require_open()
        return await check_many(certificates, issuer, self._desk, progress)

    async def close(self) -> None:
        """Close the connections; checks under way end without an answer."""
        self._closed = True
        for each in self._desk.renewals:
            each.cancel()
        await self._http.close()

    def recall(self, certificate: Given, issuer: Given) -> Report | None:
        """Return a report if one is in memory and not due for renewal; from any thread."""
        self._require_open()
        return recall(certificate, issuer, self._desk)

    def _require_open(self) -> None:
        if self._closed:
            raise WrongUse(_CLOSED)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _desk(sources: tuple[str | LocalSource, ...], parts: ClientParts, transport: Transport) -> Desk:
    policy, monotonic = parts.get("policy", DEFAULT_POLICY), parts.get("monotonic", time.monotonic)
    credential, cache = parts.get("credential"), parts.get("cache")
    observer, chance = parts.get("observer"), parts.get("chance", random.random)
    if cache and not policy.cache:
        raise WrongUse("a cache is used only where Policy.cache says for how long")
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
        transport=transport,
        signer=credential if isinstance(credential, RequestSigner) else None,
        policy=policy,
        clock=parts.get("clock", _system_time),
        monotonic=monotonic,
        nonces=parts.get("nonces", secrets.token_bytes),
        receipts=parts.get("receipts"),
        observers=(LogObserver(), observer) if observer else (LogObserver(),),
        subjects=Subjects(entries=(policy.cache or CachePolicy()).entries),
        answers=Answers(policy.cache, policy, cache=cache, chance=chance) if policy.cache else None,
    )


class Client:
    """AsyncClient for threads: the same flow, on an event loop in a thread of its own.

    Takes the same arguments. Any number of threads may check at once. The
    thread starts with the first check, so a client may be made before a
    fork, but not used before it.
    """

    def __init__(self, *sources: str | LocalSource, **parts: Unpack[ClientParts]) -> None:
        self._inner = AsyncClient(*sources, **parts)
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None
        self._closed = False

    def check(self, certificate: Given, issuer: Given) -> Report:
        """Do as AsyncClient.check does."""
        # What is in memory need not wait for another thread.
        if not self._closed:
            report = self._inner.recall(certificate, issuer)
            if report is not None:
                return report
        return self._run(self._inner.check, certificate, issuer)

    def check_many(
        self, certificates: Sequence[Given], issuer: Given, *, progress: Progress | None = None
    ) -> list[Report]:
        """Do as AsyncClient.check_many does; ``progress`` is called in the client's thread."""
        return self._run(self._inner.check_many, certificates, issuer, progress=progress)

    def _run(
        self,
        work: Callable[_P, Coroutine[Any, Any, _T]],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        with self._lock:
            if self._closed:
                raise WrongUse(_CLOSED)
            self._thread = self._thread or LoopThread()
            under_way = self._thread.submit(work, *args, **kwargs)
        try:
            return under_way.result()
        except CancelledError:
            raise WrongUse("this client was closed during the check") from None
        except KeyboardInterrupt:
            under_way.cancel()
            raise

    def close(self) -> None:
        """Close the connections and end the thread; checks under way raise WrongUse."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread:
            thread.end(self._inner.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
