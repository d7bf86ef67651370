"""The whole matrix: category x family x method x state x credential, answer or exact refusal.

A verifier of each category is led from state to state by the registry's verbs; in each of them
its agreement is compiled, and the gate is asked with every credential, on both databases. What
is expected is written down here, not taken from our own tables.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum, auto
from ipaddress import ip_address
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

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
from tashika_server.agreements.errors import NotEntitled
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
    """Where a verifier's provision stands, in the order of its life."""

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


@dataclass
class Party:
    """A verifier of one category, and what it shows."""

    category: Category
    verifier: str = ""
    agreement: str = ""
    proofs: Proofs = field(default_factory=dict)
    suspended: list[Any] = field(default_factory=list)

    @property
    def held(self) -> frozenset[Family]:
        return MAY_HOLD[self.category]

    def notify(self, change: Change) -> None:
        range_ = "all" if self.category in BODIES else None
        for family in sorted(self.held & BY_LAW):
            registry.add_notification(
                change, self.verifier, family=family, received_at=change.at, confirmers=range_
            )

    def draft(self, change: Change) -> None:
        self.verifier = registry.add_verifier(
            change, name=self.category, category=self.category, act=ActVersion.IN_FORCE_2024
        ).id
        self.notify(change)
        if self.category in ACCREDITED:
            registry.add_accreditation(change, self.verifier, reference="1", term=YEAR)
        grants = tuple(
            Grant(family=family, method=method)
            for family, method in product(Family, Method)
            if may_be_granted(self.category, family, method)
        )
        self.agreement = registry.add_agreement(
            change,
            self.verifier,
            environment=Environment.PRODUCTION,
            period=YEAR,
            scope=Scope(grants=grants, burst=10_000, path_tokens=True),
            issuers={},
        ).id
        for kind, condition in product(CredentialKind, Condition):
            self.proofs[kind, condition] = drawn(self.agreement, kind, condition)[1]

    def advance(self, change: Change, step: Step) -> None:
        registry.advance_agreement(change, self.agreement, step)

    def equip(self, change: Change) -> None:
        for proof in self.proofs:
            self.proofs[proof] = equip(change, self.agreement, *proof)

    def suspend(self, change: Change, families: Iterable[Family]) -> None:
        for family in sorted(families):
            order = Suspend(verifier=self.verifier, ground=GROUNDS[family], reason="a breach")
            self.suspended.append(registry.submit(change, order, two_person=()))

    def withdraw(self, change: Change) -> None:
        for family in self.held & BY_LAW:
            registry.withdraw_notification(change, self.verifier, family=family)

    def resume(self, change: Change) -> None:
        for each in self.suspended:
            order = Resume(suspension=each.id, reason="over")
            registry.submit(change, order, two_person=())


MOVES: dict[State, Callable[[Party, Change], object]] = {
    State.DRAFT: Party.draft,
    State.NOTIFIED: lambda its, change: its.advance(change, Step.NOTIFY),
    State.AGREED: lambda its, change: (its.advance(change, Step.AGREE), its.equip(change)),
    State.ACTIVE: lambda its, change: its.advance(change, Step.ACTIVATE),
    State.SIGNATURE_SUSPENDED: lambda its, change: its.suspend(change, {SIGNATURE}),
    State.ALL_SUSPENDED: lambda its, change: its.suspend(
        change, its.held - {each.family for each in its.suspended}
    ),
    State.RESUMED: Party.resume,
    State.NOTIFICATION_WITHDRAWN: Party.withdraw,
    State.ACCREDITATION_REVOKED: lambda its, change: (
        its.notify(change),
        registry.revoke_accreditation(change, its.verifier),
    ),
    State.ENDED: lambda its, change: registry.end_agreement(change, its.agreement),
}
"""What leads to each state from the one before."""
GROUNDS = {
    SIGNATURE: Ground.SIGNATURE_DUTY,
    USER_AUTH: Ground.USER_AUTH_DUTY,
    OTHER: Ground.AGREEMENT_BREACH,
}


def equip(change: Change, agreement: str, kind: CredentialKind, condition: Condition) -> Presented:
    """Issue a credential and return how it is shown."""
    order, shown = drawn(agreement, kind, f"{agreement} {condition}")
    if condition is Condition.EXPIRED:
        order = replace(order, valid_to=change.at + timedelta(hours=1))
    issued = registry.submit(change, order, two_person=())
    assert isinstance(issued, Issued)
    if condition is Condition.WITHDRAWN:
        registry.end_credential(change, issued.registered.id)
    if issued.secret:
        digest = secret_digest(issued.secret)
        where = "token" if kind is CredentialKind.TOKEN else "path_token"
        shown = shown._replace(**{where: digest})
    return shown


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


# --- Asking -------------------------------------------------------------------------------------


@pytest.fixture
def buckets(tmp_path: Path) -> Iterator[Buckets]:
    made = Buckets(tmp_path / "limits", workers=1, monotonic=lambda: 0.0)
    yield made
    made.close()


def test_every_cell_of_the_matrix(book: Book, buckets: Buckets):
    parties = {category: Party(category) for category in Category}
    heard: dict[Case, type[r.AccessRefused] | None] = {}
    for day, state in enumerate(State):
        there = [party for party in parties.values() if is_possible(party.category, state)]
        with book.writing(actor="sato", at=START + day * DAY) as change:
            for party in there:
                MOVES[state](party, change)
        at = START + day * DAY + DAY / 2
        with book.reading() as connection:
            terms = registry.compile_terms(connection, at)
        gate = Gate(terms, environment=Environment.PRODUCTION, buckets=buckets)
        for party in there:
            shown = {**party.proofs, (None, Condition.SOUND): Presented(HERE)}
            for (proof, presented), family, method in product(shown.items(), Family, Method):
                case = Case(party.category, state, *proof, family, method)
                heard[case] = refused(gate, presented, family, method, at)
    assert len(heard) == 81 * 16 * 3 * 4
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
            draft["issuers"] = {}
            if family in MAY_HOLD[category]:
                assert registry.add_agreement(change, party.id, **draft).newest.scope == scope
            else:
                with pytest.raises(NotEntitled, match=str(category)):
                    registry.add_agreement(change, party.id, **draft)
