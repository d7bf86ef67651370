"""Old signatures: what data of another time says about the time of signing.

RFC 5280 3.3: an issuer may drop who has expired, so what was made after a certificate's end clears
nobody. RFC 6960 4.4.4: unless an answer says how far back its archive goes. Whether the signing
time is proved, and archived data as old as it says, is for the caller to know.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from tashika.causes import Cause
from tashika.errors import AnswerRefused
from tashika.freshness import require_fresh
from tashika.ocsp import CheckedAnswer, Question, read_signed, verify_answer
from tashika.path.status import Settled, Status, StatusNeed, StatusSource
from tashika.pki.standing import Good, Reason, Revoked
from tashika.policy import Policy
from tashika.status.policy import LaterRevocation

_HARMLESS = frozenset(
    {Reason.AFFILIATION_CHANGED, Reason.SUPERSEDED, Reason.CESSATION_OF_OPERATION}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedLater:
    """Evidence that a certificate was revoked after the time that the check is about."""

    revoked: Revoked


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """Takes a revocation after the time of the check for what the policy says it is.

    Only of the certificate that is checked: CAs above it and signers of lists are gone with
    their key, since data that was made later, by whoever has it now, could say anything.
    """

    source: StatusSource
    later: LaterRevocation

    def status(self, need: StatusNeed) -> Status:
        """Answer as the source does, but Good, visibly, for a revocation that came too late."""
        answer = self.source.status(need)
        if not isinstance(answer, Settled) or not isinstance(answer.standing, Revoked):
            return answer
        if not self._leaves_alone(answer.standing, need):
            return answer
        seen = RevokedLater(revoked=answer.standing)
        return replace(answer, standing=Good(), evidence=(*answer.evidence, seen))

    def _leaves_alone(self, revoked: Revoked, need: StatusNeed) -> bool:
        since = revoked.invalid_since
        if min(revoked.at, since or revoked.at) <= need.at:
            return False
        if revoked.reason in _HARMLESS:
            return True
        is_last = need.certificate is need.chain.certificates[-1] and not need.waiting
        return is_last and (self.later is LaterRevocation.LEAVES or since is not None)


def verify_answer_then(
    body: bytes,
    question: Question,
    policy: Policy,
    *,
    ends: datetime,
    at: datetime,
    now: datetime,
) -> CheckedAnswer:
    """Check an answer that speaks of ``at``, be it of that time or made later, up to ``now``.

    1. One with a nonce of ours was asked for now: all of verify_answer() holds for it, now.
       Any other was signed by a responder that had the authority when it signed.
    2. It was not made later than now.
    3. It was in force at ``at``, or was made later.
    4. If made later, it was before ``ends``, the end of the certificate, or its archive
       goes back that far.

    Raises AnswerRefused.
    """
    # 1
    if question.nonce is not None:
        answer = verify_answer(body, question, policy, at=now)
    else:
        answer = read_signed(body, question.subject, policy, at=None).checked()
    # 2
    if max(answer.this_update, answer.produced_at) - now > policy.skew:
        raise AnswerRefused(Cause.FROM_THE_FUTURE)
    # 3
    if answer.this_update <= at:
        require_fresh(
            this_update=answer.this_update,
            next_update=answer.next_update,
            produced_at=answer.this_update,
            policy=policy,
            at=at,
        )
    # 4
    elif min(answer.this_update, answer.archive_cutoff or answer.this_update) > ends:
        raise AnswerRefused(Cause.TOO_OLD, "it was made after the certificate's end")
    return answer
