"""The whole matrix: category x family x method x state x credential, answer or exact refusal.

Verifiers are led to each state by the registry's verbs, compiled, and asked for through the
gate, on both databases. What is expected is written down here, not taken from our own tables.
"""

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum, auto
from ipaddress import ip_address
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from support.registry import START, YEAR, certificate
from support.verifiers import issue, name, new_key
from tashika.pki.names import name_text
from tashika.pki.profile import Family
from tashika_server.agreements import refusals as r
from tashika_server.agreements import registry
from tashika_server.agreements.act import ActVersion, Category
from tashika_server.agreements.errors import NotEntitled, RegistryError
from tashika_server.agreements.gate import Asked, Gate
from tashika_server.agreements.grounds import Ground
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.presented import ClientCertificate, Presented
from tashika_server.agreements.registry import (
    IssueCredential,
    Issued,
    Resume,
    Scope,
    Step,
    Suspend,
    Suspension,
)
from tashika_server.agreements.terms import (
    CredentialKind,
    Environment,
    Grant,
    Method,
    secret_digest,
)
from tashika_server.book import Book, Change

DAY = timedelta(days=1)
HERE = ip_address("192.0.2.7")
SIGNATURE, USER_AUTH, OTHER = Family
BY_LAW = frozenset({SIGNATURE, USER_AUTH})
ANSWER = None


class State(StrEnum):
    """Where a verifier's provision stands."""

    DRAFT = auto()
    NOTIFIED = auto()
    AGREED = auto()
    ACTIVE = auto()
    SIGNATURE_SUSPENDED = auto()
    ALL_SUSPENDED = auto()
    RESUMED = auto()
    NOTIFICATION_WITHDRAWN = auto()
    ACCREDITATION_REVOKED = auto()
    ENDED = auto()


class Condition(StrEnum):
    """Where a credential stands."""

    SOUND = auto()
    EXPIRED = auto()
    WITHDRAWN = auto()


class Case(NamedTuple):
    """One cell of the matrix; `kind` None shows nothing."""

    category: Category
    state: State
    kind: CredentialKind | None
    condition: Condition
    family: Family
    method: Method


# --- What the Act and the agreement say ---------------------------------------------------------

EVERYTHING = frozenset(Family)
MAY_HOLD = {
    Category.ADMINISTRATIVE_ORGAN: EVERYTHING,
    Category.COURT: EVERYTHING,
    Category.FILING_INTERMEDIARY: EVERYTHING,
    Category.ACCREDITED_CERTIFIER: EVERYTHING,
    Category.SPECIFIED_CERTIFIER: EVERYTHING,
    Category.ACCREDITED_VERIFIER: EVERYTHING,
    Category.FILING_AGENTS_BODY: frozenset({SIGNATURE, OTHER}),
    Category.RECORD_SUPPLIERS_BODY: frozenset({SIGNATURE, OTHER}),
    Category.OTHER_PARTY: frozenset({OTHER}),
}
BODIES = {Category.FILING_AGENTS_BODY, Category.RECORD_SUPPLIERS_BODY}
ACCREDITED = {Category.SPECIFIED_CERTIFIER, Category.ACCREDITED_VERIFIER}
NOT_IN_FORCE = {State.DRAFT, State.NOTIFIED, State.AGREED}
STOPS = {
    State.SIGNATURE_SUSPENDED: (frozenset({SIGNATURE}), r.ProvisionSuspended),
    State.ALL_SUSPENDED: (EVERYTHING, r.ProvisionSuspended),
    State.NOTIFICATION_WITHDRAWN: (BY_LAW, r.NotNotified),
    State.ACCREDITATION_REVOKED: (BY_LAW, r.AccreditationLapsed),
}
SPOILT = {Condition.EXPIRED: r.CredentialEnded, Condition.WITHDRAWN: r.CredentialRevoked}


def is_possible(category: Category, state: State) -> bool:
    match state:
        case State.ACCREDITATION_REVOKED:
            return category in ACCREDITED
        case State.SIGNATURE_SUSPENDED | State.NOTIFICATION_WITHDRAWN:
            return SIGNATURE in MAY_HOLD[category]
    return True


