"""The rules of an agreement as one ordered table: what each refuses, and when it objects.

They depend on the credential, the question and the time only, so the gate keeps a verdict until
the next moment at which one of them could change its mind. What depends on the single request
(source, number, rate) is not here.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from tashika.pki.profile import Family
from tashika_server.agreements.refusals import (
    AccessRefused,
    AccreditationLapsed,
    AgreementEnded,
    AgreementNotBegun,
    CredentialEnded,
    CredentialNotBegun,
    CredentialRevoked,
    FamilyNotGranted,
    IssuerNotGranted,
    MethodNotGranted,
    NotNotified,
    OtherEnvironment,
    ProvisionSuspended,
    PurposeNotGranted,
    SignatureMissing,
)
from tashika_server.agreements.terms import (
    Credential,
    CredentialKind,
    Environment,
    Grant,
    Halt,
    HaltKind,
    Method,
    Purpose,
    Terms,
)

__all__ = [
    "RULES",
    "Objection",
    "Question",
    "Seat",
    "boundaries",
    "granted_purpose",
    "objection",
]


class Seat(NamedTuple):
    """One credential under one version of one agreement, at a service for one environment."""

    terms: Terms
    credential: Credential
    environment: Environment


class Question(NamedTuple):
    """What is asked, as far as an agreement cares."""

    family: Family
    issuer: str
    method: Method
    purpose: Purpose | None
    """None where the caller cannot state one: whatever the agreement grants will do."""


class Objection(NamedTuple):
    """What the first rule that objects says; the greater `rule`, the further it came."""

    rule: int
    refusal: type[AccessRefused]
    halt: Halt | None


Rule = Callable[[Seat, Question, datetime], Halt | bool | None]
"""Returns something true where it objects; the halt, where one stands in the way."""

Trait = Callable[[Grant, Question], bool]


def _halted(kind: HaltKind) -> Rule:
    def find(seat: Seat, question: Question, at: datetime) -> Halt | None:
        for halt in seat.terms.halts:
            if (
                halt.kind is kind
                and halt.since <= at
                and not _past(halt.until, at)
                and halt.family in (None, question.family)
                and halt.method in (None, question.method)
                and halt.holder in (None, seat.credential.holder)
            ):
                return halt
        return None

    return find


def _past(end: datetime | None, at: datetime) -> bool:
    return end is not None and at >= end


def _of_family(grant: Grant, question: Question) -> bool:
    return grant.family is question.family


def _by_method(grant: Grant, question: Question) -> bool:
    return grant.method is question.method


def _of_issuer(grant: Grant, question: Question) -> bool:
    return grant.issuers is None or question.issuer in grant.issuers


def _for_purpose(grant: Grant, question: Question) -> bool:
    return question.purpose in grant.purposes if question.purpose else bool(grant.purposes)


def _ungranted(*traits: Trait) -> Rule:
    """Object where no line of the scope has all these traits."""
    return lambda seat, question, _at: (
        not any(all(trait(grant, question) for trait in traits) for grant in seat.terms.grants)
    )


RULES: tuple[tuple[type[AccessRefused], Rule], ...] = (
    (CredentialRevoked, lambda seat, _, at: _past(seat.credential.revoked_at, at)),
    (CredentialNotBegun, lambda seat, _, at: at < seat.credential.valid_from),
    (CredentialEnded, lambda seat, _, at: _past(seat.credential.valid_to, at)),
    (OtherEnvironment, lambda seat, _, _at: seat.terms.environment is not seat.environment),
    (AgreementNotBegun, lambda seat, _, at: at < seat.terms.valid_from),
    (AgreementEnded, lambda seat, _, at: _past(seat.terms.valid_to, at)),
    (NotNotified, _halted(HaltKind.NOTIFICATION)),
    (AccreditationLapsed, _halted(HaltKind.ACCREDITATION)),
    (ProvisionSuspended, _halted(HaltKind.SUSPENSION)),
    (FamilyNotGranted, _ungranted(_of_family)),
    (MethodNotGranted, _ungranted(_of_family, _by_method)),
    (IssuerNotGranted, _ungranted(_of_family, _by_method, _of_issuer)),
    (PurposeNotGranted, _ungranted(_of_family, _by_method, _of_issuer, _for_purpose)),
    (
        SignatureMissing,
        lambda seat, question, _: (
            seat.terms.signed_required
            and question.method is Method.OCSP
            and seat.credential.kind is not CredentialKind.SIGNED_REQUEST
        ),
    ),
)


def objection(seat: Seat, question: Question, at: datetime) -> Objection | None:
    """Apply the rules in order; None lets the question through."""
    for number, (refusal, rule) in enumerate(RULES):
        if found := rule(seat, question, at):
            return Objection(number, refusal, found if isinstance(found, Halt) else None)
    return None


def granted_purpose(terms: Terms, question: Question) -> Purpose:
    """Say which purpose a question that the rules let through is for."""
    if question.purpose is not None:
        return question.purpose
    granted = {
        purpose
        for grant in terms.grants
        if _of_family(grant, question)
        and _by_method(grant, question)
        and _of_issuer(grant, question)
        for purpose in grant.purposes
    }
    return next(purpose for purpose in Purpose if purpose in granted)


def boundaries(seat: Seat) -> Iterator[datetime]:
    """List every moment at which a rule may change its mind about this seat."""
    terms, credential, _ = seat
    moments = [credential.valid_from, credential.valid_to, credential.revoked_at]
    moments += [terms.valid_from, terms.valid_to]
    moments += [moment for halt in terms.halts for moment in (halt.since, halt.until)]
    return (moment for moment in moments if moment is not None)
