"""Stopping provision and resuming it: grounds, scope, the other family, the second person."""

from contextlib import nullcontext
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from support.registry import START, YEAR, Office
from tashika.pki.profile import Family
from tashika_server.agreements import registry
from tashika_server.agreements.act import ActVersion, Category
from tashika_server.agreements.errors import (
    BadPeriod,
    BadScope,
    Duplicate,
    NotEntitled,
    SamePerson,
    WrongState,
)
from tashika_server.agreements.grounds import GROUNDS, Ground
from tashika_server.agreements.holders import HolderKind
from tashika_server.agreements.proposals import Decision
from tashika_server.agreements.registry import (
    IssueCredential,
    Issued,
    Proposal,
    Resume,
    State,
    Suspend,
    Suspension,
)
from tashika_server.agreements.terms import CredentialKind
from tashika_server.book import Mode
from tashika_server.book.trail import entries
from tashika_server.policy import Guarded

SIGNATURE, USER_AUTH, OTHER = Family
DAY = timedelta(days=1)
BOTH = frozenset({Guarded.SUSPENSION, Guarded.RESUMPTION})


@pytest.fixture
def bank(office: Office):
    """A bank that asks for both families."""
    verifier = office.verifier()
    office.active(verifier, SIGNATURE)
    office.active(verifier, USER_AUTH)
    return verifier


@pytest.fixture
def body(office: Office):
    verifier = office.verifier(Category.FILING_AGENTS_BODY, name="Body")
    office.active(verifier)
    return verifier


def stop(verifier, ground=Ground.SIGNATURE_DUTY, reason="served others", **named: Any) -> Suspend:
    return Suspend(verifier=verifier.id, ground=ground, reason=reason, **named)


def states(office: Office, verifier) -> list[State]:
    with office.book.reading() as connection:
        standing = registry.suspensions(connection, verifier.id)
        return [
            registry.state(each, standing, office.at)
            for each in registry.agreements(connection, verifier.id)
        ]


def test_a_suspension_has_ground_actor_reason_scope_and_time(office: Office, bank):
    stopped = office.submit(stop(bank))
    assert stopped == Suspension(
        id="S-000001",
        verifier=bank.id,
        family=SIGNATURE,
        ground=Ground.SIGNATURE_DUTY,
        act=ActVersion.AMENDED_2013,
        reason="served others",
        since=START,
        suspended_by="sato",
    )
    assert stopped.article == "2013 18(4)(i)"
    assert states(office, bank) == [State.SUSPENDED, State.ACTIVE]


def test_an_agreement_ends_by_its_date_alone(office: Office, bank):
    office.at = YEAR.end
    assert states(office, bank) == [State.ENDED, State.ENDED]
    with pytest.raises(WrongState, match="no agreement in force"):
        office.submit(stop(bank))


def test_it_is_resumed_with_a_reason(office: Office, bank):
    stopped = office.submit(stop(bank))
    office.wait()
    office.actor = "suzuki"
    resumed = office.submit(Resume(suspension=stopped.id, reason="put right"))
    assert (resumed.until, resumed.resumed_by, resumed.resume_reason) == (
        office.at,
        "suzuki",
        "put right",
    )
    assert states(office, bank) == [State.ACTIVE, State.ACTIVE]
    with pytest.raises(WrongState, match="suzuki"):
        office.submit(Resume(suspension=stopped.id, reason="again"))
    office.submit(stop(bank))


def test_it_may_begin_later_and_be_taken_back_before(office: Office, bank):
    planned = office.submit(stop(bank, since=START + DAY))
    assert states(office, bank)[0] is State.ACTIVE
    office.wait()
    assert states(office, bank)[0] is State.SUSPENDED
    office.at = START
    resumed = office.submit(Resume(suspension=planned.id, reason="a mistake"))
    assert resumed.until == planned.since
    office.wait()
    assert states(office, bank)[0] is State.ACTIVE


def test_nothing_is_stopped_in_the_past(office: Office, bank):
    with pytest.raises(BadPeriod, match="past"):
        office.submit(stop(bank, since=START - DAY))


@pytest.mark.parametrize("order", [stop, None])
def test_a_reason_is_given(office: Office, bank, order):
    stopped = office.submit(stop(bank))
    if order:
        wrong = stop(bank, Ground.SIGNATURE_SECRECY, reason=" ")
    else:
        wrong = Resume(suspension=stopped.id, reason="")
    with pytest.raises(BadScope, match="reason"):
        office.submit(wrong)


