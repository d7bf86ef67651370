"""How one push feed is followed: ask, accept, publish (one commit), ask again.

A feed makes changes known at once; it never makes a CRL unnecessary. Whatever is wrong with it
(a hole, silence, another content under a number) is said aloud once, and nothing more of it is
taken in until it is whole again, while the CRLs carry on. A process killed anywhere goes on
behind the last message that was committed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import NoReturn

import aiohttp

from tashika_server.clock import Clock
from tashika_server.feed import MAX_MESSAGE_BYTES
from tashika_server.index import FeedMark, IndexWriteFailed, Quarantined, SerialTaken
from tashika_server.log import get_log
from tashika_server.metrics import Tally
from tashika_server.refresh.feed_accept import FeedSource, accept_message, known_mark
from tashika_server.refresh.refresh import Tools
from tashika_server.refresh.source import Check, NotTaken

__all__ = ["FeedStep", "Follower", "asking"]

log = get_log()

PARTITION = "push feed"
"""In place of a partition's name where quarantine is shown."""
PATIENCE = timedelta(seconds=60)
"""An issuer with nothing to say answers within half of it."""
FIRST_RETRY, LAST_RETRY = 0.5, 30.0
"""Seconds after a failure, doubled each time."""
BREATH = 1.0
"""Seconds to the next question where an empty answer came at once."""


