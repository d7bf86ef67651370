"""A relying party with some responders, where time, chance and nonces stand still."""

import asyncio
from datetime import timedelta
from functools import cache
from typing import Any

from cryptography import x509

from support.sdk import AT, Bench
from tashika import AsyncClient, Policy, Report
from tashika.observing import Event, Happening
from tashika.pki.request import parse_request
from tashika.testing import Pki

ONE, TWO, THREE = "http://one.test/", "https://two.test/ocsp", "http://three.test/"


class Heard:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._news = asyncio.Event()

    def note(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    async def hear(self, what: Happening, times: int = 1) -> None:
        """Wait until something has happened so often."""
        while len(self.whats(what)) < times:
            self._news.clear()
            await self._news.wait()

    def whats(self, *kinds: Happening) -> list[Happening]:
        return [each.what for each in self.events if each.what in kinds]


class Party(Bench):
    """Checks over a FakeResponder, or over another transport that asks it."""

    def __init__(self, *urls: str, policy: Policy | None = None, **parts: Any) -> None:
        super().__init__(_pki())
        self.heard = Heard()
        self.urls, self.policy, self.parts = urls or (ONE,), policy or Policy(), parts
        self.client = self.another()

    def another(self, **parts: Any) -> AsyncClient:
        """Make a client of the same settings, but for these."""
        standing_still: dict[str, Any] = {
            "policy": self.policy,
            "transport": self.responder,
            "clock": self.clock.now,
            "observer": self.heard,
            "chance": lambda: 0.5,
        }
        return AsyncClient(*self.urls, **standing_still | self.parts | parts)

    async def check(self, certificate: x509.Certificate | None = None) -> Report:
        return await self.client.check(certificate or self.pki.certificate, self.pki.issuer)

    def issue(self, number: int) -> list[x509.Certificate]:
        """Return certificates with the serials from 1000 on."""
        return [_issued(1000 + each) for each in range(number)]

    def advance(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))


@cache
def _pki() -> Pki:
    """Make the one PKI of all parties: no test changes it."""
    return Pki(at=AT)


@cache
def _issued(serial: int) -> x509.Certificate:
    return _pki().issue(f"Certificate {serial}", serial=serial).certificate


def serials(question: bytes) -> list[int]:
    """Read what is asked about."""
    return [each.serial for each in parse_request(question).cert_ids]
