"""Several sources: who is asked next, who is left alone, and what is never remembered."""

from datetime import timedelta

import pytest

from support.sdk import Bench
from tashika import AsyncClient, BreakerLimits, Cause, Deadlines, Nonce, Policy, Report, Status
from tashika.errors import WrongUse
from tashika.testing import Fault

ONE, TWO, THREE = "http://one.test/", "https://two.test/ocsp", "http://three.test/"
BRISK = Deadlines(read=timedelta(seconds=0.1), connect=timedelta(seconds=0.1))


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Party(Bench):
    """A relying party with some sources."""

    def __init__(self, *urls: str, policy: Policy) -> None:
        super().__init__()
        self.stopwatch = Stopwatch()
        self.client = AsyncClient(
            *urls,
            policy=policy,
            transport=self.responder,
            clock=self.clock.now,
            monotonic=self.stopwatch,
        )

    async def check(self) -> Report:
        return await self.client.check(self.pki.certificate, self.pki.issuer)


def party(*urls: str, policy: Policy | None = None) -> Party:
    return Party(*urls, policy=policy or Policy())


async def test_sources_are_asked_in_order_until_one_answers() -> None:
    here = party(ONE, TWO, THREE)
    here.responder.order(Fault.DISCONNECT, url=ONE)
    report = await here.check()
    assert report
    assert report.source == TWO
    assert [(each.url, each.cause) for each in report.tried] == [(ONE, Cause.UNREACHABLE)]
    assert here.responder.asked == [ONE, TWO]


@pytest.mark.parametrize(
    "fault", [Fault.NO_NONCE, Fault.WRONG_NONCE, Fault.STALE, Fault.BAD_SIGNATURE, Fault.TRY_LATER]
)
@pytest.mark.parametrize("revoked", [False, True])
async def test_c5_c6_a_failed_source_goes_on_to_the_next(fault: Fault, revoked: bool) -> None:  # noqa: FBT001 - parametrized
    here = party(ONE, TWO)
    if revoked:
        here.responder.revoke(here.pki.certificate)
    here.responder.order(fault, url=ONE)
    report = await here.check()
    assert report.status is (Status.REVOKED if revoked else Status.GOOD)
    assert report.source == TWO


async def test_c5_each_source_gets_a_nonce_of_its_own() -> None:
    here, nonces = party(ONE), list[bytes]()

    def counted(length: int) -> bytes:
        nonces.append(bytes([len(nonces)]) * length)
        return nonces[-1]

    here.responder.order(Fault.WRONG_NONCE, url=ONE)
    client = AsyncClient(ONE, TWO, transport=here.responder, clock=here.clock.now, nonces=counted)
    assert await client.check(here.pki.certificate, here.pki.issuer)
    assert nonces == [bytes(32), b"\x01" * 32]


@pytest.mark.parametrize("fault", [Fault.TRY_LATER, Fault.UNAUTHORIZED, Fault.INTERNAL_ERROR])
@pytest.mark.parametrize("nonce", Nonce)
async def test_c6_error_replies_from_everybody_are_never_good(fault: Fault, nonce: Nonce) -> None:
    here = party(ONE, TWO, policy=Policy(nonce=nonce))
    here.responder.order(fault)
    report = await here.check()
    assert report.status is Status.UNDETERMINED
    assert [each.cause for each in report.tried] == [Cause(fault.value)] * 2


async def test_c6_an_error_reply_is_not_remembered() -> None:
    here = party(ONE, policy=Policy(breaker=BreakerLimits(failures=1)))
    here.responder.order(Fault.UNAUTHORIZED)
    for _ in range(3):
        assert not await here.check()
    here.responder.order(None)
    assert await here.check()
    assert len(here.responder.asked) == 4


async def test_a_good_answer_is_not_remembered_either() -> None:
    here = party(ONE)
    assert await here.check()
    here.responder.revoke(here.pki.certificate)
    assert (await here.check()).cause is Cause.REVOKED