class FeedStep(StrEnum):
    """What became of one question to a feed."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    NOTHING = "nothing"
    """No message came."""
    NOT_TAKEN = "not-taken"


_steps = Tally(
    "tashika_feed_messages", "What became of push feeds' messages.", label="step", allowed=FeedStep
)


@asynccontextmanager
async def asking() -> AsyncIterator[aiohttp.ClientSession]:
    """Open what feeds are asked through."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE.total_seconds(), connect=10)
    headers = {"Accept-Encoding": "identity", "User-Agent": "tashika-server"}
    async with aiohttp.ClientSession(
        timeout=timeout,
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        yield session


@dataclass(slots=True, kw_only=True)
class Follower:
    """One feed, followed; any number may be at once."""

    source: FeedSource
    session: aiohttp.ClientSession
    tools: Tools
    clock: Clock
    lab_base: str | None
    fall_back: Callable[[], Awaitable[object]]
    """Refreshes the CRLs now; awaited when the feed turns out to be wrong."""
    freed: Callable[[], None]
    """Called when what kept a CRL out of the index may be gone with a message."""
    is_lost: bool = False
    """Whether the issuer has no longer what comes next, so that the feed is joined anew."""

    async def follow(self) -> NoReturn:
        """Take in whatever comes, forever; raises IndexWriteFailed alone."""
        failures = 0
        while True:
            began = time.monotonic()
            step = await self.step()
            failures = failures + 1 if step is FeedStep.NOT_TAKEN else 0
            if failures:
                await asyncio.sleep(min(LAST_RETRY, FIRST_RETRY * 2.0 ** min(failures, 16)))
            elif step is FeedStep.NOTHING and time.monotonic() < began + BREATH:
                await asyncio.sleep(BREATH)

    async def step(self) -> FeedStep:
        """Ask once and take in what comes; raises IndexWriteFailed."""
        do = asyncio.get_running_loop().run_in_executor
        try:
            step = await self._ask()
        except NotTaken as failure:
            step = FeedStep.NOT_TAKEN
            is_news = await do(self.tools.bench, self._set_aside, failure)
            if is_news and failure.check is not Check.FETCH:
                await self.fall_back()
        except IndexWriteFailed:
            raise
        except Exception:
            # A message that finds a fault of ours must not stop the CRLs (T27).
            log.exception("feed_crashed", issuer=self.source.issuer.name)
            step = FeedStep.NOT_TAKEN
        _steps.count(step)
        return step

    async def _ask(self) -> FeedStep:
        do = asyncio.get_running_loop().run_in_executor
        known = await do(self.tools.bench, self._known)
        try:
            lines = await self._get(known)
        except NotTaken as failure:
            self._check_promise(known)
            raise failure from None
        step = FeedStep.NOTHING
        for line in lines:
            step = await do(self.tools.bench, self._take_in, line)
            if self.tools.press.has_freed:
                self.freed()
        if step is not FeedStep.PUBLISHED:
            self._check_promise(known)
        return step

    def _known(self) -> FeedMark | None:
        with self.tools.writer.reader.snapshot() as view:
            return None if self.is_lost else known_mark(self.source, view)

    def _check_promise(self, known: FeedMark | None) -> None:
        if known and self.clock.now() >= known.next_update:
            raise NotTaken(
                Check.NEXT_UPDATE,
                f"nothing has come since {known.this_update:%F %T}Z, and it was promised by "
                f"{known.next_update:%F %T}Z; ask the issuer; the CRLs carry on",
            )

    async def _get(self, known: FeedMark | None) -> list[bytes]:
        """Return the messages after the known one, or all that there are."""
        url = self.source.feed.url
        if url.startswith("lab:"):
            url = f"{self.lab_base}{url.removeprefix('lab:')}"
        query = {"after": str(known.sequence)} if known else {}
        try:
            async with self.session.get(url, params=query, allow_redirects=False) as response:
                if response.status == HTTPStatus.NO_CONTENT:
                    return []
                if response.status == HTTPStatus.GONE and known:
                    self.is_lost = True
                    raise NotTaken(
                        Check.NUMBER,
                        f"what follows message {known.sequence} is gone; the CRLs carry on until "
                        "they are all newer than the oldest message that is left",
                    )
                if response.status != HTTPStatus.OK:
                    raise _failed(f"it answers HTTP {response.status}")
                return await _lines(response)
        except TimeoutError as slow:
            raise _failed("it does not answer in time") from slow
        except (aiohttp.ClientError, OSError, ValueError) as wrong:
            raise _failed(str(wrong) or type(wrong).__name__) from wrong

    def _take_in(self, line: bytes) -> FeedStep:
        writer, source = self.tools.writer, self.source
        self.tools.press.publish_all()  # what was compared with the index as it is
        with writer.reader.snapshot() as view:
            known = None if self.is_lost else known_mark(source, view)
            accepted = accept_message(line, source, known, view, at=self.clock.now())
        if accepted is None:
            return FeedStep.UNCHANGED
        try:
            writer.push(source.fingerprint, accepted.pushed, accepted.mark)
        except SerialTaken as taken:
            raise NotTaken(Check.ENTRIES, f"{taken}; ask the issuer") from taken
        self.tools.press.free(
            (source.fingerprint, each.partition) for each in accepted.pushed if each.changes.removed
        )
        self.is_lost = False
        log.info(
            "feed_published",
            issuer=source.issuer.name,
            sequence=accepted.mark.sequence,
            partitions=len(accepted.pushed),
            changed=sum(each.changes.count for each in accepted.pushed),
        )
        return FeedStep.PUBLISHED

    def _set_aside(self, failure: NotTaken) -> bool:
        """Say why the feed is not followed, in the log and in the index; False if said before."""
        writer, source = self.tools.writer, self.source
        with writer.reader.snapshot() as view:
            known = view.feed_in_quarantine(source.fingerprint)
        if known and (known.check, known.detail) == (failure.check, failure.detail):
            return False
        log.warning(
            "feed_not_followed",
            issuer=source.issuer.name,
            check=failure.check,
            detail=failure.detail,
        )
        reason = Quarantined(
            partition=PARTITION,
            at=self.clock.now(),
            check=failure.check,
            detail=failure.detail,
        )
        writer.quarantine_feed(source.fingerprint, reason)
        return True


async def _lines(response: aiohttp.ClientResponse) -> list[bytes]:
    """Read messages, one a line, as many as fit; what was cut off comes with the next question."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > 2 * MAX_MESSAGE_BYTES:
            break
    lines = bytes(body).split(b"\n")
    if len(lines[0]) > MAX_MESSAGE_BYTES:
        raise NotTaken(
            Check.SIZE,
            "its next message is larger than any may be; ask the issuer to say it in several; the "
            "CRLs carry on",
        )
    return [line for line in lines[:-1] if line]


def _failed(what: str) -> NotTaken:
    return NotTaken(Check.FETCH, f"{what}; look at the feed's URL")
