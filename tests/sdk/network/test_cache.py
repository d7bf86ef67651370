"""Answers that are used again: never longer than they hold, never over a newer revocation."""

import asyncio
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from support.party import ONE, TWO, Party
from tashika import CachePolicy, Cause, Client, Nonce, Policy, Reply, Status
from tashika.errors import CertificateRevoked, WrongUse
from tashika.observing import Happening
from tashika.testing import Fault

KEEPING = Policy(cache=CachePolicy(refresh_ahead=0))
LAGGING = timedelta(minutes=30)


def keeping(*urls: str, **cache: object) -> Party:
    policy = Policy(cache=CachePolicy(**{"refresh_ahead": 0, **cache}))
    return Party(*urls, policy=policy)


async def settled(here: Party) -> None:
    """Let what was begun beside the checks come to its end."""
    await asyncio.gather(*here.client._desk.renewals)


async def test_without_a_cache_policy_each_check_asks() -> None:
    here = Party()
    for _ in range(3):
        report = await here.check()
        assert not report.remembered
    assert len(here.responder.asked) == 3


async def test_an_answer_is_used_again_and_says_so() -> None:
    here = keeping()
    first, second = await here.check(), await here.check()
    assert (first.remembered, second.remembered) == (False, True)
    assert second
    assert (second.source, second.produced_at) == (ONE, first.produced_at)
    assert len(here.responder.asked) == 1
    assert here.heard.whats(Happening.RECALLED) == [Happening.RECALLED]


async def test_a_remembered_revocation_is_a_revocation() -> None:
    """A report is false unless good: it must not be taken for none at all."""
    here = keeping()
    here.responder.hold(here.pki.certificate)
    for remembered in (False, True):
        report = await here.check()
        assert (report.cause, report.remembered) == (Cause.ON_HOLD, remembered)
        with pytest.raises(CertificateRevoked):
            report.require_good()
    assert len(here.responder.asked) == 1


def test_both_faces_recall_in_the_callers_thread() -> None:
    here = keeping()
    standing_still = {"transport": here.responder, "clock": here.clock.now, "policy": KEEPING}
    with Client(ONE, **standing_still) as client:
        for revoked in (False, True):
            if revoked:
                here.responder.revoke(here.pki.certificate)
                here.advance(hours=2)
            reports = [client.check(here.pki.certificate, here.pki.issuer) for _ in range(2)]
            assert [(bool(each), each.remembered) for each in reports] == [
                (not revoked, False),
                (not revoked, True),
            ]
    with pytest.raises(WrongUse, match="closed"):
        client.check(here.pki.certificate, here.pki.issuer)


@pytest.mark.parametrize(
    ("max_age", "policy_age", "holds"),
    [
        (timedelta(minutes=5), timedelta(days=2), timedelta(minutes=5)),
        (timedelta(days=9), timedelta(hours=1), timedelta(minutes=45)),  # of data 15 minutes old
        (timedelta(days=9), timedelta(days=2), timedelta(hours=24)),  # nextUpdate
    ],
    ids=["CachePolicy.max_age", "Policy.max_age", "nextUpdate"],
)
async def test_c4_an_answer_is_used_until_the_first_of_three_bounds(
    max_age: timedelta, policy_age: timedelta, holds: timedelta
) -> None:
    cache = CachePolicy(max_age=max_age, refresh_ahead=0)
    here = Party(policy=Policy(max_age=policy_age, cache=cache))
    await here.check()
    here.clock.advance(holds - timedelta(seconds=1))
    assert (await here.check()).remembered
    here.advance(seconds=1)
    assert not (await here.check()).remembered
    assert len(here.responder.asked) == 2


async def test_c13_a_clock_that_goes_back_asks_anew() -> None:
    here = keeping()
    await here.check()
    here.advance(seconds=-1)
    assert not (await here.check()).remembered


async def test_the_certificate_must_still_be_in_its_validity() -> None:
    here = keeping()
    brief = here.pki.issue("Brief", ends=timedelta(minutes=10)).certificate
    assert await here.check(brief)
    here.advance(minutes=11)
    assert (await here.check(brief)).cause is Cause.EXPIRED
    here.advance(minutes=-11)
    assert await here.check(brief)


