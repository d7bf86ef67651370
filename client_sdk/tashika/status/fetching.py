"""Grants what a judgement wants fetched, by whatever fetches: for threads and for event loops.

For tashika.driving. A client does it by its sources instead: :mod:`tashika.network.wishes`.
"""

import asyncio
from typing import Protocol, TypeVar

from tashika.causes import Cause
from tashika.driving import Answer, AsyncAnswer
from tashika.errors import SourceFailed, WrongUse
from tashika.policy import Deadlines
from tashika.status.wants import Got, NamedBy, Want
from tashika.transport import Reply, Transport


class Fetch(Protocol):
    """A Transport for threads; bounds its time itself, by deadlines that no slow drip moves."""

    def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        """Post an OCSP request."""
        ...

    def get(self, url: str, *, limit: int) -> Reply:
        """Get a CRL."""
        ...


def by_fetch(fetch: Fetch, *, public: Fetch | None = None) -> Answer:
    """Fetch what is wanted, one after the other.

    ``public`` is for URLs out of certificates and connects to nothing but
    public addresses (tashika.outbound); without it they are not fetched.
    """

    def answer(wish: object) -> list[Got]:
        return [_fetch_now(each, _one_of(each, fetch, public)) for each in wants_of(wish)]

    return answer


def by_transport(
    fetch: Transport,
    *,
    public: Transport | None = None,
    deadlines: Deadlines = Deadlines(),  # noqa: B008 - frozen
) -> AsyncAnswer:
    """Fetch what is wanted, all of a round at once; ``public`` as by_fetch() has it.

    The deadlines are absolute: one for each fetch, one for all together, from
    the first on (C12).
    """
    last_moment: float | None = None
    patience = (deadlines.connect + deadlines.read).total_seconds()

    async def answer(wish: object) -> list[Got]:
        nonlocal last_moment
        now = asyncio.get_running_loop().time()
        last_moment = last_moment or now + deadlines.total.total_seconds()
        until = min(now + patience, last_moment)
        return await asyncio.gather(
            *(fetched(each, _one_of(each, fetch, public), until) for each in wants_of(wish))
        )

    return answer


def wants_of(wish: object) -> tuple[Want, ...]:
    """Return a wish that is a tuple of Want; WrongUse for any other."""
    if isinstance(wish, tuple) and all(isinstance(each, Want) for each in wish):
        return wish
    raise WrongUse(f"nobody here grants a {type(wish).__name__}: drive by an answer that does")


async def fetched(want: Want, transport: Transport | None, until: float) -> Got:
    """Fetch one thing, until a moment of the event loop; fails where no transport is given."""
    if transport is None:
        return _no_way()
    try:
        async with asyncio.timeout_at(until):
            if want.question is None:
                return (await transport.get(want.url, limit=want.limit)).body
            return (await transport.post(want.url, want.question, limit=want.limit)).body
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


_Either = TypeVar("_Either", Transport, Fetch)


def _one_of(want: Want, fetch: _Either, public: _Either | None) -> _Either | None:
    return fetch if want.named_by is NamedBy.CONFIGURATION else public


def _no_way() -> SourceFailed:
    return SourceFailed(Cause.ADDRESS_REFUSED, "nothing fetches from addresses in certificates")
