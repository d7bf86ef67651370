"""User authentication (Act art. 38): a challenge of ours, signed with the user's certificate."""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from datetime import datetime

from tashika.driving import Answer, drive
from tashika.errors import SignatureRefused, WrongUse
from tashika.signature.causes import SignatureCause
from tashika.signature.challenge import Challenge, ChallengeStore, RelyingParty
from tashika.signature.driving import nothing
from tashika.signature.flow import Terms, verifying
from tashika.signature.presented import Form
from tashika.signature.report import KeyUse, SignatureReport
from tashika.signature.submitted import Certificate, Submitted
from tashika.status.stapled import Stapled


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Login:
    """What comes back from the user: the challenge, its signature and the certificate."""

    challenge: bytes
    signature: bytes
    """Over the challenge, by the key's usual hash; a card may be given Challenge.digest."""
    certificate: Certificate
    stapled: Stapled = field(default_factory=Stapled)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TakeChallenge:
    """What the flow wants first: close this challenge, and send back whether it was open."""

    challenge: Challenge


def authenticating(
    login: Login,
    party: RelyingParty,
    terms: Terms,
    *,
    received_at: datetime,
    now: datetime | None = None,
) -> Generator[object, object, SignatureReport]:
    """Verify a login without input or output.

    1. The challenge is one of ours: well formed, for this relying party, not expired.
    2. It was open. From here on it is spent, whatever else is found: a second try needs a
       new one, also where two arrive at once.
    3. All of verifying(), over the challenge, by a certificate to log in with.

    Yields a TakeChallenge, and then what the judge wants. Raises WrongUse only.
    """
    if terms.use is not KeyUse.AUTHENTICATION:
        terms = replace(terms, use=KeyUse.AUTHENTICATION)
    if received_at.tzinfo is None:
        raise WrongUse("pass times with their zone, such as datetime.now(UTC)")
    try:
        # 1
        challenge = Challenge(message=login.challenge)
        challenge.require_for(party, at=received_at)
        # 2
        if (yield TakeChallenge(challenge=challenge)) is not True:
            raise SignatureRefused(SignatureCause.CHALLENGE_SPENT)
    except SignatureRefused as refused:
        return SignatureReport(
            verdict=refused.cause,
            purpose=terms.purpose,
            use=terms.use,
            received_at=received_at,
            at=received_at,
            judged_at=now or received_at,
            detail=refused.detail,
        )
    # 3
    submitted = Submitted(
        signature=login.signature,
        document=login.challenge,
        certificate=login.certificate,
        form=Form.RAW,
        stapled=login.stapled,
    )
    return (yield from verifying(submitted, terms, received_at=received_at, now=now))


def verify_authentication(
    login: Login,
    party: RelyingParty,
    terms: Terms,
    *,
    challenges: ChallengeStore,
    received_at: datetime,
    answer: Answer = nothing,
) -> SignatureReport:
    """Verify a login in one call; the steps are authenticating()'s.

    ``terms.use`` is AUTHENTICATION whatever it says. Raises WrongUse, and what
    ``challenges`` and ``answer`` raise.
    """

    def answering(wanted: object) -> object:
        if isinstance(wanted, TakeChallenge):
            return challenges.take(wanted.challenge)
        return answer(wanted)

    return drive(authenticating(login, party, terms, received_at=received_at), answering)
