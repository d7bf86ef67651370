"""What relying parties write, for mypy --strict alone: each documented way has its types.

Never run. Where a line says `type: ignore`, mypy must find the mistake: an ignore of nothing fails.
"""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import assert_type

from tashika import (
    Addresses,
    AsyncClient,
    BearerToken,
    ByPath,
    CachePolicy,
    Client,
    Configured,
    Means,
    OneTier,
    Policy,
    ReceiptBook,
    Reply,
    Report,
    Revoked,
    SignatureReport,
    SqliteCache,
    Submitted,
    Terms,
    TrustAnchor,
)
from tashika.compact import CompactFile, CompactSet, Trust
from tashika.compact.fetching import Provider, update
from tashika.errors import CertificateRevoked
from tashika.observing import Event
from tashika.observing.opentelemetry import OpenTelemetryObserver
from tashika.observing.prometheus import PrometheusObserver
from tashika.testing import FakeResponder

URL = "https://ocsp.example.jp/"


class Ours:
    """A cache, an observer and a transport of a relying party's own."""

    def load(self, name: bytes) -> bytes | None: ...
    def store(self, name: bytes, value: bytes, *, until: datetime) -> None: ...
    def note(self, event: Event) -> None: ...

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        return Reply(b"")

    async def get(self, url: str, *, limit: int) -> Reply:
        return Reply(b"")


def with_threads(many: Iterator[bytes], issuer: bytes, key: bytes) -> None:
    policy = Policy(cache=CachePolicy())
    with (
        SqliteCache("answers.tcache", key=key) as cache,
        ReceiptBook(Path("receipts"), key=key) as book,
        Client(URL, policy=policy, cache=cache, receipts=book, observer=Ours()) as client,
    ):
        reports = client.check_many(many, issuer, progress=lambda done, of: done / of)
        assert_type(reports, list[Report])
        try:
            reports[0].require_good()
        except CertificateRevoked as wrong:
            if isinstance(wrong.report.standing, Revoked):
                assert_type(wrong.report.standing.at, datetime)


async def with_a_loop(certificate: bytes, issuer: bytes, terms: Terms) -> None:
    async with AsyncClient(URL, cache=Ours(), transport=Ours()) as client:
        assert_type(await client.check(certificate, issuer), Report)
        client.check(certificate, issuer)  # type: ignore[unused-coroutine]
        client.check(certificate, issuer).require_good()  # type: ignore[attr-defined]
        submitted = Submitted(document=b"", signature=b"", certificate=certificate)
        assert_type(await client.verify_signature(submitted, terms), SignatureReport)


async def without_a_network(trust: Trust, now: datetime) -> list[Client]:
    provider = Provider(url=URL, issuer="sign-3", token=BearerToken("secret"))
    compact = await update(Path("sign-3.tset"), provider, trust=trust, at=now)
    assert_type(compact, CompactSet)
    running = CompactFile("sign-3.tset", trust=trust, at=now)
    means = Means(nonces=secrets.token_bytes, sets=(compact, running))
    ByPath(anchors=(TrustAnchor.of(b""),), means=means)
    return [Client(compact, URL), Client(running)]


def of_other_kinds(responder: FakeResponder) -> list[Terms | Client]:
    addresses = Configured(otherwise=Addresses(responders=(URL,)))
    means = Means(addresses=addresses, nonces=secrets.token_bytes)
    return [
        Terms(judge=ByPath(anchors=(), means=means), purpose="loan 4711"),
        Terms(judge=OneTier((responder.pki.issuer,)), purpose="loan 4711"),
        Client(responder.url, transport=responder, clock=lambda: datetime.now(UTC)),
        Client(URL, observer=PrometheusObserver()),
        Client(URL, observer=OpenTelemetryObserver()),
        Client(URL, cache=responder),  # type: ignore[arg-type]
        Client(URL, polcy=Policy()),  # type: ignore[call-arg]
    ]
