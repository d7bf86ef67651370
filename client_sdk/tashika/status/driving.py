"""The two drivers of a judgement: they fetch what it wants, and know nothing of what that is.

Any generator that yields tuples of Want will do, such as one that judges among other things.
"""

import asyncio
from collections.abc import Generator, Sequence
from datetime import timedelta
from typing import Protocol, TypeVar

from tashika.causes import Cause
from tashika.errors import SourceFailed
from tashika.policy import Deadlines
from tashika.status.wants import Got, NamedBy, Want
from tashika.transport import Reply

T = TypeVar("T")
Judged = Generator[tuple[Want, ...], Sequence[Got], T]


class AsyncFetch(Protocol):
    """Fetches one thing at a time, many at once; bounded in time by cancelling.

    Bodies are cut after ``limit`` + 1 octets. Follows no redirect and unpacks
    nothing (C8, C9). Raises SourceFailed only.
    """

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        """Post an OCSP request."""
        ...

    async def get(self, url: str, *, limit: int) -> Reply:
        """Get a CRL."""
        ...


class Fetch(Protocol):
    """The same for threads; bounds its time itself, by deadlines that a slow drip cannot move."""

    def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        """Post an OCSP request."""
        ...

    def get(self, url: str, *, limit: int) -> Reply:
        """Get a CRL."""
        ...


async def drive_async(
    judging: Judged[T],
    fetch: AsyncFetch,
    *,
    public: AsyncFetch | None = None,
    deadlines: Deadlines = Deadlines(),  # noqa: B008 - frozen
) -> T:
    """Fetch what is wanted, all of a round at once, until the judgement is there.

    ``public`` is for URLs out of certificates and connects to nothing but
    public addresses (tashika.outbound); without it they are not fetched.
    The deadlines are absolute: one for each fetch, one for all together (C12).
    """
    last_moment = asyncio.get_running_loop().time() + deadlines.total.total_seconds()
    patience = deadlines.connect + deadlines.read
    try:
        wants = next(judging)
        while True:
            got = await asyncio.gather(
                *(
                    _fetch(each, _one_of(each, fetch, public), patience, last_moment)
                    for each in wants
                )
            )
            wants = judging.send(got)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


def drive(judging: Judged[T], fetch: Fetch, *, public: Fetch | None = None) -> T:
    """Fetch what is wanted, one after the other, until the judgement is there."""
    try:
        wants = next(judging)
        while True:
            wants = judging.send([_fetch_now(each, _one_of(each, fetch, public)) for each in wants])
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


_Either = TypeVar("_Either", AsyncFetch, Fetch)


def _one_of(want: Want, fetch: _Either, public: _Either | None) -> _Either | None:
    return fetch if want.named_by is NamedBy.CONFIGURATION else public


def _no_way() -> SourceFailed:
    return SourceFailed(Cause.ADDRESS_REFUSED, "nothing fetches from addresses in certificates")


async def _fetch(
    want: Want, fetch: AsyncFetch | None, patience: timedelta, last_moment: float
) -> Got:
    if fetch is None:
        return _no_way()
    now = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(min(now + patience.total_seconds(), last_moment)):
            if want.question is None:
                return (await fetch.get(want.url, limit=want.limit)).body
            return (await fetch.post(want.url, want.question, limit=want.limit)).body
    except TimeoutError:
        return SourceFailed(Cause.TIMED_OUT, "no complete answer")
    except SourceFailed as failed:
        return failed


def _fetch_now(want: Want, fetch: Fetch | None) -> Got:
    if fetch is None:
        return _no_way()
    try:
        if want.question is None:
            return fetch.get(want.url, limit=want.limit).body
        return fetch.post(want.url, want.question, limit=want.limit).body
    except SourceFailed as failed:
        return failed