def test_a_ground_stops_once_and_several_grounds_add_up(office: Office, bank):
    first = office.submit(stop(bank))
    with pytest.raises(Duplicate, match=first.id):
        office.submit(stop(bank))
    second = office.submit(stop(bank, Ground.SIGNATURE_SECRECY))
    office.submit(Resume(suspension=first.id, reason="put right"))
    assert states(office, bank)[0] is State.SUSPENDED
    office.submit(Resume(suspension=second.id, reason="put right"))
    assert states(office, bank)[0] is State.ACTIVE


def test_every_ground_applies_to_whom_it_is_about(office: Office, bank, body):
    other = office.verifier(Category.OTHER_PARTY, name="Other")
    office.active(other, OTHER)
    for ground, verifier in product(Ground, (bank, body, other)):
        facts = GROUNDS[ground]
        fits = facts.family in verifier.facts.families and (
            verifier.facts.has_confirmers or not facts.of_confirmers
        )
        provided = verifier is not bank or facts.family is not OTHER
        provided = provided and (verifier is not body or facts.family is SIGNATURE)
        refusal = WrongState if fits else NotEntitled
        refused = not (fits and provided and facts.follows is None)
        expected = pytest.raises(refusal) if refused else nullcontext()
        with office.change(Mode.REHEARSE) as change, expected:
            stopped = registry.submit(change, stop(verifier, ground), two_person=())
            assert stopped.family is facts.family


def test_only_what_is_provided_can_be_stopped(office: Office):
    verifier = office.verifier()
    office.draft(verifier)
    with pytest.raises(WrongState, match="no agreement in force that grants signature"):
        office.submit(stop(verifier))


# --- Holders --------------------------------------------------------------------------------


def test_a_single_confirmer_is_stopped(office: Office, body, bank):
    admit = (registry.admit_holder, body.id)
    ito = office.do(*admit, kind=HolderKind.CONFIRMER, name="Ito", period=YEAR)
    clerk = office.do(*admit, kind=HolderKind.PROCESSOR, name="Clerk", period=YEAR)
    stopped = office.submit(stop(body, Ground.CONFIRMER_DUTY, holder=ito.id))
    assert (stopped.holder, stopped.article) == (ito.id, "2013 18(5)(i)")
    assert states(office, body) == [State.ACTIVE]
    with pytest.raises(BadScope, match="not a confirmer"):
        office.submit(stop(body, Ground.CONFIRMER_DUTY, holder=clerk.id))
    with pytest.raises(BadScope, match="H-000001 belongs to V-000001"):
        office.submit(stop(bank, holder=ito.id))


# --- The other family -----------------------------------------------------------------------


def test_a_stop_of_one_family_is_proposed_for_the_other_and_decided_by_a_person(
    office: Office, bank
):
    stopped = office.submit(stop(bank, since=START + DAY))
    (proposal,) = office.see(registry.proposals)
    assert proposal == Proposal(
        id="P-000001",
        action=Guarded.SUSPENSION,
        order=stop(
            bank,
            Ground.USER_AUTH_FOLLOWS_SIGNATURE,
            reason=f"follows {stopped.id}",
            since=START + DAY,
            cause=stopped.id,
        ),
        proposed_by="sato",
        proposed_at=START,
        second_person=False,
    )
    office.wait(2 * DAY)
    follower = office.approve(proposal.id)
    assert (follower.family, follower.article) == (USER_AUTH, "2013 37(3)(vi)")
    assert (follower.cause, follower.since) == (stopped.id, office.at)
    assert states(office, bank) == [State.SUSPENDED, State.SUSPENDED]
    assert len(office.see(registry.proposals)) == 1


def test_the_resumption_is_proposed_likewise(office: Office, bank):
    stopped = office.submit(stop(bank))
    follower = office.approve("P-000001")
    office.wait()
    office.submit(Resume(suspension=stopped.id, reason="put right"))
    assert states(office, bank) == [State.ACTIVE, State.SUSPENDED]
    proposal = office.see(registry.find_proposal, "P-000002")
    assert proposal.order == Resume(
        suspension=follower.id, reason=f"{stopped.id}, which it follows, was resumed"
    )
    office.approve(proposal.id)
    assert states(office, bank) == [State.ACTIVE, State.ACTIVE]


def test_a_proposal_falls_with_its_cause(office: Office, bank):
    stopped = office.submit(stop(bank))
    office.submit(Resume(suspension=stopped.id, reason="a mistake"))
    fallen = office.see(registry.find_proposal, "P-000001")
    assert (fallen.state, fallen.remark) == (Decision.REJECTED, "S-000001 was resumed")
    again = office.submit(stop(bank))
    assert office.see(registry.find_proposal, "P-000002").order.cause == again.id


def test_no_ground_follows_what_is_not_stopped(office: Office, bank):
    with pytest.raises(WrongState, match=r"no suspension of signature .*2013 37\(3\)\(vi\)"):
        office.submit(stop(bank, Ground.USER_AUTH_FOLLOWS_SIGNATURE))


