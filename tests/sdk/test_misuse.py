"""What a developer does wrong without noticing must not let anybody in, nor hang (C1)."""

import asyncio
import secrets
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.compact import PKI, PRESS, TRUST, opened
from support.party import ONE, Party
from support.sdk import AT
from tashika import (
    AsyncClient,
    Client,
    Deadlines,
    Policy,
    Reply,
    Status,
    Submitted,
    Terms,
    ask,
    verify_answer,
    verify_issued,
)
from tashika.compact import CompactSet
from tashika.errors import WrongUse
from tashika.path.causes import Outcome
from tashika.signature import OneTier
from tashika.testing import FakeResponder

TERMS = Terms(judge=OneTier((PKI.issuer,)), purpose="a test")
FORGOTTEN: list[Callable[[AsyncClient], Any]] = [
    lambda client: client.check(PKI.certificate, PKI.issuer),
    lambda client: client.check_many([PKI.certificate], PKI.issuer),
    lambda client: client.verify_signature(Submitted(signature=b"", document=b""), TERMS),
]


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("forgotten", FORGOTTEN)
async def test_c1_a_check_that_nobody_awaits_is_not_true(
    forgotten: Callable[[AsyncClient], Any],
) -> None:
    client = AsyncClient(ONE, transport=FakeResponder(PKI))
    with pytest.raises(WrongUse, match="await"):
        assert forgotten(client)


async def test_what_a_client_returns_is_a_coroutine_as_any_other() -> None:
    here = Party()
    given = here.pki.certificate, here.pki.issuer
    assert await here.client.check(*given)
    assert await asyncio.create_task(here.client.check(*given))
    assert all(await asyncio.gather(here.client.check(*given), here.client.check(*given)))
    assert await asyncio.wait_for(here.client.check(*given), 10)
    unused = here.client.check(*given)
    assert asyncio.iscoroutine(unused)
    unused.close()


def test_c1_only_the_good_outcome_is_true() -> None:
    """``if report.status:`` reads as if it asked whether the certificate is good."""
    assert [each for each in Status if each] == [Status.GOOD]
    assert [each for each in Outcome if each] == [Outcome.VALID]


# --- loops and threads ----------------------------------------------------------------------


def test_an_async_client_is_for_one_event_loop() -> None:
    here = Party()
    assert asyncio.run(here.check())
    with pytest.raises(WrongUse, match="one event loop"):
        asyncio.run(here.check())


@pytest.mark.parametrize("what", ["check", "close"])
def test_in_its_own_thread_a_client_refuses_instead_of_hanging(what: str) -> None:
    here = Party()
    certificates = here.issue(3)

    def progress(_done: int, _of: int) -> None:
        if what == "close":
            client.close()
        else:
            client.check(here.pki.certificate, here.pki.issuer)

    with Client(ONE, transport=here.responder, clock=here.clock.now) as client:
        with pytest.raises(WrongUse, match="its own thread"):
            client.check_many(certificates, here.pki.issuer, progress=progress)
        assert client.check(here.pki.certificate, here.pki.issuer)


def test_a_progress_that_exits_ends_the_batch_and_not_the_client() -> None:
    here = Party()

    def progress(done: int, _of: int) -> None:
        if done == 2:
            raise SystemExit(3)

    with Client(ONE, transport=here.responder, clock=here.clock.now) as client:
        with pytest.raises(SystemExit):
            client.check_many(here.issue(3), here.pki.issuer, progress=progress)
        assert client.check(here.pki.certificate, here.pki.issuer)


HOUR = timedelta(hours=1)


class Interrupted(BaseException):
    """What a worker of a task queue raises out of a signal, when a job takes too long."""


def test_whoever_is_interrupted_leaves_no_question_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    responder, cancelled, waiting = FakeResponder(), threading.Event(), threading.Event()
    result = Future.result

    def waited_for(future: Future[Any], timeout: float | None = None) -> Any:
        waiting.set()
        return result(future, timeout)

    class Hanging:
        async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
            await asyncio.to_thread(waiting.wait)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
            return Reply(b"")

    def interrupt(*_: object) -> None:
        raise Interrupted

    monkeypatch.setattr(Future, "result", waited_for)
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        policy = Policy(deadlines=Deadlines(read=HOUR, total=HOUR))
        with Client(ONE, policy=policy, transport=Hanging()) as client:  # type: ignore[arg-type]
            with pytest.raises(Interrupted):
                client.check(responder.pki.certificate, responder.pki.issuer)
            assert cancelled.wait(60)
    finally:
        signal.signal(signal.SIGUSR1, before)


# --- times without a zone -------------------------------------------------------------------


def naive() -> datetime:
    return datetime(2026, 4, 1, 9)  # noqa: DTZ001 - what is refused


def test_a_clock_without_a_zone_is_refused_at_once() -> None:
    with pytest.raises(WrongUse, match="zone"):
        AsyncClient(ONE, clock=naive)


def test_a_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    compact = opened(tmp_path / "set", PRESS.print())
    subject = verify_issued(PKI.certificate, PKI.issuer, at=AT)
    question = ask(subject, Policy(), secrets.token_bytes)
    for careless in (
        lambda: CompactSet.open(tmp_path / "set", trust=TRUST, at=naive()),
        lambda: compact.status(1, at=naive()),
        lambda: verify_issued(PKI.certificate, PKI.issuer, at=naive()),
        lambda: verify_answer(b"", question, Policy(), at=naive()),
    ):
        with pytest.raises(WrongUse, match="zone"):
            careless()
