"""A responder that is late, and the next one asked beside it (C12)."""

import asyncio
from datetime import timedelta

import pytest

from support.party import ONE, THREE, TWO, Party
from tashika import BreakerLimits, Cause, HedgePolicy, Policy, Reply, Status
from tashika.errors import SourceFailed, WrongUse
from tashika.observing import Happening
from tashika.testing import Fault

AT_ONCE = HedgePolicy(after=timedelta(milliseconds=1))


class Late:
    """A transport where some responders answer only when told, and cancelled ones are counted."""

    def __init__(self, here: Party, *late: str) -> None:
        self.cancelled: list[str] = []
        self.go = {url: asyncio.Event() for url in late}
        self._here = here

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        try:
            if url in self.go:
                await self.go[url].wait()
            return await self._here.responder.post(url, body, limit=limit)
        except asyncio.CancelledError:
            self.cancelled.append(url)
            raise


def late(*urls: str, policy: Policy | None = None) -> tuple[Party, Late]:
    here = Party(ONE, TWO, THREE, policy=policy or Policy(hedge=AT_ONCE))
    transport = Late(here, *urls)
    here.client = here.another(transport=transport)
    return here, transport


async def test_c12_a_late_responder_is_overtaken_and_cancelled() -> None:
    here, lines = late(ONE)
    report = await here.check()
    assert (bool(report), report.source) == (True, TWO)
    assert lines.cancelled == [ONE]
    assert here.responder.asked == [TWO]
    hedged = [each for each in here.heard.events if each.what is Happening.HEDGED]
    assert [each.source for each in hedged] == ["https://two.test"]


async def test_c12_one_after_the_other_is_asked_until_one_settles_it() -> None:
    here, lines = late(ONE, TWO)
    assert (await here.check()).source == THREE
    assert sorted(lines.cancelled) == [ONE, TWO]


async def test_who_was_late_first_may_still_win() -> None:
    here, lines = late(ONE, TWO, THREE)
    check = asyncio.create_task(here.check())
    await here.heard.hear(Happening.HEDGED, times=2)
    lines.go[ONE].set()
    assert (await check).source == ONE
    assert sorted(lines.cancelled) == [THREE, TWO]


@pytest.mark.parametrize("fault", [Fault.BAD_SIGNATURE, Fault.NO_NONCE, Fault.DISCONNECT])
async def test_c1_the_first_is_not_the_quickest_wrong_one(fault: Fault) -> None:
    here, lines = late(ONE)
    here.responder.order(fault, url=TWO)
    here.responder.order(fault, url=THREE)
    check = asyncio.create_task(here.check())
    await here.heard.hear(Happening.FAILED, times=2)
    lines.go[ONE].set()
    report = await check
    assert report.source == ONE
    assert {each.cause for each in report.tried} == {Cause(_cause(fault))}


def _cause(fault: Fault) -> str:
    return {Fault.DISCONNECT: "unreachable", Fault.NO_NONCE: "nonce_missing"}.get(
        fault, fault.value
    )


async def test_a_revocation_outweighs_a_good_of_the_same_moment() -> None:
    here, lines = late(ONE, TWO)

    async def post(url: str, body: bytes, *, limit: int) -> Reply:
        await lines.go[ONE].wait()
        here.responder.release(here.pki.certificate)
        if url == TWO:
            here.responder.revoke(here.pki.certificate)
        return Reply(here.responder.answer(body))

    lines.post = post  # type: ignore[method-assign]
    check = asyncio.create_task(here.check())
    await here.heard.hear(Happening.HEDGED)
    lines.go[ONE].set()
    assert (await check).status is Status.REVOKED


async def test_without_a_hedge_nobody_else_is_asked() -> None:
    here, lines = late(ONE, policy=Policy())
    check = asyncio.create_task(here.check())
    await asyncio.sleep(0.01)
    lines.go[ONE].set()
    assert (await check).source == ONE
    assert here.responder.asked == [ONE]


async def test_a_cancelled_check_cancels_every_question() -> None:
    here, lines = late(ONE, TWO, THREE)
    check = asyncio.create_task(here.check())
    await here.heard.hear(Happening.HEDGED, times=2)
    check.cancel()
    with pytest.raises(asyncio.CancelledError):
        await check
    assert sorted(lines.cancelled) == sorted((ONE, TWO, THREE))


async def test_c12_an_overtaken_responder_is_no_failed_one() -> None:
    here, _ = late(ONE, policy=Policy(hedge=AT_ONCE, breaker=BreakerLimits(failures=1)))
    for _ in range(3):
        report = await here.check()
        assert report.source == TWO
        assert not report.tried


async def test_all_failing_is_undetermined_with_every_cause() -> None:
    here = Party(ONE, TWO, policy=Policy(hedge=AT_ONCE))

    async def post(_url: str, _body: bytes, *, limit: int) -> Reply:
        raise SourceFailed(Cause.UNREACHABLE)

    here.responder.post = post  # type: ignore[method-assign]
    report = await here.check()
    assert report.status is Status.UNDETERMINED
    assert [each.url for each in report.tried] == [ONE, TWO]


def test_a_hedge_without_patience_is_refused() -> None:
    with pytest.raises(WrongUse, match=r"HedgePolicy\.after"):
        HedgePolicy(after=timedelta(0))
