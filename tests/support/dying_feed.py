"""A push feed that is taken in by a process that dies on the way."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import structlog

from support.crls import AT
from support.pushing import KEY, MINUTE
from support.refreshing import House
from tashika_server.index import IndexWriter, coverages, edit
from tashika_server.issuer import PushFeed
from tashika_server.refresh import feed
from tashika_server.refresh.feed_accept import FeedSource
from tashika_server.refresh.process import Refresher

STEPS: dict[str, tuple[Any, str]] = {
    "accept": (feed, "accept_message"),
    "push": (IndexWriter, "push"),
    "apply": (edit.Edit, "apply"),
    "hear": (edit.Edit, "hear"),
    "freshen": (edit.Edit, "freshen"),
    "feed": (edit.Edit, "feed"),
    "conclude": (coverages.Coverages, "conclude"),
    "record": (edit.Edit, "record"),
    "quarantine": (IndexWriter, "quarantine_feed"),
}
"""After `record` the transaction is whole and not committed, after `push` it is."""


def take_in_until(directory: Path, lines: list[bytes], step: str, when: str) -> None:
    """Take messages in, and die by SIGKILL before or after a step."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    asyncio.run(_take_in(House(directory), lines, (step, when)))


async def take_in(house: House, lines: list[bytes]) -> None:
    """Take messages in, those that are known too, as a process that starts and ends."""
    await _take_in(house, lines, None)


async def _take_in(house: House, lines: list[bytes], death: tuple[str, str] | None) -> None:
    no_session: Any = None
    source = PushFeed(url="http://nowhere.invalid", key=KEY.public_key())
    house.clock.at = AT + 2 * MINUTE
    async with Refresher.of(house.parts) as refresher:
        if death:
            _break(*death)

        class Handed(feed.Follower):
            """Has its messages without asking for them."""

            async def _get(self, _known: object) -> list[bytes]:
                return lines

        follower = Handed(
            source=FeedSource(house.issuer, source, house.fingerprint),
            session=no_session,
            tools=refresher._tools,
            clock=house.clock,
            lab_base=None,
            fall_back=refresher.refresh_all,
            freed=lambda: None,
        )
        with structlog.testing.capture_logs():
            await follower.step()


def _break(step: str, when: str) -> None:
    owner, name = STEPS[step]
    real = getattr(owner, name)

    def broken(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, broken)