def test_the_same_is_proposed_only_once(office: Office, bank):
    first = office.submit(stop(bank))
    office.submit(stop(bank, Ground.SIGNATURE_SECRECY))
    assert len(office.see(registry.proposals)) == 1
    office.approve("P-000001")
    office.submit(stop(bank, Ground.SIGNATURE_PROCESSOR_SAFETY))
    assert len(office.see(registry.proposals)) == 1
    office.submit(Resume(suspension=first.id, reason="put right"))
    assert [each.action for each in office.see(registry.proposals)] == [
        Guarded.SUSPENSION,
        Guarded.RESUMPTION,
    ]


@pytest.mark.parametrize(
    "named",
    [{"ground": Ground.USER_AUTH_DUTY}, {"holder": "tenant"}],
)
def test_what_proposes_nothing(office: Office, named):
    """No provision of the other family, or only one holder is stopped."""
    verifier = office.verifier()
    office.active(verifier, *(Family if "holder" in named else [USER_AUTH]))
    if "holder" in named:
        tenant = office.do(
            registry.admit_holder, verifier.id, kind=HolderKind.TENANT, name="x", period=YEAR
        )
        named = {"holder": tenant.id}
    office.submit(stop(verifier, **named))
    assert office.see(registry.proposals) == ()


# --- Two persons ----------------------------------------------------------------------------


def test_two_persons_for_a_suspension(office: Office, bank):
    office.two_person = BOTH
    proposal = office.submit(stop(bank))
    assert isinstance(proposal, Proposal)
    assert proposal.second_person
    assert office.see(registry.suspensions) == ()
    office.actor = "  ＳＡＴＯ "  # noqa: RUF001 - the same name in another dress
    with pytest.raises(SamePerson, match="proposed P-000001"):
        office.approve(proposal.id)
    office.actor = "suzuki"
    stopped = office.approve(proposal.id)
    assert stopped.suspended_by == "suzuki"
    decided = office.see(registry.find_proposal, proposal.id)
    assert (decided.state, decided.proposed_by, decided.decided_by) == (
        Decision.APPROVED,
        "sato",
        "suzuki",
    )
    with pytest.raises(WrongState, match="approved by suzuki"):
        office.approve(proposal.id)
    follow_up = office.see(registry.find_proposal, "P-000002")
    assert (follow_up.proposed_by, follow_up.second_person) == ("suzuki", True)
    with pytest.raises(SamePerson):
        office.approve(follow_up.id)


def test_two_persons_for_a_resumption(office: Office, bank):
    stopped = office.submit(stop(bank))
    office.two_person = BOTH
    proposal = office.submit(Resume(suspension=stopped.id, reason="put right"))
    assert states(office, bank)[0] is State.SUSPENDED
    office.actor = "suzuki"
    assert office.approve(proposal.id).resumed_by == "suzuki"


def test_two_persons_for_a_credential_and_the_second_sees_the_secret(office: Office, bank):
    office.two_person = frozenset({Guarded.CREDENTIAL})
    order = IssueCredential(agreement="A-000001", kind=CredentialKind.TOKEN, label="x")
    proposal = office.submit(order)
    assert office.see(registry.credentials) == ()
    office.actor = "suzuki"
    issued = office.approve(proposal.id)
    assert isinstance(issued, Issued)
    assert issued.secret
    assert office.see(registry.find_proposal, proposal.id).order == order


def test_a_proposal_that_would_be_refused_is_refused_at_once(office: Office, bank):
    office.two_person = BOTH
    with pytest.raises(NotEntitled):
        office.submit(stop(bank, Ground.CONFIRMER_DUTY))
    assert office.see(registry.proposals) == ()


def test_the_proposer_may_take_a_proposal_back(office: Office, bank):
    office.two_person = BOTH
    proposal = office.submit(stop(bank))
    assert office.do(registry.reject, proposal.id, remark="a mistake").decided_by == "sato"


def test_the_trail_tells_all_of_it(office: Office, bank):
    before = office.see(lambda c: len(list(entries(c))))
    office.two_person = BOTH
    proposal = office.submit(stop(bank))
    office.actor = "suzuki"
    office.approve(proposal.id)
    told = [
        (each.actor, each.action, each.subject)
        for each in office.see(lambda c: list(entries(c, after=before)))
    ]
    assert told == [
        ("sato", "proposal.add", "P-000001"),
        ("suzuki", "proposal.approved", "P-000001"),
        ("suzuki", "suspension.add", "S-000001"),
        ("suzuki", "proposal.add", "P-000002"),
    ]
