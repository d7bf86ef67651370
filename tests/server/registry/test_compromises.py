"""A compromise is declared and withdrawn by two persons, whatever the house wants otherwise."""

from datetime import timedelta
from typing import Any

import pytest

from support.registry import START, Office
from tashika_server.agreements import registry
from tashika_server.agreements.errors import (
    BadPeriod,
    Duplicate,
    NoSuchRecord,
    SamePerson,
    WrongState,
)
from tashika_server.agreements.registry import (
    Compromise,
    DeclareCompromise,
    Proposal,
    WithdrawCompromise,
)
from tashika_server.book import BookRefuses, trail
from tashika_server.book.tables import compromise

KEY = bytes(range(32))
HOUR = timedelta(hours=1)


def order(**how: Any) -> DeclareCompromise:
    said: dict[str, Any] = {
        "issuer": "signature-g3",
        "fingerprint": KEY,
        "family": "signature",
        "reason": "lost",
    }
    return DeclareCompromise(**(said | how))


def decide(office: Office, what: DeclareCompromise | WithdrawCompromise) -> Compromise:
    """Have sato propose and suzuki approve."""
    office.actor = "sato"
    proposed = office.submit(what)
    assert isinstance(proposed, Proposal)
    office.actor = "suzuki"
    return office.approve(proposed.id)


def actions(office: Office) -> list[tuple[str, str, str]]:
    entries = office.see(lambda connection: list(trail.entries(connection)))
    return [(each.subject, each.action, each.actor) for each in entries]


def test_two_persons_declare_it_and_the_ledger_has_both(office: Office):
    assert not office.two_person
    declared = decide(office, order(since=START - HOUR))
    assert (declared.id, declared.since, declared.declared_by) == (
        "K-000001",
        START - HOUR,
        "suzuki",
    )
    assert office.see(registry.compromises) == (declared,)
    assert actions(office) == [
        ("P-000001", "proposal.add", "sato"),
        ("P-000001", "proposal.approved", "suzuki"),
        ("K-000001", "compromise.declare", "suzuki"),
    ]


def test_one_person_cannot(office: Office):
    proposed = office.submit(order())
    assert office.see(registry.compromises) == ()
    for name in ("sato", "SATO"):
        office.actor = name
        with pytest.raises(SamePerson):
            office.approve(proposed.id)
    assert office.see(registry.compromises) == ()


def test_it_is_as_of_the_approval_where_no_time_is_known(office: Office):
    proposed = office.submit(order())
    office.wait(HOUR)
    office.actor = "suzuki"
    assert office.approve(proposed.id).since == START + HOUR


def test_it_takes_two_to_take_it_back(office: Office):
    declared = decide(office, order())
    office.wait(HOUR)
    what = WithdrawCompromise(compromise=declared.id, reason="a mistake")
    withdrawn = decide(office, what)
    assert (withdrawn.withdrawn_at, withdrawn.withdrawn_by) == (START + HOUR, "suzuki")
    assert actions(office)[-1] == ("K-000001", "compromise.withdraw", "suzuki")
    with pytest.raises(WrongState):
        office.submit(what)
    again = decide(office, order())
    assert again.id == "K-000002"


def test_what_makes_no_sense_is_refused_before_anybody_decides(office: Office):
    with pytest.raises(BadPeriod):
        office.submit(order(since=START + HOUR))
    with pytest.raises(NoSuchRecord):
        office.submit(WithdrawCompromise(compromise="K-000001", reason="x"))
    decide(office, order())
    with pytest.raises(Duplicate):
        office.submit(order(reason="again"))
    assert isinstance(office.submit(order(fingerprint=bytes(32))), Proposal)


def test_the_database_keeps_a_key_from_two_open_declarations(office: Office):
    decide(office, order())
    with pytest.raises(BookRefuses), office.change() as change:
        change.insert(
            compromise,
            {
                "issuer": "x",
                "fingerprint": KEY,
                "family": "other",
                "reason": "x",
                "since": START,
                "declared_at": START,
                "declared_by": "x",
            },
        )


def test_it_waits_in_the_book_as_it_was_ordered(office: Office):
    office.submit(order(since=START))
    (waiting,) = office.see(registry.proposals)
    assert waiting.order == order(since=START)
