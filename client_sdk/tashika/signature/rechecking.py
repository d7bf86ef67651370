"""Judging evidence again, years later, from what it holds and what is supplied; no network."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from tashika.causes import Cause
from tashika.driving import Answer, drive
from tashika.errors import AnswerRefused, CertificateRefused, SignatureRefused, WrongUse
from tashika.issuance import verify_issued
from tashika.ocsp import CheckedAnswer, ask, verify_answer
from tashika.policy import DEFAULT_POLICY, Nonce, Policy
from tashika.report import Attempt, Report
from tashika.signature.causes import SignatureCause
from tashika.signature.driving import offline
from tashika.signature.evidence import Evidence, Piece, PieceKind, read_evidence
from tashika.signature.flow import Terms, verifying
from tashika.signature.judging import CheckStatus
from tashika.signature.presented import Form, Presented
from tashika.signature.report import KeyUse, SignatureReport, purpose_text
from tashika.signature.schemes import Digest
from tashika.signature.submitted import Submitted, refuse_attributes
from tashika.status.stapled import MAX_STAPLED, Stapled

KEPT = "evidence"
"""What reports name the source by whose answers were kept."""
_SEQUENCE = b"\x30"
_PEM = re.compile(rb"-----BEGIN [A-Z0-9 ]+-----\s([A-Za-z0-9+/=\s]+)-----END ")


def recheck(
    data: bytes,
    document: bytes | Digest,
    terms: Terms,
    *,
    supplied: Iterable[bytes] = (),
    policy: Policy = DEFAULT_POLICY,
) -> SignatureReport:
    """Judge again, about the same time, what a file of evidence holds.

    1. The evidence can be read, and was kept for the purpose and the use that the terms state;
       terms of KeyUse.SIGNATURE, which asks least, serve for the other uses too.
    2. What it lacks is taken from ``supplied``, PEM or DER, by the SHA-256 of the DER: a
       certificate, archived CRLs.
    3. The document is the one whose digest was kept; a PDF or an XML document is read again.
    4. All of verifying() follows, with the terms' judge, which is told that nothing can be
       reached: offline(). What OneTier wants checked is checked by the answers that were kept,
       under ``policy`` but for its nonce: nobody can tell any more what was asked.

    The verdict in the file is not looked at. What is still missing, where it matters, is
    undetermined: NOT_KEPT. Raises Malformed for a file that is no evidence, and WrongUse.
    """
    # 1
    evidence = read_evidence(data)
    if purpose_text(terms.purpose) != evidence.purpose:
        raise WrongUse("the evidence was kept for another purpose: state that one")
    if terms.use not in (evidence.use, KeyUse.SIGNATURE):
        raise WrongUse("the evidence was kept for another use: pass terms of that one")
    # 2
    pieces = _fill(evidence.pieces, supplied)
    # 3, 4
    kept = _Kept(evidence=evidence, pieces=pieces, document=document)
    again = replace(terms, use=evidence.use)
    flow = verifying(
        kept,
        again,
        received_at=evidence.received_at,
        at=evidence.at,
        now=evidence.judged_at,
    )
    report = drive(flow, _by_what_was_kept(pieces, replace(policy, nonce=Nonce.OFF), evidence))
    missing = [each for each in pieces if each.content is None]
    if report.cause is SignatureCause.CERTIFICATE_UNDETERMINED and missing:
        return replace(report, verdict=SignatureCause.NOT_KEPT, detail=_named(missing))
    return report


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Kept:
    """A signature as evidence holds it."""

    evidence: Evidence
    pieces: tuple[Piece, ...]
    document: bytes | Digest

    def read(self) -> Presented:
        evidence = self.evidence
        certificate = next(self._all(PieceKind.CERTIFICATE), None)
        if certificate is None:
            lacking = [each for each in self.pieces if each.kind is PieceKind.CERTIFICATE]
            raise SignatureRefused(SignatureCause.NOT_KEPT, _named(lacking))
        self._require_document(certificate)
        return Presented(
            form=evidence.form,
            digest=evidence.digest,
            covered=evidence.covered,
            signature=evidence.signature,
            scheme=evidence.scheme,
            certificate=certificate,
            others=tuple(self._all(PieceKind.ISSUER)),
            stapled=Stapled(
                answers=tuple(self._all(PieceKind.ANSWER)), lists=tuple(self._all(PieceKind.LIST))
            ),
            claimed_at=evidence.claimed_at,
        )

    def _all(self, kind: PieceKind) -> Iterator[bytes]:
        return (each.content for each in self.pieces if each.kind is kind and each.content)

    def _require_document(self, certificate: bytes) -> None:
        evidence = self.evidence
        if evidence.form in (Form.RAW, Form.CMS):
            given = self.document
            if isinstance(given, bytes):
                if evidence.form is Form.RAW:
                    refuse_attributes(given)
                given = Digest.of(given, evidence.scheme.hash_name)
            if given != evidence.digest:
                raise SignatureRefused(SignatureCause.DOCUMENT_DIFFERS)
            return
        if not isinstance(self.document, bytes):
            raise WrongUse(f"{evidence.form} is read again: pass the file, not its digest")
        # Only the file itself says which of its octets the digest is of.
        again = Submitted(
            signature=self.document, form=evidence.form, certificate=certificate
        ).read()
        same = (again.digest, again.covered, again.signature, again.scheme) == (
            evidence.digest,
            evidence.covered,
            evidence.signature,
            evidence.scheme,
        )
        if not same:
            raise SignatureRefused(SignatureCause.DOCUMENT_DIFFERS)


def _by_what_was_kept(pieces: tuple[Piece, ...], policy: Policy, evidence: Evidence) -> Answer:
    """Be a client whose clock stands still, and whose only source is the answers kept."""
    answers = [each.content for each in pieces if each.kind is PieceKind.ANSWER and each.content]
    clock = max(evidence.judged_at, evidence.at)

    def answer(wish: object) -> object:
        if isinstance(wish, CheckStatus):
            return _check(wish, answers[:MAX_STAPLED], policy, at=clock)
        return offline(wish)

    return answer


def _check(wish: CheckStatus, answers: list[bytes], policy: Policy, *, at: datetime) -> Report:
    try:
        subject = verify_issued(wish.certificate, wish.issuer, at=at)
    except CertificateRefused as refused:
        return Report(at=at, verdict=refused.cause, detail=refused.detail)
    question, said, tried = ask(subject, policy, bytes), list[CheckedAnswer](), list[Attempt]()
    for each in answers:
        try:
            said.append(verify_answer(each, question, policy, at=at))
        except AnswerRefused as refused:
            tried.append(Attempt(KEPT, refused.cause, refused.detail))
    if said:
        newest = max(said, key=lambda each: (each.this_update, each.cause is not Cause.GOOD))
        return Report(at=at, verdict=newest, source=KEPT, tried=tuple(tried))
    cause = tried[-1].cause if tried else Cause.UNREACHABLE
    return Report(at=at, verdict=cause, tried=tuple(tried))


def _fill(pieces: tuple[Piece, ...], supplied: Iterable[bytes]) -> tuple[Piece, ...]:
    """Keep of the contents only those that are what the digests say."""
    held = {sha256(each).digest(): each for each in map(_der_of, supplied)}
    held |= {sha256(each.content).digest(): each.content for each in pieces if each.content}
    return tuple(replace(each, content=held.get(each.sha256)) for each in pieces)


def _der_of(given: bytes) -> bytes:
    """Return the DER in PEM; what is no PEM as it is."""
    found = None if given.startswith(_SEQUENCE) else _PEM.search(given)
    try:
        return base64.b64decode(b"".join(found[1].split()), validate=True) if found else given
    except binascii.Error:
        return given


def _named(pieces: Iterable[Piece]) -> str:
    return ", ".join(f"{each.kind} {each.sha256.hex()}" for each in pieces)
