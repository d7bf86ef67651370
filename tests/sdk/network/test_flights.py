"""Single flight: what is being asked already is not asked again (C14)."""

import asyncio
from datetime import timedelta

import pytest

from support.party import ONE, TWO, Party
from tashika import Cause, Policy, Reply


class Gate:
    """A transport that answers when told."""

    def __init__(self, here: Party) -> None:
        self.asked, self.cancelled = 0, 0
        self.go, self.came = asyncio.Event(), asyncio.Event()
        self._here = here

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        self.asked += 1
        self.came.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return await self._here.responder.post(url, body, limit=limit)


def gated(*urls: str, policy: Policy | None = None) -> tuple[Party, Gate]:
    here = Party(*urls, policy=policy)
    gate = Gate(here)
    here.client = here.another(transport=gate)
    return here, gate


async def test_c14_a_crowd_asks_once() -> None:
    here, gate = gated()
    checks = [asyncio.create_task(here.check()) for _ in range(20)]
    await gate.came.wait()
    gate.go.set()
    assert all(await asyncio.gather(*checks))
    assert gate.asked == 1
    assert await here.check()
    assert gate.asked == 2


async def test_c14_other_certificates_are_other_questions() -> None:
    here, gate = gated()
    gate.go.set()
    certificates = here.issue(3)
    here.responder.revoke(certificates[1])
    reports = await asyncio.gather(*(here.check(each) for each in certificates))
    assert [bool(each) for each in reports] == [True, False, True]
    assert gate.asked == 3


async def test_c14_who_gives_up_leaves_the_others_alone() -> None:
    here, gate = gated()
    first, second, third = (asyncio.create_task(here.check()) for _ in range(3))
    await gate.came.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.go.set()
    assert await second
    assert await third
    assert (gate.asked, gate.cancelled) == (1, 0)


async def test_the_last_to_give_up_ends_the_question() -> None:
    here, gate = gated()
    checks = [asyncio.create_task(here.check()) for _ in range(2)]
    await gate.came.wait()
    for each in checks:
        each.cancel()
    outcomes = await asyncio.gather(*checks, return_exceptions=True)
    assert [type(each) for each in outcomes] == [asyncio.CancelledError] * 2
    assert gate.cancelled == 1
    gate.go.set()
    assert await here.check()


async def test_who_joins_has_the_time_of_its_own_check() -> None:
    here, gate = gated()
    early = asyncio.create_task(here.check())
    await gate.came.wait()
    here.advance(seconds=1)
    late = asyncio.create_task(here.check())
    await asyncio.sleep(0)
    gate.go.set()
    assert (await late).at - (await early).at == timedelta(seconds=1)
    assert gate.asked == 1


async def test_a_failure_is_shared_too() -> None:
    here, gate = gated(ONE, TWO)
    here.responder.disown(here.pki.certificate)
    checks = [asyncio.create_task(here.check()) for _ in range(3)]
    await gate.came.wait()
    gate.go.set()
    assert {each.cause for each in await asyncio.gather(*checks)} == {Cause.NEVER_ISSUED}
    assert gate.asked == 1
