"""What a verification wishes for, granted by a client: checks, answers, lists, challenges."""

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from inspect import isawaitable
from typing import Any

from tashika.asking import check
from tashika.causes import Cause
from tashika.errors import SourceFailed
from tashika.network.desk import Desk, Source
from tashika.network.question import post
from tashika.observing import Happening
from tashika.path.report import PathReport
from tashika.report import Report
from tashika.signature.challenge import AsyncChallengeStore, ChallengeStore, RelyingParty
from tashika.signature.flow import Terms, require_for_documents, verifying
from tashika.signature.judging import CheckStatus
from tashika.signature.logins import Login, TakeChallenge, authenticating
from tashika.signature.report import SignatureReport
from tashika.signature.submitted import Submitted
from tashika.status.answers import Heard
from tashika.status.fetching import fetched, wants_of
from tashika.status.wants import Got, NamedBy, Want


def signature_flow(
    submitted: Submitted,
    terms: Terms,
    clock: Callable[[], datetime],
    *,
    received_at: datetime | None,
    at: datetime | None,
) -> Generator[object, Any, SignatureReport]:
    """Begin verifying() at the clock's time; WrongUse for terms of a login."""
    require_for_documents(terms)
    now = clock()
    return verifying(submitted, terms, received_at=received_at or now, at=at, now=now)


def login_flow(
    login: Login,
    party: RelyingParty,
    terms: Terms,
    clock: Callable[[], datetime],
    *,
    received_at: datetime | None,
) -> Generator[object, Any, SignatureReport]:
    """Begin authenticating() at the clock's time."""
    now = clock()
    return authenticating(login, party, terms, received_at=received_at or now, now=now)


def settle(report: SignatureReport, desk: Desk) -> SignatureReport:
    """Tell of the answers that a path was judged by, and keep their receipts; for any thread.

    Of the client's own sources: another operator's are not in its statement.
    """
    heard = report.judgement.heard if isinstance(report.judgement, PathReport) else ()
    own = {each.source for each in desk.sources}
    for each in heard:
        if isinstance(each, Heard) and each.source in own:
            desk.tell(Happening.ANSWERED, source=each.source, cause=each.answer.cause)
            if desk.receipts:
                desk.receipts.keep(each.answer, serial=each.serial)
    return report


@dataclass(slots=True, kw_only=True)
class Wishes:
    """Grants the wishes of one verification, until one moment for all of them (C12)."""

    desk: Desk
    challenges: ChallengeStore | AsyncChallengeStore | None = None
    _last_moment: float | None = None

    async def grant(self, wish: object) -> object:
        """Do what is wished for; raises WrongUse, and what a store of challenges raises.

        Deadlines.total begins with the first wish.
        """
        before, now = self._last_moment, asyncio.get_running_loop().time()
        until = before or now + self.desk.policy.deadlines.total.total_seconds()
        self._last_moment = until
        if isinstance(wish, TakeChallenge) and self.challenges is not None:
            taken = self.challenges.take(wish.challenge)
            return await taken if isawaitable(taken) else taken
        if isinstance(wish, CheckStatus):
            # A check bounds itself by the same total, and then says whom it asked in vain.
            return await self._check(wish, before)
        return await asyncio.gather(*(self._fetch(each, until) for each in wants_of(wish)))

    async def _check(self, wish: CheckStatus, until: float | None) -> Report:
        try:
            async with asyncio.timeout_at(until):
                return await check(wish.certificate, wish.issuer, self.desk)
        except TimeoutError:
            return Report(at=wish.at, verdict=Cause.TIMED_OUT, detail="no time was left")

    async def _fetch(self, want: Want, last_moment: float) -> Got:
        source = self._source_of(want)
        if source and want.question is not None:
            got = await self._ask(source, want, want.question, last_moment)
        else:
            configured = want.named_by is NamedBy.CONFIGURATION
            way = self.desk.others if configured else self.desk.public
            deadlines, now = self.desk.policy.deadlines, asyncio.get_running_loop().time()
            patience = (deadlines.connect + deadlines.read).total_seconds()
            got = await fetched(want, way, min(now + patience, last_moment))
        if isinstance(got, SourceFailed):
            # A stranger's host names would be labels without end, and may name a person.
            known = want.url if want.named_by is NamedBy.CONFIGURATION else None
            self.desk.tell(Happening.FAILED, source=known, cause=got.cause)
        return got

    async def _ask(self, source: Source, want: Want, question: bytes, last_moment: float) -> Got:
        retries = self.desk.policy.retries if want.repeatable else 0
        try:
            return (await post(source, question, self.desk, last_moment, retries=retries)).body
        except SourceFailed as failed:
            return failed

    def _source_of(self, want: Want) -> Source | None:
        """Return the client's own source of this URL, with its breaker and credential."""
        if want.named_by is not NamedBy.CONFIGURATION:
            return None
        sources = (each for each in self.desk.sources if isinstance(each, Source))
        return next((each for each in sources if each.url == want.url), None)
