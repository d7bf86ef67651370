"""One holder of a key or secret, as the gate compiles it: its agreements, and what they say.

Applying the rules takes some 20 µs, so what they said to a question is kept until the next
moment at which one of them may change its mind. Not for finding a party: that is the gate's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tashika.pki.profile import Family
from tashika_server.agreements.limits import Allowance, Bucket, Buckets
from tashika_server.agreements.refusals import AccessRefused, Grounds
from tashika_server.agreements.rules import (
    Objection,
    Question,
    Seat,
    boundaries,
    granted_purpose,
    objection,
)
from tashika_server.agreements.terms import Environment, Method, Network, Purpose
from tashika_server.log import get_log

__all__ = ["Party", "Permit", "Verdict"]

log = get_log()

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
_AFTER_ALL = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Leave to answer one question; what the usage record says about the asker."""

    verifier: str
    agreement: str
    version: int
    credential: str
    holder: str | None
    environment: Environment
    family: Family
    issuer: str
    method: Method
    purpose: Purpose
    receipts: bool = False
    """Whether the answer is to carry a receipt."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say to one question from `begin` until before `end`."""

    begin: datetime
    end: datetime
    permit: Permit | None
    most: int
    networks: tuple[Network, ...]
    buckets: tuple[Bucket, ...]
    refusal: type[AccessRefused]
    grounds: Grounds


class Party:
    """Who holds one key or secret, with the seats it has and the verdicts found so far."""

    __slots__ = ("seats", "verdicts", "verifier")

    def __init__(self) -> None:
        self.seats: list[Seat] = []
        self.verifier: str | None = None
        """None where several verifiers have registered the same thing: nobody can be charged."""
        self.verdicts: dict[tuple[Family, str, Method, Purpose | None], Verdict] = {}

    def add(self, seat: Seat) -> None:
        """Give the party one more agreement, or one more version of one."""
        verifier = seat.terms.verifier
        if not self.seats:
            self.verifier = verifier
        elif self.verifier != verifier:
            log.error("credential_shared", credential=seat.credential.id, verifier=verifier)
            self.verifier = None
        self.seats.append(seat)

    @property
    def grounds(self) -> Grounds:
        """What a refusal says that no rule decided."""
        return _grounds(self.seats[0], None)

    def judge(self, question: Question, at: datetime, buckets: Buckets) -> Verdict:
        """Apply the rules, and keep the verdict while they cannot change their mind."""
        seat, objected = _seat_for(self.seats, question, at)
        moments = [moment for seat in self.seats for moment in boundaries(seat)]
        verdict = self.verdicts[question] = Verdict(
            begin=max((each for each in moments if each <= at), default=_BEFORE_ALL),
            end=min((each for each in moments if each > at), default=_AFTER_ALL),
            permit=None if objected else _permit(seat, question),
            most=seat.terms.max_cert_ids,
            networks=seat.terms.networks,
            buckets=() if objected else _buckets_for(seat, buckets),
            refusal=objected.refusal if objected else AccessRefused,
            grounds=_grounds(seat, objected),
        )
        return verdict


def _seat_for(
    seats: Sequence[Seat], question: Question, at: datetime
) -> tuple[Seat, Objection | None]:
    """Choose the first seat that lets the question through, else the one that came furthest."""
    furthest = seats[0], objection(seats[0], question, at)
    for seat in seats[1:]:
        if furthest[1] is None:
            break
        objected = objection(seat, question, at)
        if objected is None or objected.rule > furthest[1].rule:
            furthest = seat, objected
    return furthest


def _buckets_for(seat: Seat, buckets: Buckets) -> tuple[Bucket, ...]:
    terms, credential, _ = seat
    most = terms.max_cert_ids
    whole = Allowance(rate=terms.rate, burst=terms.burst, daily=terms.daily, most=most)
    shared = buckets.bucket(terms.agreement, whole)
    rate, burst = credential.rate, credential.burst
    if rate is None or burst is None:
        return (shared,)
    own = Allowance(rate=rate, burst=burst, daily=None, most=min(most, burst))
    return shared, buckets.bucket(credential.id, own)


def _permit(seat: Seat, question: Question) -> Permit:
    terms, credential, environment = seat
    return Permit(
        verifier=terms.verifier,
        agreement=terms.agreement,
        version=terms.version,
        credential=credential.id,
        holder=credential.holder,
        environment=environment,
        family=question.family,
        issuer=question.issuer,
        method=question.method,
        purpose=granted_purpose(terms, question),
        receipts=terms.receipts,
    )


def _grounds(seat: Seat, objected: Objection | None) -> Grounds:
    halt = objected.halt if objected else None
    return Grounds(
        verifier=seat.terms.verifier,
        agreement=seat.terms.agreement,
        version=seat.terms.version,
        credential=seat.credential.id,
        holder=seat.credential.holder or "",
        halt=halt.id or "" if halt else "",
        ground=halt.ground if halt else "",
        article=halt.article if halt else "",
    )
