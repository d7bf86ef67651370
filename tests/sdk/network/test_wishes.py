"""What a judge by path wishes for, fetched by a client: through which way, with which secrets."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from support.judging import LIST, ONE, PKI, crl
from support.party import Heard
from support.sdk import AT
from support.signatures import raw
from tashika import (
    Addresses,
    AsyncClient,
    BearerToken,
    BreakerLimits,
    ByPath,
    Cause,
    Client,
    Configured,
    Deadlines,
    Means,
    Nonce,
    Policy,
    ReceiptBook,
    RevocationPolicy,
    SignatureReport,
    Submitted,
    Terms,
    TrustAnchor,
)
from tashika.errors import ConnectionLost, SourceFailed, WrongUse
from tashika.loop_thread import LoopThread
from tashika.observing import Happening
from tashika.signature import CheckStatus
from tashika.status import Kind, NamedBy, UrlsFrom, Want, WhenSilent
from tashika.testing import FakeResponder, KeyPair
from tashika.transport import Reply

DOCUMENT = b"a form"


class Request(NamedTuple):
    path: str
    method: str
    token: str | None


class Site:
    """A responder at /ocsp, another one at /other, a list at /crl; it writes down who asks how."""

    def __init__(self) -> None:
        self.responder = FakeResponder(PKI, clock=lambda: AT)
        self.requests: list[Request] = []

    async def open(self) -> str:
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        token = request.headers.get("Authorization")
        self.requests.append(Request(request.path, request.method, token))
        if request.path == "/crl":
            return web.Response(body=crl())
        return web.Response(body=self.responder.answer(await request.read()))


@contextmanager
def serving(site: Site) -> Iterator[str]:
    thread = LoopThread()
    try:
        yield thread.submit(site.open).result()
    finally:
        thread.end(site.close)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def url(site: Site) -> Iterator[str]:
    with serving(site) as url:
        yield url


def terms(addresses: Addresses, **policy: Any) -> Terms:
    means = Means(
        policy=RevocationPolicy(**policy),
        addresses=Configured(otherwise=addresses),
        nonces=secrets.token_bytes,
    )
    judge = ByPath(anchors=(TrustAnchor.of(PKI.issuer),), means=means)
    return Terms(judge=judge, purpose="a test")


def form(by: KeyPair = PKI.end_entity) -> Submitted:
    return Submitted(
        document=DOCUMENT, signature=raw(DOCUMENT, key=by.key), certificate=by.certificate
    )


def verify(by: Terms, *sources: str, submitted: Submitted | None = None, **parts: Any) -> Any:
    with Client(*sources, **{"clock": lambda: AT} | parts) as client:
        return client.verify_signature(submitted or form(), by)


def causes(report: SignatureReport) -> list[str]:
    return [each.cause for each in report.judgement.tried]


def test_the_token_goes_to_the_clients_own_source_and_to_nobody_else(site: Site, url: str):
    own, other, crls = f"{url}/ocsp", f"{url}/other", f"{url}/crl"
    token = BearerToken("s3cret")
    assert verify(terms(Addresses(responders=(own,))), own, credential=token)
    assert verify(terms(Addresses(responders=(other,))), own, credential=token)
    by_lists = terms(Addresses(lists=(crls,)), order=(Kind.LISTS,))
    report = verify(by_lists, own, credential=token)
    assert report, causes(report)
    assert site.requests == [
        Request("/ocsp", "POST", "Bearer s3cret"),
        Request("/other", "POST", None),
        Request("/crl", "GET", None),
    ]


async def test_the_same_awaited(site: Site, url: str):
    by = terms(Addresses(responders=(f"{url}/other",), lists=(f"{url}/crl",)))
    async with AsyncClient(f"{url}/ocsp", clock=lambda: AT) as client:
        assert await client.verify_signature(form(), by)
        site.responder.revoke(PKI.certificate)
        report = await client.verify_signature(form(), by)
    assert (report.cause, report.because) == ("certificate_refused", "revoked")


async def test_receipts_of_its_own_responders_are_kept_for_paths_too(
    site: Site, url: str, tmp_path: Path
):
    """Whatever the answer says: the operator bills each."""
    site.responder.give_receipts()
    own, other, heard = f"{url}/ocsp", f"{url}/other", Heard()
    by = terms(Addresses(responders=(own, other)))
    with ReceiptBook(tmp_path, key=bytes(32)) as book:
        parts: dict[str, Any] = {"clock": lambda: AT, "receipts": book, "observer": heard}
        async with AsyncClient(own, **parts) as client:
            assert await client.verify_signature(form(), by)
            site.responder.revoke(PKI.certificate)
            assert not await client.verify_signature(form(), by)
            site.responder.forget(PKI.certificate)
            assert not await client.verify_signature(form(), by)
        site.responder.release(PKI.certificate)
        assert verify(by, own, receipts=book)
    assert [each.path for each in site.requests] == ["/ocsp"] * 3 + ["/other", "/ocsp"]
    assert len(kept_in(tmp_path)) == 4
    assert heard.whats(Happening.ANSWERED) == [Happening.ANSWERED] * 3


def kept_in(folder: Path) -> list[bytes]:
    return [line for each in folder.iterdir() for line in each.read_bytes().splitlines()]


def naming(url: str) -> KeyPair:
    """A certificate that leads to a responder of its maker's choice."""
    place = x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url)
    )
    access = x509.AuthorityInformationAccess([place])
    return PKI.make("Leading", issuer=PKI.ca, extensions=[(access, False)])


