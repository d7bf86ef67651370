"""A post and its child, where the child is a script of one line."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from tashika_server.supervisor import StartRefused, post
from tashika_server.supervisor.post import EX_CONFIG, Post
from tashika_server.supervisor.roles import Role, Succession
from tashika_server.supervisor.terms import END, RELIEVED

BEAT = timedelta(milliseconds=10)
SAY = "import os, signal, sys, time\nsay = lambda what: os.write(1, what)\n"
BEATS = "while True: say(b'.'); time.sleep(0.002)"
AT_WORK = SAY + "say(b'!')\n" + BEATS
LONG = timedelta(minutes=1)

Fill = Callable[..., Post]


@pytest.fixture
async def fill(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fill]:
    """Fill posts with children that run a script; whatever they do, they are gone at the end."""
    monkeypatch.setattr(post, "BEAT_EVERY", BEAT)
    monkeypatch.setattr(post, "SETTLING", BEAT)
    posts: list[Post] = []

    def fill(script: str, *, hung_after: timedelta = LONG) -> Post:
        role = Role(
            title="child",
            command=(sys.executable, "-c", script),
            descriptors=(),
            text="",
            hung_after=hung_after,
            succession=Succession.BESIDE,
        )
        posts.append(Post(role))
        return posts[-1]

    yield fill
    for each in posts:
        each.give_up(signal.SIGKILL)
    await asyncio.gather(*(each.kept for each in posts), return_exceptions=True)


def pid(post: Post) -> int:
    assert post._process
    return post._process.pid


async def a_change(of: Callable[[], object]) -> None:
    before = of()
    async with asyncio.timeout(30):
        while of() == before:  # noqa: ASYNC110 - it is another process that changes
            await asyncio.sleep(0.005)


async def test_it_is_at_work_once_the_child_says_so(fill: Fill) -> None:
    mute, working = fill(SAY + BEATS), fill(AT_WORK)
    assert await working.at_work()
    assert not await mute.at_work(within=0)


async def test_a_child_that_ends_is_replaced(fill: Fill) -> None:
    post = fill(AT_WORK)
    assert await post.at_work()
    os.kill(first := pid(post), signal.SIGKILL)
    await a_change(lambda: pid(post))
    assert pid(post) != first


@pytest.mark.parametrize(
    "script",
    [
        SAY + "say(b'!'); time.sleep(60)",  # stuck after its first words
        SAY + "time.sleep(60)",  # and before
    ],
)
async def test_a_child_whose_loop_stands_still_is_replaced(fill: Fill, script: str) -> None:
    post = fill(script, hung_after=3 * BEAT)
    await a_change(lambda: pid(post) if post._process else None)
    await a_change(lambda: pid(post))


async def test_a_stopped_child_is_replaced_and_one_that_beats_is_not(fill: Fill) -> None:
    stopped, lively = fill(AT_WORK, hung_after=LONG), fill(AT_WORK)
    assert await stopped.at_work()
    assert await lively.at_work()
    before = pid(lively)
    os.kill(pid(stopped), signal.SIGSTOP)
    while stopped._silence < 5:  # noqa: ASYNC110 - until its last beat has been heard
        await asyncio.sleep(0.005)
    stopped._silence = LONG // BEAT - 5  # a minute has nearly passed
    await a_change(lambda: pid(stopped))
    assert pid(lively) == before


async def test_time_in_which_the_supervisor_stood_still_is_not_held_against_a_child(
    fill: Fill,
) -> None:
    post = fill(SAY + "say(b'!'); time.sleep(60)")
    assert await post.at_work()
    before = post._silence
    time.sleep(30 * BEAT.total_seconds())  # noqa: ASYNC251 - as if the machine were suspended
    await asyncio.sleep(0)
    assert post._silence <= before + 1


async def test_a_child_that_refuses_its_configuration_at_first_is_not_tried_again(
    fill: Fill,
) -> None:
    with pytest.raises(StartRefused, match="child refused to start"):
        await fill(f"exit({EX_CONFIG})").at_work()


async def test_one_that_refuses_later_is(fill: Fill) -> None:
    post = fill(f"exit({EX_CONFIG})")
    post.tenured = True
    for _ in range(2):
        await a_change(lambda: post._process and post._process.pid)
    assert not post.kept.done()


async def test_a_post_that_is_given_up_is_not_filled_again(fill: Fill) -> None:
    post = fill(AT_WORK)
    assert await post.at_work()
    post.give_up()
    async with asyncio.timeout(30):
        await post.kept
    assert post._process
    assert post._process.returncode == -END


async def test_who_was_relieved_may_take_its_time_and_can_be_hurried(fill: Fill) -> None:
    patient = SAY + "signal.signal(signal.SIGUSR1, signal.SIG_IGN); say(b'!')\n" + BEATS
    post = fill(patient)
    assert await post.at_work()
    post.give_up(RELIEVED)
    await asyncio.wait([post.kept], timeout=0.05)
    assert not post.kept.done()
    post.give_up(END)
    async with asyncio.timeout(30):
        await post.kept


async def test_but_not_for_ever(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "FAREWELL_SECONDS", 0.05)
    stubborn = SAY + "signal.signal(signal.SIGTERM, signal.SIG_IGN); say(b'!')\n" + BEATS
    kept = fill(stubborn)
    assert await kept.at_work()
    kept.give_up()
    async with asyncio.timeout(30):
        await kept.kept
    assert kept._process
    assert kept._process.returncode == -signal.SIGKILL
