"""The check of one OCSP answer, without input or output: the page to read first.

Bytes go in, a CheckedAnswer or an AnswerRefused comes out. Fetching the bytes,
and asking somebody else when they are refused, is :mod:`tashika.asking`.
"""

from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime

from tashika.causes import Cause
from tashika.errors import (
    AnswerRefused,
    BadSignature,
    PkiError,
    Unsupported,
    WrongUse,
)
from tashika.freshness import require_fresh, require_zone
from tashika.issuance import Subject
from tashika.limits import NONCE_BYTES
from tashika.pki.algorithms import verify
from tashika.pki.certid import CertId
from tashika.pki.limits import MAX_RESPONSE_BYTES
from tashika.pki.receipt import Receipt
from tashika.pki.request import build_request
from tashika.pki.response import (
    BasicResponse,
    ErrorResponse,
    ResponseStatus,
    SingleResponse,
    parse_response,
)
from tashika.pki.standing import Good, Reason, Revoked, Standing
from tashika.policy import Nonce, Policy
from tashika.responder import authorise_responder, identify_responder

SEAL = object()
"""Held by the two that make a CheckedAnswer, here and in :mod:`tashika.compact`."""
NEVER_ISSUED = Revoked(datetime(1970, 1, 1, tzinfo=UTC), Reason.CERTIFICATE_HOLD)
"""How a responder speaks of a serial that was never issued (RFC 6960 2.2)."""

