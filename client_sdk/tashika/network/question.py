"""One source asked about some certificates of one issuer: retries, breaker, verification.

A question and its retries are the same bytes, with one nonce: by that the responder's operator
knows that it answers again, and does not bill twice. Another source gets another nonce.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from tashika.causes import Cause
from tashika.errors import AnswerRefused, CheckFailed, ConnectionLost, SourceFailed
from tashika.limits import NONCE_BYTES
from tashika.network.answers import Arrived
from tashika.network.desk import Desk, LocalSource, Source
from tashika.network.subjects import Known
from tashika.observing import Happening
from tashika.ocsp import CheckedAnswer, verify_answers
from tashika.pki.certid import CertId
from tashika.pki.limits import MAX_RESPONSE_BYTES
from tashika.pki.request import build_request
from tashika.policy import Nonce
from tashika.transport import Reply

Said = tuple[CheckedAnswer, str]
"""An answer, and the name of the source that gave it."""
Outcome = Said | CheckFailed

_TOO_MANY = frozenset({Cause.MALFORMED_REQUEST, Cause.UNAUTHORIZED, Cause.OTHER_CERTIFICATE})
"""How responders refuse that take fewer certificates in one question, or answer the first alone."""
_ALONE = 2
"""One refused alone may be odd itself; two are not."""


async def ask_source(
    source: Source | LocalSource, asked: Sequence[Known], desk: Desk, last_moment: float
) -> list[Outcome]:
    """Ask one source, until ``last_moment`` of the event loop; the outcomes are in order."""
    if isinstance(source, Source):
        outcomes = await _ask_in_pieces(source, asked, desk, last_moment)
    else:
        outcomes = [_ask_here(source, each, desk) for each in asked]
    for each in outcomes:
        if isinstance(each, CheckFailed):
            desk.tell(Happening.FAILED, source=source.source, cause=each.cause)
    return outcomes


def _ask_here(source: LocalSource, known: Known, desk: Desk) -> Outcome:
    try:
        answer = source.answer(known.subject, desk.policy, at=desk.clock())
    except AnswerRefused as refused:
        return refused
    desk.tell(Happening.ANSWERED, source=source.source, cause=answer.cause)
    return answer, source.source


async def _ask_in_pieces(
    source: Source, asked: Sequence[Known], desk: Desk, last_moment: float
) -> list[Outcome]:
    """Ask in questions of as many certificates as the source takes, and learn how many those are.

    Where some of several are refused, the rest is asked in smaller questions.
    The size that then succeeds is remembered. Where even one alone is refused
    so, it was that one, and the others are asked together again; where two
    are, and nothing was answered yet, it is all, and nothing more is asked.
    """
    outcomes: dict[int, Outcome] = {}
    todo, size = deque(range(len(asked))), source.takes
    heard = alone = 0
    while todo:
        piece = [todo.popleft() for _ in range(min(size, len(todo)))]
        try:
            said = await _ask(source, [asked[each] for each in piece], desk, last_moment)
        except SourceFailed as failed:
            return _in_order(outcomes | dict.fromkeys([*piece, *todo], failed))
        answered = {
            each: one for each, one in zip(piece, said, strict=True) if not _may_be_too_many(one)
        }
        heard += len(answered)
        if len(answered) < len(piece) > 1:
            size = len(answered) or len(piece) // 2
            todo.extendleft(each for each in reversed(piece) if each not in answered)
        elif not answered:
            answered, alone = {piece[0]: said[0]}, alone + 1
            if not heard and alone == _ALONE:
                return _in_order(outcomes | answered | dict.fromkeys(todo, said[0]))
            size = source.takes if heard else 1
        elif alone and heard == 1:
            size = source.takes
        outcomes |= answered
    if not alone:
        source.takes = min(source.takes, size)
    return _in_order(outcomes)


def _in_order(outcomes: dict[int, Outcome]) -> list[Outcome]:
    return [outcomes[each] for each in sorted(outcomes)]


def _may_be_too_many(one: Outcome) -> bool:
    return isinstance(one, AnswerRefused) and one.cause in _TOO_MANY


async def _ask(
    source: Source, asked: Sequence[Known], desk: Desk, last_moment: float
) -> list[Outcome]:
    """Ask one question; raises SourceFailed where no answer came."""
    nonce = None if desk.policy.nonce is Nonce.OFF else desk.nonces(NONCE_BYTES)
    retries = desk.policy.retries if nonce else 0
    hash_name = desk.policy.certid_hash
    question = build_request(
        [CertId.build(each.subject.identity, each.subject.serial, hash_name) for each in asked],
        nonce=nonce,
    )
    began = desk.monotonic()
    reply = await post(source, question, desk, last_moment, retries=retries)
    arrived = Arrived(reply.body, nonce, source.url, desk.clock())
    try:
        outcomes = verify_answers(
            reply.body,
            [each.subject for each in asked],
            nonce=nonce,
            policy=desk.policy,
            at=arrived.at,
        )
    except AnswerRefused as refused:
        return [_explained(refused, reply)] * len(asked)
    accepted = sum(isinstance(each, CheckedAnswer) for each in outcomes)
    if accepted:
        desk.tell(Happening.ANSWERED, source=source.url, since=began, certificates=accepted)
    return [
        each if isinstance(each, AnswerRefused) else _accept(each, known, arrived, desk)
        for known, each in zip(asked, outcomes, strict=True)
    ]


def _explained(refused: AnswerRefused, reply: Reply) -> AnswerRefused:
    if not reply.refusal or refused.detail:
        return refused
    return AnswerRefused(refused.cause, f"refusal {reply.refusal}")


def _accept(answer: CheckedAnswer, known: Known, arrived: Arrived, desk: Desk) -> Said:
    if desk.receipts:
        desk.receipts.keep(answer, serial=known.subject.serial)
    if desk.answers:
        kept = desk.answers.keep(known, answer, arrived)
        return kept.answer, kept.source
    return answer, arrived.source


async def post(
    source: Source, question: bytes, desk: Desk, last_moment: float, *, retries: int
) -> Reply:
    """Post a question to a source: breaker, deadlines, signature; raises SourceFailed."""
    now = asyncio.get_running_loop().time()
    if now >= last_moment:
        raise SourceFailed(Cause.TIMED_OUT, "no time was left to ask")
    source.breaker.admit()
    patience = (desk.policy.deadlines.connect + desk.policy.deadlines.read).total_seconds()
    # Signed once: a retry is the same bytes.
    asked = desk.signer.sign(question) if desk.signer else question
    try:
        async with asyncio.timeout_at(min(now + patience, last_moment)):
            reply = await _with_retries(source, asked, desk, retries)
    except TimeoutError as late:
        _note_failure(source, desk)
        raise SourceFailed(Cause.TIMED_OUT, "no complete answer") from late
    except SourceFailed:
        _note_failure(source, desk)
        raise
    source.breaker.succeeded()
    return reply


async def _with_retries(source: Source, asked: bytes, desk: Desk, retries: int) -> Reply:
    for _ in range(retries):
        try:
            return await desk.transport.post(source.url, asked, limit=MAX_RESPONSE_BYTES)
        except ConnectionLost as lost:
            desk.tell(Happening.RETRIED, source=source.url, cause=lost.cause)
    return await desk.transport.post(source.url, asked, limit=MAX_RESPONSE_BYTES)


def _note_failure(source: Source, desk: Desk) -> None:
    if source.breaker.failed():
        desk.tell(Happening.LEFT_ALONE, source=source.url)
