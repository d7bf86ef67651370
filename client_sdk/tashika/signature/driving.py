"""The two faces of the flow: one call that waits, one that is awaited."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from tashika.causes import Cause
from tashika.errors import SourceFailed, WrongUse
from tashika.report import Report
from tashika.signature.flow import Terms, verifying
from tashika.signature.judging import CheckStatus
from tashika.signature.report import SignatureReport
from tashika.signature.submitted import Submitted

if TYPE_CHECKING:
    from tashika.client import AsyncClient, Client

T = TypeVar("T")
Answer = Callable[[object], object]
"""Does what a flow wants, and returns what is sent back to it."""
AsyncAnswer = Callable[[object], Awaitable[object]]


def drive(flow: Generator[object, object, T], answer: Answer) -> T:
    """Run a flow to its end; what ``answer`` raises ends it."""
    with closing(flow):
        try:
            wanted = next(flow)
            while True:
                wanted = flow.send(answer(wanted))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


async def drive_async(flow: Generator[object, object, T], answer: AsyncAnswer) -> T:
    """Run a flow to its end, as drive() does."""
    with closing(flow):
        try:
            wanted = next(flow)
            while True:
                wanted = flow.send(await answer(wanted))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def nothing(wanted: object) -> object:
    """Answer a flow that needs nothing fetched; WrongUse for one that does."""
    raise WrongUse(f"this judge wants a {type(wanted).__name__}: say with `answer` who does it")


def offline(wanted: object) -> object:
    """Answer that nothing can be reached, so that a judge goes by what is at hand.

    A CheckStatus gets an undetermined Report, a tuple as many SourceFailed as it has wishes.
    """
    unreachable = SourceFailed(Cause.UNREACHABLE, "offline")
    if isinstance(wanted, CheckStatus):
        return Report(at=wanted.at, verdict=unreachable.cause, detail=unreachable.detail)
    return [unreachable] * len(wanted) if isinstance(wanted, tuple) else nothing(wanted)


def by_client(client: "Client") -> Answer:
    """Answer OneTier's wishes by a client."""

    def answer(wanted: object) -> object:
        if not isinstance(wanted, CheckStatus):
            return nothing(wanted)
        return client.check(wanted.certificate, wanted.issuer)

    return answer


def by_async_client(client: "AsyncClient") -> AsyncAnswer:
    """Answer OneTier's wishes by a client."""

    async def answer(wanted: object) -> object:
        if not isinstance(wanted, CheckStatus):
            return nothing(wanted)
        return await client.check(wanted.certificate, wanted.issuer)

    return answer


def verify_signature(
    submitted: Submitted,
    terms: Terms,
    *,
    received_at: datetime,
    at: datetime | None = None,
    answer: Answer = nothing,
) -> SignatureReport:
    """Verify a signature and its certificate in one call; the steps are verifying()'s.

    Fails closed: whatever strangers send ends in the report. Raises WrongUse, and
    what ``answer`` raises.
    """
    return drive(verifying(submitted, terms, received_at=received_at, at=at), answer)


async def verify_signature_async(
    submitted: Submitted,
    terms: Terms,
    *,
    received_at: datetime,
    at: datetime | None = None,
    answer: AsyncAnswer,
) -> SignatureReport:
    """Do as verify_signature() does, in an event loop."""
    return await drive_async(verifying(submitted, terms, received_at=received_at, at=at), answer)