_REFUSALS = {
    ResponseStatus.MALFORMED_REQUEST: Cause.MALFORMED_REQUEST,
    ResponseStatus.INTERNAL_ERROR: Cause.INTERNAL_ERROR,
    ResponseStatus.TRY_LATER: Cause.TRY_LATER,
    ResponseStatus.SIG_REQUIRED: Cause.SIG_REQUIRED,
    ResponseStatus.UNAUTHORIZED: Cause.UNAUTHORIZED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One certificate asked about once."""

    subject: Subject
    cert_id: CertId = field(repr=False)
    nonce: bytes | None = field(repr=False)

    @property
    def body(self) -> bytes:
        """The OCSP request in DER."""
        return build_request([self.cert_id], nonce=self.nonce)


def ask(subject: Subject, policy: Policy, nonces: Callable[[int], bytes]) -> Question:
    """Make a question; ``nonces`` returns so many random bytes."""
    return Question(
        subject=subject,
        cert_id=CertId.build(subject.identity, subject.serial, policy.certid_hash),
        nonce=None if policy.nonce is Nonce.OFF else nonces(NONCE_BYTES),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAnswer:
    """What an entitled responder said, freshly, of the certificate asked about (C1).

    Only verify_answer makes one, and a compact set for what it says (:mod:`tashika.compact`).
    """

    standing: Standing
    this_update: datetime
    """The time of the revocation data."""
    next_update: datetime | None
    produced_at: datetime
    """The time of the signature."""
    never_issued: bool
    """True where 'revoked' says that the serial was never issued (RFC 6960 4.4.8)."""
    issuer: bytes
    """The fingerprint of the issuer (IssuerIdentity), for whoever keeps receipts."""
    receipt: Receipt | None
    """The place of this very statement in the responder's journal, if the agreement has it said."""
    archive_cutoff: datetime | None = None
    """Certificates that ended no earlier are still spoken of, where stated (RFC 6960 4.4.4)."""
    encoded: bytes | None = field(default=None, repr=False)
    """The answer as it came, for whoever keeps evidence; None of a compact set."""
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not SEAL:
            raise WrongUse("a CheckedAnswer comes from verify_answer() or a CompactSet only")

    def __bool__(self) -> bool:
        """Tell whether the certificate is good: an answer that says otherwise is an answer too."""
        return isinstance(self.standing, Good)

    @property
    def cause(self) -> Cause:
        """The standing as the cause of a report."""
        if isinstance(self.standing, Good):
            return Cause.GOOD
        if isinstance(self.standing, Revoked):
            if self.never_issued:
                return Cause.NEVER_ISSUED
            return Cause.ON_HOLD if self.standing.on_hold else Cause.REVOKED
        return Cause.UNKNOWN


def verify_answer(
    body: bytes, question: Question, policy: Policy, *, at: datetime
) -> CheckedAnswer:
    """Check an answer from its first byte to the standing it states.

    1. It is at most 64 KiB, and DER throughout (C8, C11).
    2. It is successful: an error reply is unsigned and proves nothing (C6).
    3. It is a basic response without critical extensions that are unknown.
    4. The responder is identified: the issuer, or an embedded certificate.
    5. The responder may speak for the issuer at ``at`` (C2, T20).
    6. The signature algorithm is one that the policy accepts.
    7. The signature holds (C1).
    8. Exactly one of its statements is about the certificate: name hash, key
       hash and serial, recomputed with the statement's own hash (C3). Others
       may stand beside it (RFC 6960 4.2.2.3) if they are well formed.
    9. Its times fit ``at``, within one skew and one greatest age (C4, C13).
    10. It repeats the nonce, as the policy demands (C5).

    Raises AnswerRefused, and WrongUse for a time without its zone.
    """
    (outcome,) = verify_answers(
        body, [question.subject], nonce=question.nonce, policy=policy, at=at
    )
    if isinstance(outcome, AnswerRefused):
        raise outcome
    return outcome


def verify_answers(
    body: bytes,
    subjects: Sequence[Subject],
    *,
    nonce: bytes | None,
    policy: Policy,
    at: datetime,
) -> list[CheckedAnswer | AnswerRefused]:
    """Check one answer about several certificates of one issuer, as verify_answer does.

    Returns the outcome of steps 8 to 10 for each certificate, in order. Raises
    AnswerRefused where the answer fails as a whole, in steps 1 to 7.
    """
    require_zone(at)
    answer = _read_signed(body, subjects[0], policy, at=at)
    return [_outcome(body, answer, each, nonce=nonce, policy=policy, at=at) for each in subjects]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAnswer:
    """An entitled responder's statement on one certificate; nobody has looked at its times yet."""

    body: bytes = field(repr=False)
    answer: BasicResponse
    single: SingleResponse
    index: int
    subject: Subject

    def checked(self) -> CheckedAnswer:
        """Declare the times right; for verify_answers() and :mod:`tashika.status` alone."""
        return CheckedAnswer(
            standing=self.single.standing,
            this_update=self.single.this_update,
            next_update=self.single.next_update,
            produced_at=self.answer.produced_at,
            never_issued=self.answer.extended_revoke and self.single.standing == NEVER_ISSUED,
            issuer=self.subject.identity.fingerprint,
            receipt=self.answer.receipt and self.answer.receipt.of(self.index),
            archive_cutoff=self.single.archive_cutoff,
            encoded=self.body,
            seal=SEAL,
        )


def read_signed(
    body: bytes, subject: Subject, policy: Policy, *, at: datetime | None
) -> SignedAnswer:
    """Take the steps 1 to 8 of verify_answer(); raises AnswerRefused.

    The responder's authority is judged at ``at``, or when it is None at the
    time when the answer says it was signed: for answers of the past.
    """
    return _statement(body, _read_signed(body, subject, policy, at=at), subject)


def _read_signed(
    body: bytes, subject: Subject, policy: Policy, *, at: datetime | None
) -> BasicResponse:
    try:
        # 1 to 3
        answer = _read(body)
        # 4
        responder = identify_responder(answer, subject)
        # 5
        key = authorise_responder(responder, subject, at=at or answer.produced_at)
        # 6
        if answer.algorithm not in policy.algorithms:
            raise AnswerRefused(Cause.UNSUPPORTED, f"{answer.algorithm.name}, by policy")
        # 7
        verify(key, answer.algorithm, answer.signature, answer.tbs)
    except PkiError as wrong:
        raise AnswerRefused(_cause_of(wrong), str(wrong)) from wrong
    return answer


def _statement(body: bytes, answer: BasicResponse, subject: Subject) -> SignedAnswer:
    # 8
    index, single = _find(answer.responses, subject)
    return SignedAnswer(body=body, answer=answer, single=single, index=index, subject=subject)


def _outcome(
    body: bytes,
    answer: BasicResponse,
    subject: Subject,
    *,
    nonce: bytes | None,
    policy: Policy,
    at: datetime,
) -> CheckedAnswer | AnswerRefused:
    try:
        signed = _statement(body, answer, subject)
        # 9
        require_fresh(
            this_update=signed.single.this_update,
            next_update=signed.single.next_update,
            produced_at=answer.produced_at,
            policy=policy,
            at=at,
        )
        # 10
        _require_nonce(answer.nonce, nonce, policy.nonce)
    except AnswerRefused as refused:
        return refused
    return signed.checked()


def _read(body: bytes) -> BasicResponse:
    if len(body) > MAX_RESPONSE_BYTES:
        raise AnswerRefused(Cause.TOO_LARGE, f"more than {MAX_RESPONSE_BYTES} bytes")
    answer = parse_response(body)
    if isinstance(answer, ErrorResponse):
        raise AnswerRefused(_REFUSALS[answer.status])
    return answer


def _cause_of(wrong: PkiError) -> Cause:
    if isinstance(wrong, BadSignature):
        return Cause.BAD_SIGNATURE
    return Cause.UNSUPPORTED if isinstance(wrong, Unsupported) else Cause.MALFORMED


def _find(singles: tuple[SingleResponse, ...], subject: Subject) -> tuple[int, SingleResponse]:
    found = [
        (index, each)
        for index, each in enumerate(singles)
        if each.cert_id.names(subject.identity, subject.serial)
    ]
    if not found:
        raise AnswerRefused(Cause.OTHER_CERTIFICATE)
    if len(found) > 1:
        # Nothing says which one holds, even where they agree today.
        raise AnswerRefused(Cause.AMBIGUOUS)
    return found[0]


def _require_nonce(received: bytes | None, sent: bytes | None, mode: Nonce) -> None:
    if mode is Nonce.OFF:
        return
    if received is None:
        if mode is not Nonce.OPPORTUNISTIC:
            raise AnswerRefused(Cause.NONCE_MISSING)
    elif received != sent:
        raise AnswerRefused(Cause.NONCE_DIFFERS)
