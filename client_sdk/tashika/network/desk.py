"""What a client works with: its sources, and everything that asking them needs."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from tashika.breaker import Breaker
from tashika.causes import Cause
from tashika.credential import RequestSigner
from tashika.issuance import IssuedCertificate
from tashika.network.answers import Answers
from tashika.network.flights import Flights
from tashika.network.subjects import Subjects
from tashika.observing import Event, Happening, Observer
from tashika.ocsp import CheckedAnswer
from tashika.policy import Policy
from tashika.receipts import ReceiptBook
from tashika.report import Report
from tashika.transport import Transport, origin

_log = logging.getLogger("tashika")


@dataclass(slots=True, kw_only=True)
class Source:
    """One responder, from configuration; never from a certificate (C9)."""

    url: str
    breaker: Breaker
    takes: int
    """So many certificates in one question; fewer once it has shown that it takes fewer."""

    @property
    def source(self) -> str:
        """What a report names it by."""
        return self.url


@runtime_checkable
class LocalSource(Protocol):
    """A source that needs no network, such as a compact set; for any number of threads."""

    @property
    def source(self) -> str:
        """What a report names it by."""
        ...

    def answer(self, subject: IssuedCertificate, policy: Policy, *, at: datetime) -> CheckedAnswer:
        """Answer at once; raises AnswerRefused."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that a check needs beside its two certificates."""

    sources: tuple[Source | LocalSource, ...]
    transport: Transport
    """To the sources; it may hold a token."""
    others: Transport
    """To whatever else the configuration names; it holds no token."""
    public: Transport
    """To URLs out of certificates: to public addresses alone (C9)."""
    signer: RequestSigner | None
    policy: Policy
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    nonces: Callable[[int], bytes]
    receipts: ReceiptBook | None
    observers: tuple[Observer, ...]
    subjects: Subjects
    answers: Answers | None
    """What is remembered; None where each check asks."""
    flights: Flights[Report] = field(default_factory=Flights)
    renewals: set[asyncio.Task[Report]] = field(default_factory=set)

    def tell(
        self,
        what: Happening,
        *,
        source: str | None = None,
        cause: Cause | None = None,
        since: float | None = None,
        certificates: int = 1,
    ) -> None:
        """Tell the observers; ``since`` is the monotonic time at which it began."""
        seconds = None if since is None else self.monotonic() - since
        event = Event(what, source and origin(source), cause, seconds, certificates)
        for each in self.observers:
            try:
                each.note(event)
            except Exception as failure:  # noqa: BLE001 - whatever it is, the check goes on
                _log.error("observer_failed error=%s", type(failure).__name__)
