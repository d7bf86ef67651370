"""Every condition of an agreement: alone amiss, it alone is the reason."""

from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from support.verifiers import (
    AT,
    DAY,
    ISSUER,
    SOURCE,
    TOKEN,
    ask,
    credential,
    gate_of,
    suspension,
    terms,
)
from tashika.pki.profile import Family
from tashika_server.agreements import refusals as r
from tashika_server.agreements.gate import Permit
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.presented import Presented
from tashika_server.agreements.rules import RULES
from tashika_server.agreements.terms import (
    CredentialKind,
    Environment,
    Grant,
    HaltKind,
    Method,
    Purpose,
    secret_digest,
)

ONE_ISSUER = Grant(
    family=Family.SIGNATURE,
    method=Method.OCSP,
    issuers=frozenset({ISSUER}),
    purposes=frozenset({Purpose.SIGNATURE_VERIFICATION}),
)
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Case:
    """One deviation from what is allowed: in the agreement, the credential or the question."""

    refusal: type[r.AccessRefused] | None
    terms: dict[str, Any] = field(default_factory=dict)
    credential: dict[str, Any] = field(default_factory=dict)
    question: dict[str, Any] = field(default_factory=dict)


def halted(**changes: Any) -> dict[str, Any]:
    return {"halts": (suspension(**changes),)}