async def test_c3_pem_and_der_are_one_certificate_and_another_ca_is_another() -> None:
    here = keeping()
    ours, impostor = here.pki.certificate, here.pki.namesake()
    theirs = impostor.issue("Somebody", serial=ours.serial_number).certificate
    assert await here.check()
    for encoding in (Encoding.PEM, Encoding.DER):
        assert (await here.check(_bytes(ours, encoding))).remembered  # type: ignore[arg-type]
    report = await here.client.check(theirs, here.pki.issuer)
    assert report.cause is Cause.NOT_ISSUED_BY_ISSUER
    report = await here.client.check(theirs, impostor.issuer)
    assert report.status is Status.UNDETERMINED
    assert not report.remembered


def _bytes(certificate: x509.Certificate, encoding: Encoding) -> bytes:
    return certificate.public_bytes(encoding)


@pytest.mark.parametrize("nonce", Nonce)
async def test_c5_a_nonce_is_demanded_when_the_answer_comes(nonce: Nonce) -> None:
    here = Party(policy=Policy(nonce=nonce, cache=CachePolicy(refresh_ahead=0)))
    here.responder.order(Fault.NO_NONCE)
    accepted = nonce is not Nonce.REQUIRED
    for _ in range(2):
        assert bool(await here.check()) is accepted
    assert (await here.check()).remembered


# --- revocations and those who lag behind ---------------------------------------------------


class Lagging:
    """A transport whose second responder has data of half an hour ago."""

    def __init__(self, here: Party) -> None:
        self.here, self.down = here, set[str]()

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        del limit
        if url in self.down:
            return Reply(self.here.responder.answer(body, fault=Fault.TRY_LATER))
        if url == TWO:
            self.here.responder.release(self.here.pki.certificate)
            self.here.clock.advance(-LAGGING)
            try:
                return Reply(self.here.responder.answer(body))
            finally:
                self.here.clock.advance(LAGGING)
        return Reply(self.here.responder.answer(body))


async def test_c14_an_older_good_does_not_mask_a_newer_revocation() -> None:
    here = keeping(ONE, TWO, max_age=timedelta(minutes=1))
    transport = Lagging(here)
    here.client = here.another(transport=transport)
    here.responder.revoke(here.pki.certificate)
    assert (await here.check()).cause is Cause.REVOKED
    here.advance(minutes=2)
    transport.down.add(ONE)
    report = await here.check()
    assert (report.cause, report.source) == (Cause.REVOKED, ONE)


async def test_a_newer_good_takes_a_hold_back() -> None:
    here = keeping(max_age=timedelta(minutes=1))
    here.responder.hold(here.pki.certificate)
    assert (await here.check()).cause is Cause.ON_HOLD
    here.responder.release(here.pki.certificate)
    here.advance(minutes=2)
    assert await here.check()


async def test_a_revocation_takes_the_place_of_a_good_whatever_its_age() -> None:
    here = keeping(TWO, max_age=timedelta(minutes=1))
    assert await here.check()
    here.responder.revoke(here.pki.certificate)
    here.advance(minutes=2)
    here.clock.advance(timedelta(0))
    assert (await here.check()).cause is Cause.REVOKED


# --- failures -------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.TRY_LATER, Fault.BAD_SIGNATURE, Fault.DISCONNECT])
async def test_c14_a_failure_is_not_repeated_for_a_moment_and_never_becomes_good(
    fault: Fault,
) -> None:
    here = keeping(failures=timedelta(seconds=2))
    here.responder.order(fault)
    first, second = await here.check(), await here.check()
    assert (first.cause, first.remembered) == (second.cause, False)
    assert second.remembered
    assert second.status is Status.UNDETERMINED
    assert [each.cause for each in second.tried] == [first.cause]
    assert len(here.responder.asked) == 1
    here.responder.order(None)
    here.advance(seconds=2)
    assert await here.check()


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 1), (0.999999, 3)])
async def test_c14_the_moment_has_jitter(chance: float, seconds: int) -> None:
    here = keeping(failures=timedelta(seconds=2))
    here.client = here.another(chance=lambda: chance)
    here.responder.order(Fault.TRY_LATER)
    await here.check()
    here.advance(seconds=seconds - 0.01)
    assert (await here.check()).remembered
    here.advance(seconds=0.02)
    assert not (await here.check()).remembered


