"""The two faces of the check: AsyncClient, and Client for code without an event loop."""

import secrets
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from typing import Self, TypedDict, Unpack

from cryptography import x509

from tashika.asking import Desk, LocalSource, Source, check
from tashika.breaker import Breaker
from tashika.credential import BearerToken, Credential, RequestSigner
from tashika.errors import WrongUse
from tashika.loop_thread import LoopThread
from tashika.policy import DEFAULT_POLICY, Policy
from tashika.receipts import ReceiptBook
from tashika.report import Report
from tashika.transport import Transport, require_private, require_url

_CLOSED = "this client is closed; make another one"


def _system_time() -> datetime:
    return datetime.now(UTC)


class AsyncClient:
    """Checks certificates with responders, by their URLs, and compact sets, asked in that order.

    ``tls`` is for https with a private CA or a client certificate, and
    ``credential`` for what else the responder's operator has agreed to know
    you by. ``receipts`` keeps the receipts of what is answered, to check a
    statement by. The last four arguments are for tests: a transport that is passed
    in stays open, and sends no token.
    One client serves any number of checks at once, in one event loop.
    """

    def __init__(
        self,
        *sources: str | LocalSource,
        policy: Policy = DEFAULT_POLICY,
        tls: ssl.SSLContext | None = None,
        credential: Credential | None = None,
        receipts: ReceiptBook | None = None,
        transport: Transport | None = None,
        clock: Callable[[], datetime] = _system_time,
        monotonic: Callable[[], float] = time.monotonic,
        nonces: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        if not sources:
            raise WrongUse("a client needs the URL of at least one responder, or a compact set")
        # Whoever uses the codecs alone, as the server does, need not wait for aiohttp.
        from tashika.http_transport import HttpTransport  # noqa: PLC0415

        urls = [require_url(each) for each in sources if not isinstance(each, LocalSource)]
        token = credential if isinstance(credential, BearerToken) else None
        if token:
            for url in urls:
                require_private(url)
        self._http = HttpTransport(connect=policy.deadlines.connect, tls=tls, token=token)
        self._desk = Desk(
            sources=tuple(
                each
                if isinstance(each, LocalSource)
                else Source(url=each, breaker=Breaker(policy.breaker, monotonic))
                for each in sources
            ),
            transport=transport or self._http,
            signer=credential if isinstance(credential, RequestSigner) else None,
            policy=policy,
            clock=clock,
            nonces=nonces,
            receipts=receipts,
        )
        self._closed = False

    async def check(
        self, certificate: x509.Certificate | bytes, issuer: x509.Certificate | bytes
    ) -> Report:
        """Check that ``issuer`` issued ``certificate`` and that it is in force now.

        Bytes are PEM or DER. ``issuer`` is trusted: choose it by the key, as
        all generations of a JPKI CA share one name. Fails closed: a report is
        true only if a responder entitled to say so said 'good', freshly, of
        this certificate. Raises WrongUse only.
        """
        if self._closed:
            raise WrongUse(_CLOSED)
        return await check(certificate, issuer, self._desk)

    async def close(self) -> None:
        """Close the connections; checks under way end without an answer."""
        self._closed = True
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class ClientParts(TypedDict, total=False):
    """The keyword arguments of AsyncClient, which Client takes too."""

    policy: Policy
    tls: ssl.SSLContext | None
    credential: Credential | None
    receipts: ReceiptBook | None
    transport: Transport | None
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    nonces: Callable[[int], bytes]


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

    def check(
        self, certificate: x509.Certificate | bytes, issuer: x509.Certificate | bytes
    ) -> Report:
        """Do as AsyncClient.check does."""
        with self._lock:
            if self._closed:
                raise WrongUse(_CLOSED)
            self._thread = self._thread or LoopThread()
            under_way = self._thread.submit(self._inner.check, certificate, issuer)
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
