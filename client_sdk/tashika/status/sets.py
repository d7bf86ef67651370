"""Compact sets as a source of path validation."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tashika.causes import Cause
from tashika.errors import AnswerRefused, PkiError
from tashika.issuance import Subject
from tashika.ocsp import CheckedAnswer
from tashika.path.causes import PathCause
from tashika.path.status import Settled, Status, StatusNeed, Tried, Unsettled
from tashika.pki.standing import Unknown
from tashika.policy import DEFAULT_POLICY, Policy
from tashika.status.answers import unsettled
from tashika.status.subject import subject_of


class LocalSet(Protocol):
    """What answers at once for the certificates of one issuer: a CompactSet or a CompactFile."""

    @property
    def source(self) -> str:
        """What a report names it by."""
        ...

    def answer(self, subject: Subject, policy: Policy, *, at: datetime) -> CheckedAnswer:
        """Answer for one certificate; raises AnswerRefused."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUsed:
    """One compact set that a status rests on."""

    source: str
    this_update: datetime
    next_update: datetime | None


class CompactSource:
    """Answers from compact sets, each for its issuer, name and key; the first of that speaks."""

    def __init__(
        self,
        sets: Iterable[LocalSet],
        *,
        policy: Policy = DEFAULT_POLICY,
        tried: list[Tried] | None = None,
    ) -> None:
        self.tried = [] if tried is None else tried
        self._sets, self._policy = tuple(sets), policy

    def status(self, need: StatusNeed) -> Status:
        """Answer by the first set of the issuer that does; as of ``need.at`` alone."""
        try:
            subject = subject_of(need)
        except PkiError as unusable:
            return Unsettled(cause=PathCause.STATUS_UNUSABLE, detail=str(unusable))
        why = Unsettled(cause=PathCause.STATUS_MISSING)
        for each in self._sets:
            try:
                answer = each.answer(subject, self._policy, at=need.at)
                if isinstance(answer.standing, Unknown):
                    raise AnswerRefused(Cause.UNKNOWN)
            except AnswerRefused as refused:
                if refused.cause is not Cause.OTHER_CERTIFICATE:
                    why = unsettled(refused)
                    self._note(each.source, need, refused)
                continue
            used = SetUsed(
                source=each.source, this_update=answer.this_update, next_update=answer.next_update
            )
            return Settled(standing=answer.standing, evidence=(used,))
        return why

    def _note(self, source: str, need: StatusNeed, refused: AnswerRefused) -> None:
        about = need.certificate.fingerprint
        seen = Tried(source=source, about=about, cause=refused.cause, detail=refused.detail)
        if seen not in self.tried:
            self.tried.append(seen)