def may_be_granted(category: Category, family: Family, method: Method) -> bool:
    """Corresponding numbers link signature to user authentication: 18(3), now 18(5)."""
    held = MAY_HOLD[category]
    if method is Method.CORRESPONDING:
        return family is SIGNATURE and held >= BY_LAW
    return family in held


def expected(case: Case) -> type[r.AccessRefused] | None:
    stopped, stop = STOPS.get(case.state, (frozenset(), None))
    granted = case.family in MAY_HOLD[case.category]
    reasons = (
        (case.kind is None, r.NoCredential),
        (case.state in NOT_IN_FORCE, r.UnknownCredential),
        (case.condition in SPOILT, SPOILT.get(case.condition)),
        (case.state is State.ENDED, r.AgreementEnded),
        (granted and case.family in stopped, stop),
        (not granted, r.FamilyNotGranted),
        (not may_be_granted(case.category, case.family, case.method), r.MethodNotGranted),
    )
    return next((reason for holds, reason in reasons if holds), ANSWER)


# --- Leading a verifier there -------------------------------------------------------------------

AUTHORITY = new_key()
AUTHORITY_PEM = certificate(key=AUTHORITY, authority=True, purposes=())
Proofs = dict[tuple[CredentialKind, Condition], Presented]


def begin(change: Change, category: Category, state: State) -> tuple[str, str, Proofs]:
    """Take a verifier as far as it gets on its first day."""
    held = MAY_HOLD[category]
    verifier = registry.add_verifier(
        change, name=f"{category} {state}", category=category, act=ActVersion.IN_FORCE_2024
    )
    for family in sorted(held & BY_LAW):
        range_ = "all" if category in BODIES else None
        registry.add_notification(
            change, verifier.id, family=family, received_at=START, confirmers=range_
        )
    if category in ACCREDITED:
        registry.add_accreditation(change, verifier.id, reference="1", term=YEAR)
    grants = tuple(
        Grant(family=family, method=method)
        for family, method in product(Family, Method)
        if may_be_granted(category, family, method)
    )
    agreement = registry.add_agreement(
        change,
        verifier.id,
        environment=Environment.PRODUCTION,
        period=YEAR,
        scope=Scope(grants=grants, burst=10_000, path_tokens=True),
    )
    steps = {State.DRAFT: 0, State.NOTIFIED: 1, State.AGREED: 2}.get(state, 3)
    for step in (Step.NOTIFY, Step.AGREE, Step.ACTIVATE)[:steps]:
        registry.advance_agreement(change, agreement.id, step)
    proofs = {
        (kind, condition): equip(change, agreement.id, kind, condition)
        for kind, condition in product(CredentialKind, Condition)
    }
    return verifier.id, agreement.id, proofs


def equip(change: Change, agreement: str, kind: CredentialKind, condition: Condition) -> Presented:
    """Issue a credential, if the agreement is far enough, and return how it is shown."""
    order, shown = drawn(agreement, kind, f"{agreement} {condition}")
    if condition is Condition.EXPIRED:
        order = IssueCredential(**named(order) | {"valid_to": START + DAY})
    try:
        issued = registry.submit(change, order, two_person=())
    except RegistryError:
        return shown
    assert isinstance(issued, Issued)
    if condition is Condition.WITHDRAWN:
        registry.end_credential(change, issued.registered.id)
    if issued.secret:
        digest = secret_digest(issued.secret)
        field = "token" if kind is CredentialKind.TOKEN else "path_token"
        shown = shown._replace(**{field: digest})
    return shown


def named(order: IssueCredential) -> dict[str, object]:
    return {field: getattr(order, field) for field in IssueCredential.__slots__}


def drawn(agreement: str, kind: CredentialKind, text: str) -> tuple[IssueCredential, Presented]:
    """Make what a credential is issued for, and show it; a token is a guess until it is issued."""
    pem = subject = None
    shown = Presented(HERE)
    key = new_key()
    match kind:
        case CredentialKind.TOKEN:
            shown = Presented(HERE, token=secret_digest(text))
        case CredentialKind.PATH_TOKEN:
            shown = Presented(HERE, path_token=secret_digest(text))
        case CredentialKind.MTLS_KEY:
            pem = certificate(key=key)
            shown = Presented(HERE, certificate=read(pem))
        case CredentialKind.SIGNED_REQUEST:
            pem = certificate(key=key)
            shown = Presented(HERE, signer=read(pem))
        case CredentialKind.MTLS_CA:
            pem, client = AUTHORITY_PEM, name(f"CN={text}")
            subject = name_text(client.public_bytes())
            shown = Presented(HERE, certificate=issue(AUTHORITY, key, client))
    order = IssueCredential(
        agreement=agreement, kind=kind, label=text, certificate=pem, subject=subject
    )
    return order, shown