@pytest.mark.parametrize("passed_in", [False, True])
def test_c9_a_url_out_of_a_certificate_reaches_no_private_address(
    passed_in: bool,  # noqa: FBT001 - parametrized
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
):
    """Its name leads to this machine. That is no silence, which a soft-fail could tolerate."""

    async def resolve(self: object, host: str, port: int, **_: object) -> list[dict[str, Any]]:
        here = {"hostname": host, "host": "127.0.0.1", "port": port}
        return [here | {"family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr("aiohttp.TCPConnector._resolve_host", resolve)
    by = terms(Addresses(), urls_from=UrlsFrom.CERTIFICATES_TOO, when_silent=WhenSilent.TOLERATE)
    parts = {"transport": site.responder} if passed_in else {}
    submitted, heard = form(naming("http://inside.test/")), Heard()
    report = verify(by, ONE, submitted=submitted, observer=heard, **parts)
    assert causes(report) == [Cause.ADDRESS_REFUSED]
    # The host is a stranger's word: as a label of metrics it could be another each time.
    assert [(each.cause, each.source) for each in heard.events] == [(Cause.ADDRESS_REFUSED, None)]
    assert not report.judgement.tolerated
    assert not site.responder.asked


class Failing:
    """A transport that never gets an answer."""

    def __init__(self, failure: SourceFailed | None = None) -> None:
        self.failure, self.bodies = failure, list[bytes]()

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        self.bodies.append(body)
        if self.failure:
            raise self.failure
        await asyncio.Event().wait()
        raise AssertionError

    async def get(self, url: str, *, limit: int) -> Reply:
        return await self.post(url, b"", limit=limit)


def test_c12_a_source_that_keeps_failing_is_left_alone_by_paths_too():
    transport = Failing(SourceFailed(Cause.UNREACHABLE))
    policy = Policy(breaker=BreakerLimits(failures=2))
    by, heard = terms(Addresses(responders=(ONE,))), Heard()
    with Client(ONE, policy=policy, transport=transport, observer=heard) as client:
        reports = [client.verify_signature(form(), by, received_at=AT) for _ in range(3)]
    assert [causes(each) for each in reports] == [["unreachable"], ["unreachable"], ["resting"]]
    assert len(transport.bodies) == 2
    assert heard.whats(Happening.LEFT_ALONE) == [Happening.LEFT_ALONE]
    assert len(heard.whats(Happening.FAILED)) == 3


def test_a_broken_connection_is_tried_again_with_the_same_octets():
    transport = Failing(ConnectionLost(Cause.UNREACHABLE))
    assert not verify(terms(Addresses(responders=(ONE,))), ONE, transport=transport)
    first, second = transport.bodies
    assert first == second


def test_a_question_without_a_nonce_is_not_sent_again():
    transport = Failing(ConnectionLost(Cause.UNREACHABLE))
    by = terms(Addresses(responders=(ONE,)), answers=Policy(nonce=Nonce.OFF))
    assert not verify(by, ONE, transport=transport)
    assert len(transport.bodies) == 1


async def test_c12_all_wishes_of_one_verification_share_one_deadline(
    monkeypatch: pytest.MonkeyPatch,
):
    """Each of these would have its own patience; together they have the total."""
    moments = list[float]()
    timeout_at = asyncio.timeout_at

    def noting(when: float) -> asyncio.Timeout:
        moments.append(when)
        return timeout_at(when)

    monkeypatch.setattr(asyncio, "timeout_at", noting)
    second = timedelta(seconds=1)
    policy = Policy(deadlines=Deadlines(connect=second, read=second, total=second / 20))
    responders = (ONE, "http://other.test/", "http://third.test/")
    by = terms(Addresses(responders=responders, lists=(LIST,)))
    async with AsyncClient(ONE, policy=policy, transport=Failing(), clock=lambda: AT) as client:
        report = await client.verify_signature(form(), by)
    assert causes(report) == [Cause.TIMED_OUT] * 4
    assert report.cause == "certificate_undetermined"
    assert (len(moments), len(set(moments))) == (4, 1)


async def test_c12_a_check_that_comes_late_in_a_flow_has_what_is_left():
    moment = timedelta(seconds=0.05)
    policy = Policy(deadlines=Deadlines(connect=moment, read=moment, total=3 * moment))
    async with AsyncClient(ONE, policy=policy, transport=Failing(), clock=lambda: AT) as client:
        grant = client.granting()
        wish = CheckStatus(certificate=PKI.certificate, issuer=PKI.issuer, at=AT)
        first, second = await grant(wish), await grant(wish)
    assert [first.cause, second.cause] == [Cause.TIMED_OUT] * 2
    assert (bool(first.tried), second.tried) == (True, ())


def test_a_flow_of_ones_own_is_driven_by_a_client(site: Site, url: str):
    want = Want(url=f"{url}/crl", question=None, limit=9, named_by=NamedBy.CONFIGURATION)
    with Client(f"{url}/ocsp", clock=lambda: AT) as client:
        answer = client.granting()
        (got,) = answer((want,))
        assert len(got) == want.limit + 1
        with pytest.raises(WrongUse, match="int"):
            answer(1)


async def test_the_same_by_an_async_client(url: str):
    async with AsyncClient(f"{url}/ocsp", clock=lambda: AT) as client:
        wish = CheckStatus(certificate=PKI.certificate, issuer=PKI.issuer, at=AT)
        assert await client.granting()(wish)
