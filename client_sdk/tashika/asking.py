"""The flow of a check: the certificate first, then what is remembered, then the sources."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from cryptography import x509

from tashika.causes import Status
from tashika.errors import CertificateRefused
from tashika.limits import BATCH_BREATH, MAX_REFRESHES
from tashika.network.answers import Answers, Remembered
from tashika.network.desk import Desk, LocalSource
from tashika.network.inquiry import inquire
from tashika.network.subjects import Known
from tashika.observing import Happening
from tashika.report import Report

__all__ = ["Given", "LocalSource", "Progress", "check", "check_many", "recall"]

Given = x509.Certificate | bytes
"""A certificate, or its PEM or DER."""
Progress = Callable[[int, int], object]
"""Called with how many certificates are done, and of how many."""


def recall(certificate: Given, issuer: Given, desk: Desk) -> Report | None:
    """Report from memory, if nothing is to be done but that; for any thread."""
    if desk.answers is None:
        return None
    at = desk.clock()
    known = desk.subjects.recall(certificate, issuer, at)
    found = desk.answers.recall(known.key, at) if known else None
    return _recalled(found, desk, at) if found and at < found.renew else None


async def check(certificate: Given, issuer: Given, desk: Desk) -> Report:
    """Check one certificate; whatever strangers send, the outcome is a report."""
    # Not by its truth: a report is true only where the certificate is good.
    if (report := recall(certificate, issuer, desk)) is not None:
        return report
    began, at = desk.monotonic(), desk.clock()
    try:
        known = desk.subjects.verify(certificate, issuer, at)
    except CertificateRefused as refused:
        report = Report(at=at, verdict=refused.cause, detail=refused.detail)
    else:
        if (remembered := _look_up(known, desk, at)) is not None:
            return remembered
        report = await desk.flights.join(known.key, partial(_ask_about, known, desk))
        # Whoever joined an inquiry under way has a time of its own.
        report = replace(report, at=at)
    desk.tell(Happening.CHECKED, source=report.source, cause=report.cause, since=began)
    return report


async def check_many(
    certificates: Iterable[Given], issuer: Given, desk: Desk, progress: Progress | None
) -> list[Report]:
    """Check certificates of one issuer, several in a question; reports are in order."""
    batch = _Batch(tuple(certificates), issuer, desk, progress)
    workers = [asyncio.create_task(batch.work()) for _ in range(desk.policy.batch.at_once)]
    try:
        await asyncio.gather(*workers)
    finally:
        for each in workers:
            each.cancel()
        await asyncio.wait(workers)
    return [batch.reports[each] for each in range(len(batch.certificates))]


@dataclass(slots=True)
class _Batch:
    """Many certificates on their way; any number of workers share it in one event loop."""

    certificates: Sequence[Given]
    issuer: Given
    desk: Desk
    progress: Progress | None
    reports: dict[int, Report] = field(default_factory=dict)
    _left: Iterator[int] = field(init=False)
    _firsts: dict[bytes, int] = field(default_factory=dict)
    _twins: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Where a certificate stands again that is being asked about."""

    def __post_init__(self) -> None:
        self._left = iter(range(len(self.certificates)))

    async def work(self) -> None:
        """Take certificates until none is left: those that must be asked about, in questions."""
        while True:
            at, asked, looked_at = self.desk.clock(), dict[int, Known](), 0
            for place in self._left:
                if known := self._settle(place, at):
                    asked[place] = known
                looked_at += 1
                if len(asked) == self.desk.policy.batch.per_question or looked_at == BATCH_BREATH:
                    break
            if not looked_at:
                return
            await self._ask(asked, at)

    def _settle(self, place: int, at: datetime) -> Known | None:
        """Report without asking if that can be; otherwise return what to ask about."""
        try:
            known = self.desk.subjects.verify(self.certificates[place], self.issuer, at)
        except CertificateRefused as refused:
            self._done(place, Report(at=at, verdict=refused.cause, detail=refused.detail))
            return None
        if (report := _look_up(known, self.desk, at)) is not None:
            self._done(place, report)
            return None
        # One that was given twice is asked about once.
        if (first := self._firsts.setdefault(known.key, place)) == place:
            return known
        if first in self.reports:
            self._done(place, self.reports[first])
        else:
            self._twins[first].append(place)
        return None

    async def _ask(self, asked: dict[int, Known], at: datetime) -> None:
        if not asked:
            await asyncio.sleep(0)
            return
        reports = await inquire([*asked.values()], self.desk, at)
        for (place, known), report in zip(asked.items(), reports, strict=True):
            _note_failure(known, report, self.desk.answers)
            for each in (place, *self._twins.pop(place, ())):
                self._done(each, report)

    def _done(self, place: int, report: Report) -> None:
        self.reports[place] = report
        if not report.remembered:
            self.desk.tell(Happening.CHECKED, source=report.source, cause=report.cause)
        if self.progress:
            self.progress(len(self.reports), len(self.certificates))


def _look_up(known: Known, desk: Desk, at: datetime) -> Report | None:
    """Report from what is remembered, in the cache too; begins to renew what is due."""
    if desk.answers is None:
        return None
    if found := desk.answers.load(known, at):
        if at >= found.renew:
            _renew(known, desk, at)
        return _recalled(found, desk, at)
    failed = desk.answers.recall_failure(known.key, at)
    if failed is not None:
        desk.tell(Happening.RECALLED, cause=failed.cause)
    return failed


def _recalled(found: Remembered, desk: Desk, at: datetime) -> Report:
    answer, source, *_ = found
    desk.tell(Happening.RECALLED, source=source, cause=answer.cause)
    return Report(at=at, verdict=answer, source=source, remembered=True)


def _renew(known: Known, desk: Desk, at: datetime) -> None:
    """Ask beside the callers, unless that is done, or just failed, or too many do."""
    answers, renewals = desk.answers, desk.renewals
    has_failed = answers is not None and answers.recall_failure(known.key, at) is not None
    if has_failed or desk.flights.is_under_way(known.key) or len(renewals) >= MAX_REFRESHES:
        return
    desk.tell(Happening.RENEWED)
    task = asyncio.create_task(desk.flights.join(known.key, partial(_ask_about, known, desk)))
    renewals.add(task)
    task.add_done_callback(renewals.discard)


async def _ask_about(known: Known, desk: Desk) -> Report:
    (report,) = await inquire([known], desk, desk.clock())
    _note_failure(known, report, desk.answers)
    return report


def _note_failure(known: Known, report: Report, answers: Answers | None) -> None:
    if answers and report.status is Status.UNDETERMINED:
        answers.keep_failure(known, report)
