"""The two faces of what a relying party asks: AsyncClient, and Client for code without a loop."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import CancelledError
from datetime import datetime
from typing import Any, ParamSpec, Self, TypeVar, Unpack

from tashika.asking import Given, LocalSource, Progress, check, check_many, recall
from tashika.awaiting import must_be_awaited
from tashika.driving import Answer, drive, drive_async
from tashika.errors import WrongUse
from tashika.loop_thread import LoopThread
from tashika.network.parts import ClientParts, Ways, open_desk, system_time
from tashika.network.wishes import Wishes, login_flow, settle, signature_flow
from tashika.report import Report
from tashika.signature.challenge import AsyncChallengeStore, ChallengeStore, RelyingParty
from tashika.signature.flow import Terms
from tashika.signature.logins import Login, TakeChallenge
from tashika.signature.report import SignatureReport
from tashika.signature.submitted import Submitted

_CLOSED = "this client is closed; make another one"
_P = ParamSpec("_P")
_T = TypeVar("_T")


class AsyncClient:
    """Checks certificates with responders, by their URLs, and compact sets, asked in that order.

    Verifies signatures and logins by the same. The keyword arguments are those of
    ClientParts. One client serves any number of checks at once, in one event loop.
    """

    def __init__(self, *sources: str | LocalSource, **parts: Unpack[ClientParts]) -> None:
        self._ways = Ways.of(parts)
        self._desk = open_desk(sources, parts, self._ways)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @must_be_awaited
    async def check(self, certificate: Given, issuer: Given) -> Report:
        """Check that ``issuer`` issued ``certificate`` and that it is in force now.

        Bytes are PEM or DER. ``issuer`` is trusted: choose it by the key, as
        all generations of a JPKI CA share one name. Fails closed: a report is
        true only if a responder entitled to say so said 'good', freshly, of
        this certificate. Raises WrongUse only.
        """
        self._begin()
        return await check(certificate, issuer, self._desk)

    @must_be_awaited
    async def check_many(
        self, certificates: Iterable[Given], issuer: Given, *, progress: Progress | None = None
    ) -> list[Report]:
        """Check certificates of one issuer, several in each question; reports are in order.

        Each report is as strict as check()'s, and one that fails leaves the
        others alone. ``progress`` is called with how many are done, and of
        how many. Raises WrongUse, and what ``progress`` raises.
        """
        self._begin()
        return await check_many(certificates, issuer, self._desk, progress)

    @must_be_awaited
    async def verify_signature(
        self,
        submitted: Submitted,
        terms: Terms,
        *,
        received_at: datetime | None = None,
        at: datetime | None = None,
    ) -> SignatureReport:
        """Verify that a signature holds, and that its certificate is in force.

        It was received just now, unless ``received_at`` says when; ``at`` is the time
        judged about, if not that. The steps are those of tashika.signature.verifying();
        all that is asked for has Deadlines.total together. Fails closed: whatever
        strangers send ends in the report. Raises WrongUse only.
        """
        self._begin()
        flow = signature_flow(submitted, terms, self._desk.clock, received_at=received_at, at=at)
        return self.settle(await drive_async(flow, self.granting()))

    @must_be_awaited
    async def verify_authentication(
        self,
        login: Login,
        party: RelyingParty,
        terms: Terms,
        *,
        challenges: ChallengeStore | AsyncChallengeStore,
        received_at: datetime | None = None,
    ) -> SignatureReport:
        """Verify a login: a challenge that was open, signed by a certificate to log in with.

        As verify_signature() does, by the steps of tashika.signature.authenticating().
        ``terms.use`` is AUTHENTICATION whatever it says. Raises WrongUse, and what
        the store raises.
        """
        self._begin()
        flow = login_flow(login, party, terms, self._desk.clock, received_at=received_at)
        return self.settle(await drive_async(flow, self.granting(challenges)))

    def granting(
        self, challenges: ChallengeStore | AsyncChallengeStore | None = None
    ) -> Callable[[object], Coroutine[Any, Any, object]]:
        """Return what drive_async() wants: it grants the wishes of one flow, of one deadline.

        Wishes are a CheckStatus, a tuple of Want, and a TakeChallenge; WrongUse for others.
        """
        self._require_open()
        return Wishes(desk=self._desk, challenges=challenges).grant

    async def close(self) -> None:
        """Close the connections; checks under way end without an answer."""
        self._closed = True
        renewals = [*self._desk.renewals]
        for each in renewals:
            each.cancel()
        await asyncio.gather(*renewals, return_exceptions=True)
        await self._ways.close()

    def recall(self, certificate: Given, issuer: Given) -> Report | None:
        """Return a report if one is in memory and not due for renewal; from any thread."""
        self._require_open()
        return recall(certificate, issuer, self._desk)

    def settle(self, report: SignatureReport) -> SignatureReport:
        """Keep the receipts of what a path was judged by, and tell of it; from any thread."""
        return settle(report, self._desk)

    def _begin(self) -> None:
        self._require_open()
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if loop is not self._loop:
            raise WrongUse("a client is for one event loop; each asyncio.run() makes another")

    def _require_open(self) -> None:
        if self._closed:
            raise WrongUse(_CLOSED)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Client:
    """AsyncClient for threads: the same flows, on an event loop in a thread of its own.

    Takes the same arguments. Any number of threads may check at once. The
    thread starts with the first check, so a client may be made before a
    fork, but not used before it.
    """

    def __init__(self, *sources: str | LocalSource, **parts: Unpack[ClientParts]) -> None:
        self._inner = AsyncClient(*sources, **parts)
        self._clock = parts.get("clock", system_time)
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
        self, certificates: Iterable[Given], issuer: Given, *, progress: Progress | None = None
    ) -> list[Report]:
        """Do as AsyncClient.check_many does; ``progress`` is called in the client's thread."""
        return self._run(self._inner.check_many, [*certificates], issuer, progress=progress)

    def verify_signature(
        self,
        submitted: Submitted,
        terms: Terms,
        *,
        received_at: datetime | None = None,
        at: datetime | None = None,
    ) -> SignatureReport:
        """Do as AsyncClient.verify_signature does; reads and computes in the caller's thread."""
        flow = signature_flow(submitted, terms, self._clock, received_at=received_at, at=at)
        return self._inner.settle(drive(flow, self.granting()))

    def verify_authentication(
        self,
        login: Login,
        party: RelyingParty,
        terms: Terms,
        *,
        challenges: ChallengeStore,
        received_at: datetime | None = None,
    ) -> SignatureReport:
        """Do as AsyncClient.verify_authentication does; asks the store in the caller's thread."""
        flow = login_flow(login, party, terms, self._clock, received_at=received_at)
        return self._inner.settle(drive(flow, self.granting(challenges)))

    def granting(self, challenges: ChallengeStore | None = None) -> Answer:
        """Return what drive() wants, as AsyncClient.granting does."""
        if self._closed:
            raise WrongUse(_CLOSED)
        grant = self._inner.granting()

        def answer(wish: object) -> object:
            if isinstance(wish, TakeChallenge) and challenges is not None:
                return challenges.take(wish.challenge)
            return self._run(grant, wish)

        return answer

    def _run(
        self,
        work: Callable[_P, Coroutine[Any, Any, _T]],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        under_way = None
        try:
            with self._lock:
                if self._closed:
                    raise WrongUse(_CLOSED)
                self._thread = self._thread or LoopThread()
                under_way = self._thread.submit(work, *args, **kwargs)
            return under_way.result()
        except CancelledError:
            raise WrongUse("this client was closed during the check") from None
        finally:
            if under_way:  # of no effect unless a signal, such as Ctrl-C, ended the waiting
                under_way.cancel()

    def close(self) -> None:
        """Close the connections and end the thread; checks under way raise WrongUse."""
        with self._lock:
            if self._thread:
                self._thread.require_other_thread()
            self._closed = True
            thread, self._thread = self._thread, None
        if thread:
            thread.end(self._inner.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
