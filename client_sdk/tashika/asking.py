"""The flow of one check: the certificate first, then source after source."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from cryptography import x509

from tashika.breaker import Breaker
from tashika.causes import Cause
from tashika.credential import RequestSigner
from tashika.errors import AnswerRefused, CertificateRefused, SourceFailed
from tashika.issuance import IssuedCertificate, verify_issued
from tashika.ocsp import CheckedAnswer, ask, verify_answer
from tashika.pki.limits import MAX_RESPONSE_BYTES
from tashika.policy import Policy
from tashika.receipts import ReceiptBook
from tashika.report import Attempt, Report
from tashika.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One responder, from configuration; never from a certificate (C9)."""

    url: str
    breaker: Breaker


@runtime_checkable
class LocalSource(Protocol):
    """A source that needs no network, such as a compact set; for any number of threads."""

    source: str
    """What a report names it by."""

    def answer(self, subject: IssuedCertificate, policy: Policy, *, at: datetime) -> CheckedAnswer:
        """Answer at once; raises AnswerRefused."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that a check needs beside its two certificates."""

    sources: tuple[Source | LocalSource, ...]
    transport: Transport
    signer: RequestSigner | None
    policy: Policy
    clock: Callable[[], datetime]
    nonces: Callable[[int], bytes]
    receipts: ReceiptBook | None


async def check(
    certificate: x509.Certificate | bytes, issuer: x509.Certificate | bytes, desk: Desk
) -> Report:
    """Check one certificate; whatever strangers send, the outcome is a report."""
    at = desk.clock()
    try:
        subject = verify_issued(certificate, issuer, at=at)
    except CertificateRefused as refused:
        return Report(at=at, verdict=refused.cause, detail=refused.detail)
    return await _ask_in_turn(subject, desk, at)


async def _ask_in_turn(subject: IssuedCertificate, desk: Desk, at: datetime) -> Report:
    """Ask until one source says good or revoked; a failure goes on to the next (C5)."""
    last_moment = _now() + desk.policy.deadlines.total.total_seconds()
    tried: list[Attempt] = []
    unknown: list[tuple[CheckedAnswer, str]] = []
    for source in desk.sources:
        name = source.url if isinstance(source, Source) else source.source
        try:
            if isinstance(source, Source):
                answer = await _ask_one(source, subject, desk, last_moment)
            else:
                answer = source.answer(subject, desk.policy, at=desk.clock())
        except (SourceFailed, AnswerRefused) as failure:
            tried.append(Attempt(name, failure.cause, failure.detail))
            continue
        if answer.cause is not Cause.UNKNOWN:
            return Report(at=at, verdict=answer, source=name, tried=tuple(tried))
        tried.append(Attempt(name, answer.cause))
        unknown.append((answer, name))
    # A signed "unknown" says more than the failures around it.
    verdict, url = unknown[0] if unknown else (tried[-1].cause, None)
    return Report(at=at, verdict=verdict, source=url, tried=tuple(tried))


async def _ask_one(
    source: Source, subject: IssuedCertificate, desk: Desk, last_moment: float
) -> CheckedAnswer:
    if _now() >= last_moment:
        raise SourceFailed(Cause.TIMED_OUT, "no time was left to ask")
    source.breaker.admit()
    # A nonce of its own for each source: one could replay it to another.
    question = ask(subject, desk.policy, desk.nonces)
    asked = desk.signer.sign(question.body) if desk.signer else question.body
    patience = desk.policy.deadlines.connect + desk.policy.deadlines.read
    try:
        async with asyncio.timeout_at(min(_now() + patience.total_seconds(), last_moment)):
            reply = await desk.transport.post(source.url, asked, limit=MAX_RESPONSE_BYTES)
    except TimeoutError as late:
        source.breaker.failed()
        raise SourceFailed(Cause.TIMED_OUT, "no complete answer") from late
    except SourceFailed:
        source.breaker.failed()
        raise
    source.breaker.succeeded()
    try:
        answer = verify_answer(reply.body, question, desk.policy, at=desk.clock())
    except AnswerRefused as refused:
        if not reply.refusal or refused.detail:
            raise
        raise AnswerRefused(refused.cause, f"refusal {reply.refusal}") from refused
    if desk.receipts:
        desk.receipts.keep(answer, serial=subject.serial)
    return answer


def _now() -> float:
    return asyncio.get_running_loop().time()