def read(pem: str) -> ClientCertificate:
    loaded = x509.load_pem_x509_certificate(pem.encode())
    return ClientCertificate.read(loaded.public_bytes(Encoding.DER))


def move(change: Change, state: State, verifier: str, agreement: str, held: frozenset[Family]):
    """Let happen on the second day what makes the state."""
    match state:
        case State.SIGNATURE_SUSPENDED:
            suspend(change, verifier, SIGNATURE)
        case State.ALL_SUSPENDED:
            for family in held:
                suspend(change, verifier, family)
        case State.RESUMED:
            for family in held:
                resume = Resume(suspension=suspend(change, verifier, family).id, reason="over")
                registry.submit(change, resume, two_person=())
        case State.NOTIFICATION_WITHDRAWN:
            for family in held & BY_LAW:
                registry.withdraw_notification(change, verifier, family=family)
        case State.ACCREDITATION_REVOKED:
            registry.revoke_accreditation(change, verifier)
        case State.ENDED:
            registry.end_agreement(change, agreement)


GROUNDS = {
    SIGNATURE: Ground.SIGNATURE_DUTY,
    USER_AUTH: Ground.USER_AUTH_DUTY,
    OTHER: Ground.AGREEMENT_BREACH,
}


def suspend(change: Change, verifier: str, family: Family) -> Suspension:
    order = Suspend(verifier=verifier, ground=GROUNDS[family], reason="a breach")
    done = registry.submit(change, order, two_person=())
    assert isinstance(done, Suspension)
    return done


# --- Asking -------------------------------------------------------------------------------------


@pytest.fixture
def buckets(tmp_path: Path) -> Iterator[Buckets]:
    made = Buckets(tmp_path / "limits", workers=1, monotonic=lambda: 0.0)
    yield made
    made.close()


def test_every_cell_of_the_matrix(book: Book, buckets: Buckets):
    parties = [each for each in product(Category, State) if is_possible(*each)]
    with book.writing(actor="sato", at=START) as change:
        begun = {party: begin(change, *party) for party in parties}
    with book.writing(actor="sato", at=START + DAY) as change:
        for (category, state), (verifier, agreement, _) in begun.items():
            move(change, state, verifier, agreement, MAY_HOLD[category])
    at = START + 2 * DAY
    with book.reading() as connection:
        terms = registry.compile_terms(connection, at)
    gate = Gate(terms, environment=Environment.PRODUCTION, buckets=buckets)
    heard = {}
    for (category, state), (_, _, proofs) in begun.items():
        shown = {**proofs, (None, Condition.SOUND): Presented(HERE)}
        for (proof, presented), family, method in product(shown.items(), Family, Method):
            case = Case(category, state, *proof, family, method)
            heard[case] = refused(gate, presented, family, method, at)
    assert len(heard) == len(parties) * 16 * 3 * 4
    wrong = {case: heard[case] for case in heard if heard[case] is not expected(case)}
    assert wrong == {}


def refused(gate: Gate, shown: Presented, family: Family, method: Method, at):
    try:
        gate.authorise(gate.identify(shown), Asked(family, f"{family}-g3", 1), method, None, at)
    except r.AccessRefused as refusal:
        return type(refusal)
    return ANSWER


def test_what_the_act_does_not_give_is_not_agreed_in_the_first_place(book: Book):
    for category, family in product(Category, Family):
        scope = Scope(grants=(Grant(family=family, method=Method.OCSP),))
        with book.writing(actor="sato", at=START) as change:
            party = registry.add_verifier(
                change, name=f"for {family}", category=category, act=ActVersion.AMENDED_2013
            )
            draft = {"environment": Environment.PRODUCTION, "period": YEAR, "scope": scope}
            if family in MAY_HOLD[category]:
                assert registry.add_agreement(change, party.id, **draft).newest.scope == scope
            else:
                with pytest.raises(NotEntitled, match=str(category)):
                    registry.add_agreement(change, party.id, **draft)
