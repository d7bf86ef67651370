"""OCSP answers as a source of path validation: from what is held, without a network."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from tashika.causes import Cause
from tashika.errors import AnswerRefused, Malformed, PkiError
from tashika.issuance import Subject
from tashika.ocsp import CheckedAnswer, Question, ask, verify_answer
from tashika.path.causes import PathCause
from tashika.path.status import Settled, Status, StatusNeed, Tried, Unsettled
from tashika.pki.certid import CertId
from tashika.pki.response import ErrorResponse, parse_response
from tashika.pki.standing import Revoked, Unknown
from tashika.policy import DEFAULT_POLICY, Nonce, Policy
from tashika.status.subject import subject_of
from tashika.status.then import verify_answer_then

STAPLED = "stapled answer"
_OF_ANOTHER_TIME = frozenset(
    {Cause.STALE, Cause.TOO_OLD, Cause.FROM_THE_FUTURE, Cause.NO_NEXT_UPDATE}
)
_SIGNATURES = 2
"""The answer's own, and that of its responder's certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAnswer:
    """An OCSP answer in hand; nothing about it is verified."""

    body: bytes = field(repr=False)
    question: Question | None = None
    """What it answers, if we asked; None for one that came along, which has no nonce of ours."""
    source: str = STAPLED
    """What reports name it by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerUsed:
    """One OCSP answer that a status rests on, for whoever keeps evidence."""

    sha256: bytes
    this_update: datetime
    next_update: datetime | None
    produced_at: datetime
    source: str
    encoded: bytes = field(repr=False)
    """The answer itself, in DER."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One verified answer to a question of ours, whatever it said: for receipts and metrics."""

    source: str
    serial: int = field(repr=False)
    answer: CheckedAnswer


class OcspSource:
    """Answers from OCSP answers, each verified against the issuer's key of the path.

    By all rules of verify_answer() (C1 to C6), but for the nonce where nobody
    asked. Of several that hold the newest speaks. For old signatures ``until``
    lets answers count that were made after the time of the check, up to then.
    What was refused, and why, is added to ``tried``, what was answered to us to ``heard``.
    """

    def __init__(
        self,
        answers: Iterable[HeldAnswer] = (),
        *,
        policy: Policy = DEFAULT_POLICY,
        until: datetime | None = None,
        tried: list[Tried] | None = None,
    ) -> None:
        self.tried = [] if tried is None else tried
        self.heard: list[Heard] = []
        self._asked, self._unasked = policy, replace(policy, nonce=Nonce.OFF)
        self._until = until
        self._held: list[tuple[HeldAnswer, tuple[CertId, ...]]] = []
        self._seen: dict[tuple[int, bytes, int], _Spoken | AnswerRefused] = {}
        for each in answers:
            self.add(each)

    def add(self, held: HeldAnswer) -> None:
        """Take up one more; what came along and cannot be read is of no use to anybody."""
        try:
            named = () if held.question else _named_in(held.body)
        except PkiError as wrong:
            self._note(held, b"", Cause.MALFORMED, str(wrong))
        else:
            self._held.append((held, named))

    def status(self, need: StatusNeed) -> Status:
        """Answer by the newest that holds; else say what is wrong with the first."""
        try:
            subject = subject_of(need)
        except PkiError as unusable:
            return Unsettled(cause=PathCause.STATUS_UNUSABLE, detail=str(unusable))
        best: _Spoken | None = None
        why = Unsettled(cause=PathCause.STATUS_MISSING)
        for number, (held, named) in enumerate(self._held):
            if not _is_about(subject, held, named):
                continue
            answer = self._look(number, held, subject, need)
            if isinstance(answer, AnswerRefused):
                if why.cause is PathCause.STATUS_MISSING:
                    why = unsettled(answer)
            elif best is None or answer.newer_than(best):
                best = answer
        return best.settled if best else why

    def _look(
        self, number: int, held: HeldAnswer, subject: Subject, need: StatusNeed
    ) -> "_Spoken | AnswerRefused":
        which = number, subject.identity.fingerprint, subject.serial
        if which not in self._seen:
            need.search.work.spend("signatures", _SIGNATURES)
            try:
                self._seen[which] = self._verify(held, subject, need)
            except AnswerRefused as refused:
                self._seen[which] = refused
                self._note(held, need.certificate.fingerprint, refused.cause, refused.detail)
        return self._seen[which]

    def _verify(self, held: HeldAnswer, subject: Subject, need: StatusNeed) -> "_Spoken":
        policy = self._asked if held.question else self._unasked
        question = held.question or ask(subject, policy, bytes)
        if self._until is None:
            answer = verify_answer(held.body, question, policy, at=need.at)
        else:
            answer = verify_answer_then(
                held.body,
                question,
                policy,
                ends=need.certificate.validity[1],
                at=need.at,
                now=self._until,
            )
        if held.question:
            heard = Heard(source=held.source, serial=subject.serial, answer=answer)
            self.heard.append(heard)
        if isinstance(answer.standing, Unknown):
            raise AnswerRefused(Cause.UNKNOWN)
        used = AnswerUsed(
            sha256=sha256(held.body).digest(),
            this_update=answer.this_update,
            next_update=answer.next_update,
            produced_at=answer.produced_at,
            source=held.source,
            encoded=held.body,
        )
        settled = Settled(standing=answer.standing, evidence=(used,))
        return _Spoken(answer.this_update, settled)

    def _note(self, held: HeldAnswer, about: bytes, cause: Cause, detail: str) -> None:
        self.tried.append(Tried(source=held.source, about=about, cause=cause, detail=detail))


class _Spoken(NamedTuple):
    """What an answer that holds says of a certificate."""

    this_update: datetime
    settled: Settled

    def newer_than(self, other: "_Spoken") -> bool:
        """Tell which of two speaks; of one time, the one that revokes."""
        if self.this_update == other.this_update:
            return isinstance(self.settled.standing, Revoked)
        return self.this_update > other.this_update


def unsettled(refused: AnswerRefused) -> Unsettled:
    """Return why an answer settles nothing, in the words of path validation."""
    late = refused.cause in _OF_ANOTHER_TIME
    cause = PathCause.STATUS_STALE if late else PathCause.STATUS_UNUSABLE
    return Unsettled(cause=cause, detail=str(refused))


def _is_about(subject: Subject, held: HeldAnswer, named: tuple[CertId, ...]) -> bool:
    """Tell whether it answers our question about this subject, or names it unasked (C3)."""
    if held.question is None:
        return any(each.names(subject.identity, subject.serial) for each in named)
    asked = held.question.subject
    return (asked.identity, asked.serial) == (subject.identity, subject.serial)


def _named_in(body: bytes) -> tuple[CertId, ...]:
    found = parse_response(body)
    if isinstance(found, ErrorResponse):
        raise Malformed("it is an error reply")
    return tuple(each.cert_id for each in found.responses)
