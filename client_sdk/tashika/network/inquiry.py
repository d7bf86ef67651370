"""Source after source about some certificates, or one beside the other where one is slow."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tashika.causes import Cause, Status
from tashika.errors import CheckFailed
from tashika.network.desk import Desk, LocalSource, Source
from tashika.network.question import Outcome, Said, ask_source
from tashika.network.subjects import Known
from tashika.observing import Happening
from tashika.report import Attempt, Report

_Asking = tuple["asyncio.Task[list[Outcome]]", Source | LocalSource, list["_Case"]]


@dataclass(slots=True)
class _Case:
    """One certificate, until a source says good or revoked."""

    known: Known
    verdict: Said | None = None
    tried: list[Attempt] = field(default_factory=list)
    unknown: list[Said] = field(default_factory=list)

    def hear(self, source: str, outcome: Outcome) -> None:
        """Take what a source said; a revocation outweighs a good that came with it."""
        if isinstance(outcome, CheckFailed):
            self.tried.append(Attempt(source, outcome.cause, outcome.detail))
            return
        answer, _ = outcome
        if answer.cause is Cause.UNKNOWN:
            self.tried.append(Attempt(source, answer.cause))
            self.unknown.append(outcome)
        elif self.verdict is None or answer.cause.status is Status.REVOKED:
            self.verdict = outcome

    def report(self, at: datetime) -> Report:
        """Say what came out; a signed "unknown" says more than the failures around it."""
        tried = tuple(self.tried)
        said = self.verdict or (self.unknown[0] if self.unknown else None)
        if said is None:
            return Report(at=at, verdict=tried[-1].cause, tried=tried)
        return Report(at=at, verdict=said[0], source=said[1], tried=tried)


async def inquire(asked: Sequence[Known], desk: Desk, at: datetime) -> list[Report]:
    """Ask until a source says good or revoked of each; a failure goes on to the next (C5).

    Reports are in order, of certificates of one issuer. Sources are asked in
    turn. Where HedgePolicy says so, the next one is asked already while the
    one before is late; whoever is not needed any more is cancelled.
    """
    loop = asyncio.get_running_loop()
    last_moment = loop.time() + desk.policy.deadlines.total.total_seconds()
    hedge = desk.policy.hedge.after.total_seconds() if desk.policy.hedge else None
    cases, waiting = [_Case(each) for each in asked], deque(desk.sources)
    under_way: list[_Asking] = []
    late = False
    try:
        while (open_cases := [each for each in cases if not each.verdict]) and (
            waiting or under_way
        ):
            if waiting and (late or not under_way):
                if under_way:
                    desk.tell(Happening.HEDGED, source=waiting[0].source)
                under_way.append(_begin(waiting.popleft(), open_cases, desk, last_moment))
            late = not await _hear(under_way, hedge if waiting else None)
    finally:
        await _cancel(under_way)
    return [each.report(at) for each in cases]


def _begin(
    source: Source | LocalSource, cases: list[_Case], desk: Desk, last_moment: float
) -> _Asking:
    asked = [each.known for each in cases]
    return asyncio.create_task(ask_source(source, asked, desk, last_moment)), source, cases


async def _hear(under_way: list[_Asking], patience: float | None) -> bool:
    """Wait for whoever comes first, and hand out what was said; False if nobody came in time."""
    done, _ = await asyncio.wait(
        [task for task, *_ in under_way],
        timeout=patience,
        return_when=asyncio.FIRST_COMPLETED,
    )
    for each in [each for each in under_way if each[0] in done]:
        under_way.remove(each)
        task, source, cases = each
        for case, outcome in zip(cases, task.result(), strict=True):
            case.hear(source.source, outcome)
    return bool(done)


async def _cancel(under_way: list[_Asking]) -> None:
    tasks = [task for task, *_ in under_way]
    for each in tasks:
        each.cancel()
    if tasks:
        await asyncio.wait(tasks)