async def test_a_signed_unknown_is_doubted_but_outweighs_failures() -> None:
    here = party(ONE, TWO)
    here.responder.forget(here.pki.certificate)
    here.responder.order(Fault.TRY_LATER, url=TWO)
    report = await here.check()
    assert (report.status, report.cause) == (Status.UNDETERMINED, Cause.UNKNOWN)
    assert report.source == ONE
    assert report.this_update
    assert [each.cause for each in report.tried] == [Cause.UNKNOWN, Cause.TRY_LATER]


@pytest.mark.parametrize("fault", [Fault.SLOW, Fault.HTTP_ERROR, Fault.DISCONNECT])
async def test_c12_a_source_that_keeps_failing_is_left_alone(fault: Fault) -> None:
    rest = timedelta(seconds=30)
    here = party(ONE, policy=Policy(deadlines=BRISK, breaker=BreakerLimits(failures=3, rest=rest)))
    here.responder.order(fault)
    causes = [(await here.check()).cause for _ in range(5)]
    assert causes[3:] == [Cause.RESTING] * 2
    assert len(here.responder.asked) == 3

    here.stopwatch.seconds += 30
    assert (await here.check()).cause is causes[0]  # one probe ...
    assert (await here.check()).cause is Cause.RESTING  # ... a rest period
    here.responder.order(None)
    here.stopwatch.seconds += 30
    assert [bool(await here.check()) for _ in range(3)] == [True] * 3


async def test_c12_failures_count_in_a_row_and_by_source() -> None:
    here = party(ONE, TWO, policy=Policy(breaker=BreakerLimits(failures=2)))
    for fault in (Fault.DISCONNECT, None, Fault.DISCONNECT, None, Fault.DISCONNECT, None):
        here.responder.order(fault, url=ONE)
        assert await here.check()
    here.responder.order(Fault.DISCONNECT, url=ONE)
    sources = [(await here.check()).source for _ in range(4)]
    assert sources == [TWO] * 4
    assert here.responder.asked[-3:] == [TWO] * 3


async def test_c12_all_sources_hanging_cost_the_total_deadline_once() -> None:
    deadlines = Deadlines(
        connect=timedelta(seconds=0.1),
        read=timedelta(seconds=0.2),
        total=timedelta(seconds=0.5),
    )
    here = party(ONE, TWO, THREE, "http://four.test/", policy=Policy(deadlines=deadlines))
    here.responder.order(Fault.SLOW)
    report = await here.check()
    assert [each.cause for each in report.tried] == [Cause.TIMED_OUT] * 4
    assert here.responder.asked in ([ONE], [ONE, TWO])
    assert [bool(each.detail) for each in report.tried] == [True] * 4


async def test_nobody_is_asked_about_a_certificate_that_cannot_be_good() -> None:
    here = party(ONE)
    expired = here.pki.issue("Expired", ends=-timedelta(days=1)).certificate
    for certificate, cause in (
        (expired, Cause.EXPIRED),
        (b"no certificate", Cause.CERTIFICATE_MALFORMED),
    ):
        report = await here.client.check(certificate, here.pki.issuer)
        assert (report.status, report.cause) == (Status.UNDETERMINED, cause)
    assert not here.responder.asked


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ocsp.example.jp",
        "ftp://ocsp.example.jp/",
        "file:///etc/passwd",
        "http://",
        "http:///ocsp",
        "https://user:password@ocsp.example.jp/",
        "http://[::1",
        "http://host:99999/",
        None,
        b"http://ocsp.example.jp/",
    ],
)
def test_a_url_that_can_never_work_is_refused_at_once(url: str) -> None:
    with pytest.raises(WrongUse, match="URL"):
        AsyncClient(url)


def test_a_client_needs_a_source() -> None:
    with pytest.raises(WrongUse, match="at least one"):
        AsyncClient()


@pytest.mark.parametrize("name", ["connect", "read", "total"])
def test_deadlines_and_limits_are_above_zero(name: str) -> None:
    with pytest.raises(WrongUse, match=name):
        Deadlines(**{name: timedelta(0)})
    with pytest.raises(WrongUse, match="failures"):
        BreakerLimits(failures=0)
    with pytest.raises(WrongUse, match="rest"):
        BreakerLimits(rest=timedelta(0))