async def test_c6_a_failure_can_be_left_unremembered() -> None:
    here = keeping(failures=timedelta(0))
    here.responder.order(Fault.TRY_LATER)
    for _ in range(3):
        assert not (await here.check()).remembered


async def test_a_failure_leaves_an_answer_that_still_holds_alone() -> None:
    here = Party(policy=Policy(cache=CachePolicy(refresh_ahead=0.5)))
    await here.check()
    here.responder.order(Fault.TRY_LATER)
    here.advance(minutes=50)
    for _ in range(3):
        assert (await here.check()).remembered
        await settled(here)
    assert len(here.responder.asked) == 2  # the renewal, which is not repeated at once


async def test_a_signed_unknown_is_a_failure_and_no_answer_to_rely_on() -> None:
    here = keeping(ONE, TWO)
    here.responder.forget(here.pki.certificate)
    for remembered in (False, True):
        report = await here.check()
        assert (report.cause, report.remembered) == (Cause.UNKNOWN, remembered)
    assert here.responder.asked == [ONE, TWO]
    assert here.heard.whats(Happening.RECALLED) == [Happening.RECALLED]
    here.responder.release(here.pki.certificate)
    here.advance(seconds=5)
    assert await here.check()


# --- renewed ahead --------------------------------------------------------------------------


async def test_an_answer_in_use_is_renewed_before_it_ends() -> None:
    here = Party(policy=Policy(cache=CachePolicy(refresh_ahead=0.5)))
    before = await here.check()
    here.advance(minutes=44)  # by a chance of a half, from the 45th minute on
    assert (await here.check()).remembered
    assert len(here.responder.asked) == 1
    here.advance(minutes=1)
    here.responder.revoke(here.pki.certificate)
    assert await here.check(), "whoever asks now does not wait"
    await settled(here)
    after = await here.check()
    assert (after.cause, after.remembered) == (Cause.REVOKED, True)
    assert after.produced_at
    assert before.produced_at
    assert after.produced_at > before.produced_at
    assert here.heard.whats(Happening.RENEWED) == [Happening.RENEWED]


async def test_a_crowd_renews_once() -> None:
    here = Party(policy=Policy(cache=CachePolicy(refresh_ahead=0.5)))
    await here.check()
    here.advance(minutes=50)
    assert all(await asyncio.gather(*(here.check() for _ in range(20))))
    await settled(here)
    assert len(here.responder.asked) == 2


async def test_closing_ends_renewals() -> None:
    here = Party(policy=Policy(cache=CachePolicy(refresh_ahead=0.5)))
    await here.check()
    here.advance(minutes=50)
    here.responder.order(Fault.SLOW)
    await here.check()
    (renewal,) = here.client._desk.renewals
    await here.client.close()
    with pytest.raises(asyncio.CancelledError):
        await renewal


# --- bounds ---------------------------------------------------------------------------------


async def test_only_so_many_are_remembered_and_the_longest_unused_go() -> None:
    here = keeping(entries=2)
    one, two, three = here.issue(3)
    for each in (one, two, one, three):
        await here.check(each)
    asked = len(here.responder.asked)
    assert (await here.check(one)).remembered
    assert (await here.check(three)).remembered
    assert not (await here.check(two)).remembered
    assert len(here.responder.asked) == asked + 1


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("max_age", timedelta(0)),
        ("refresh_ahead", 1.0),
        ("refresh_ahead", -0.1),
        ("failures", -timedelta(1)),
        ("entries", 0),
    ],
)
def test_a_policy_of_no_use_is_refused(field: str, wrong: object) -> None:
    with pytest.raises(WrongUse, match=field):
        CachePolicy(**{field: wrong})