CASES = {
    "nothing amiss": Case(None),
    # credential
    "no credential": Case(r.NoCredential, question={"presented": Presented(SOURCE)}),
    "wrong token": Case(
        r.UnknownCredential, question={"presented": Presented(SOURCE, secret_digest("guess"))}
    ),
    "token in the path": Case(
        r.UnknownCredential, question={"presented": Presented(SOURCE, path_token=TOKEN)}
    ),
    "path token in a header": Case(
        r.UnknownCredential, credential={"kind": CredentialKind.PATH_TOKEN}
    ),
    "path token": Case(
        None,
        credential={"kind": CredentialKind.PATH_TOKEN},
        question={"presented": Presented(SOURCE, path_token=TOKEN)},
    ),
    "credential from now": Case(None, credential={"valid_from": AT}),
    "credential not begun": Case(r.CredentialNotBegun, credential={"valid_from": AT + TICK}),
    "credential to a moment on": Case(None, credential={"valid_to": AT + TICK}),
    "credential ended": Case(r.CredentialEnded, credential={"valid_to": AT}),
    "credential revoked": Case(r.CredentialRevoked, credential={"revoked_at": AT}),
    "credential revoked later": Case(None, credential={"revoked_at": AT + TICK}),
    # agreement
    "environment": Case(r.OtherEnvironment, terms={"environment": Environment.TEST}),
    "agreement from now": Case(None, terms={"valid_from": AT}),
    "agreement not begun": Case(r.AgreementNotBegun, terms={"valid_from": AT + TICK}),
    "agreement ended": Case(r.AgreementEnded, terms={"valid_to": AT}),
    "agreement open-ended": Case(None, terms={"valid_to": None}),
    # halts
    "not notified": Case(r.NotNotified, terms=halted(kind=HaltKind.NOTIFICATION)),
    "accreditation lapsed": Case(r.AccreditationLapsed, terms=halted(kind=HaltKind.ACCREDITATION)),
    "suspended": Case(r.ProvisionSuspended, terms=halted()),
    "suspended from now": Case(r.ProvisionSuspended, terms=halted(since=AT)),
    "suspended later": Case(None, terms=halted(since=AT + TICK)),
    "suspended until now": Case(None, terms=halted(until=AT)),
    "suspended until later": Case(r.ProvisionSuspended, terms=halted(until=AT + TICK)),
    "this family suspended": Case(r.ProvisionSuspended, terms=halted(family=Family.SIGNATURE)),
    "the other family suspended": Case(None, terms=halted(family=Family.USER_AUTH)),
    "another tenant suspended": Case(
        None, terms=halted(holder="T-2"), credential={"holder": "T-1"}
    ),
    "this tenant suspended": Case(
        r.ProvisionSuspended, terms=halted(holder="T-1"), credential={"holder": "T-1"}
    ),
    "a tenant suspended, the platform asks": Case(None, terms=halted(holder="T-1")),
    "the platform suspended, a tenant asks": Case(
        r.ProvisionSuspended, terms=halted(), credential={"holder": "T-1"}
    ),
    # scope
    "family": Case(r.FamilyNotGranted, question={"family": Family.USER_AUTH}),
    "no scope at all": Case(r.FamilyNotGranted, terms={"grants": ()}),
    "method": Case(r.MethodNotGranted, question={"method": Method.FILE}),
    "issuer named": Case(None, terms={"grants": (ONE_ISSUER,)}),
    "issuer": Case(
        r.IssuerNotGranted, terms={"grants": (ONE_ISSUER,)}, question={"issuer": "signature-g2"}
    ),
    "purpose": Case(
        r.PurposeNotGranted,
        terms={"grants": (ONE_ISSUER,)},
        question={"purpose": Purpose.CURRENT_STATUS},
    ),
    "method of another family's line": Case(
        r.MethodNotGranted,
        terms={"grants": (ONE_ISSUER, Grant(family=Family.USER_AUTH, method=Method.FILE))},
        question={"method": Method.FILE},
    ),
    # the request
    "signature": Case(r.SignatureMissing, terms={"signed_required": True}),
    "no file is signed": Case(
        None,
        terms={
            "signed_required": True,
            "grants": (Grant(family=Family.SIGNATURE, method=Method.FILE),),
        },
        question={"method": Method.FILE},
    ),
    "network allowed": Case(None, terms={"networks": (ip_network("192.0.2.0/24"),)}),
    "second network": Case(
        None, terms={"networks": (ip_network("2001:db8::/32"), ip_network("192.0.2.7/32"))}
    ),
    "network": Case(r.SourceNotAllowed, terms={"networks": (ip_network("198.51.100.0/24"),)}),
    "network of IPv6": Case(
        r.SourceNotAllowed,
        terms={"networks": (ip_network("192.0.2.0/24"),)},
        question={"presented": Presented(ip_address("2001:db8::1"), TOKEN)},
    ),
    "as many as agreed": Case(None, question={"certificates": 16}),
    "too many": Case(r.TooManyForAgreement, question={"certificates": 17}),
    "burst": Case(
        r.TooFast, terms={"burst": 4, "max_cert_ids": 4, "rate": 1e-6}, question={"again": 5}
    ),
    "burst of the credential": Case(
        r.TooFast, credential={"rate": 1e-6, "burst": 4}, question={"again": 5}
    ),
    "day": Case(r.DayIsFull, terms={"daily": 4}, question={"again": 5}),
    "day not full": Case(None, terms={"daily": 4}, question={"again": 4}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_one_thing_amiss_is_the_reason_and_nothing_else(case: Case, buckets: Buckets):
    agreed = terms(credentials=(credential(**case.credential),), **case.terms)
    gate = gate_of(buckets, agreed)
    question = dict(case.question)
    for _ in range(question.pop("again", 1) - 1):
        ask(gate, **question)
    if case.refusal is None:
        permit = ask(gate, **question)
        assert (permit.agreement, permit.credential) == ("A-000001", "C-000001")
    else:
        with pytest.raises(case.refusal) as refused:
            ask(gate, **question)
        assert type(refused.value) is case.refusal


def test_the_matrix_has_every_rule():
    tried = {case.refusal for case in CASES.values()}
    assert {refusal for refusal, _ in RULES} <= tried


@pytest.mark.parametrize("again", range(2))
def test_a_permit_says_what_the_usage_record_needs(buckets: Buckets, again: int):
    gate = gate_of(buckets, terms(version=3, credentials=(credential(holder="T-7"),)))
    for _ in range(again + 1):
        permit = ask(gate, purpose=Purpose.CURRENT_STATUS)
    assert permit == Permit(
        verifier="V-000001",
        agreement="A-000001",
        version=3,
        credential="C-000001",
        holder="T-7",
        environment=Environment.PRODUCTION,
        family=Family.SIGNATURE,
        issuer=ISSUER,
        method=Method.OCSP,
        purpose=Purpose.CURRENT_STATUS,
    )


@pytest.mark.parametrize("only", list(Purpose))
def test_who_cannot_state_a_purpose_asks_for_the_one_agreed(buckets: Buckets, only: Purpose):
    grant = Grant(family=Family.SIGNATURE, method=Method.OCSP, purposes=frozenset({only}))
    assert ask(gate_of(buckets, terms(grants=(grant,))), purpose=None).purpose is only


def test_who_states_no_purpose_verifies_signatures_where_both_are_agreed(buckets: Buckets):
    assert ask(gate_of(buckets, terms()), purpose=None).purpose is Purpose.SIGNATURE_VERIFICATION


def test_the_grounds_name_what_decided(buckets: Buckets):
    gate = gate_of(buckets, terms(halts=(suspension(),)))
    with pytest.raises(r.ProvisionSuspended) as refused:
        ask(gate)
    assert refused.value.grounds == r.Grounds(
        verifier="V-000001",
        agreement="A-000001",
        version=1,
        credential="C-000001",
        halt="S-000001",
        ground="breach",
        article="2013 18(4)(i)",
    )


def test_halts_are_named_in_the_order_of_the_act(buckets: Buckets):
    kinds = list(HaltKind)
    gate = gate_of(buckets, terms(halts=tuple(suspension(kind=kind) for kind in kinds[::-1])))
    with pytest.raises(r.NotNotified):
        ask(gate)


# --- several agreements ---------------------------------------------------------------------


def user_auth(**changes: Any):
    grants = (Grant(family=Family.USER_AUTH, method=Method.OCSP),)
    return terms(agreement="A-000002", grants=grants, **changes)


def test_one_credential_serves_several_agreements(buckets: Buckets):
    gate = gate_of(buckets, terms(), user_auth())
    assert ask(gate).agreement == "A-000001"
    assert ask(gate, family=Family.USER_AUTH).agreement == "A-000002"


def test_of_several_agreements_the_one_that_came_furthest_is_the_reason(buckets: Buckets):
    gate = gate_of(buckets, terms(), user_auth(halts=(suspension(),)))
    with pytest.raises(r.FamilyNotGranted):
        ask(gate, family=Family.OTHER)
    assert ask(gate).agreement == "A-000001"
    with pytest.raises(r.MethodNotGranted) as refused:
        ask(gate, method=Method.FILE)
    assert refused.value.grounds.agreement == "A-000001"


def test_the_next_version_takes_over_at_its_time(buckets: Buckets):
    change = AT + DAY
    gate = gate_of(
        buckets, terms(valid_to=change), terms(version=2, valid_from=change, max_cert_ids=1)
    )
    assert ask(gate, certificates=2, at=change - TICK).version == 1
    assert ask(gate, at=change).version == 2
    with pytest.raises(r.TooManyForAgreement):
        ask(gate, certificates=2, at=change)


def test_what_two_verifiers_have_registered_is_nobodys(buckets: Buckets):
    gate = gate_of(buckets, terms(), terms(agreement="A-000002", verifier="V-000002"))
    with pytest.raises(r.CredentialsDisagree):
        ask(gate)


def test_nobody_is_let_in_where_there_are_no_agreements(buckets: Buckets):
    with pytest.raises(r.UnknownCredential):
        ask(gate_of(buckets))
