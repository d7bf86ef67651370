"""Two persons let one file through, whatever the house's configuration says (T16)."""

import pytest

from support.registry import Office
from tashika_server.agreements import registry
from tashika_server.agreements.errors import BadScope, SamePerson
from tashika_server.agreements.proposals import Proposal
from tashika_server.agreements.releases import Release, Released, released_files
from tashika_server.book.trail import entries

DIGEST = "ab" * 32


def release(sha256: str = DIGEST) -> Release:
    return Release(sha256=sha256, issuer="auth-g3", partition="A", reason="they moved house")


def test_t16_a_file_is_released_by_two_persons_and_stands_in_the_ledger(office: Office):
    proposal = office.submit(release())
    assert isinstance(proposal, Proposal)
    assert proposal.second_person
    with pytest.raises(SamePerson):
        office.approve(proposal.id)
    assert office.see(released_files) == frozenset()
    office.actor = "suzuki"
    done = office.approve(proposal.id)
    assert done == Released(
        sha256=DIGEST, issuer="auth-g3", partition="A", reason="they moved house"
    )
    assert office.see(released_files) == {DIGEST}
    *_, last = office.see(lambda c: list(entries(c)))
    assert (last.actor, last.action, last.subject) == ("suzuki", "crl.release", f"crl {DIGEST}")


def test_what_is_rejected_is_not_released(office: Office):
    proposal = office.submit(release())
    office.do(registry.reject, proposal.id, remark="the issuer was wrong")
    assert office.see(released_files) == frozenset()


@pytest.mark.parametrize("sha256", ["", "ab", DIGEST.upper(), "../" * 21 + "a"])
def test_a_file_has_one_name_only(office: Office, sha256: str):
    with pytest.raises(BadScope, match="no SHA-256"):
        office.submit(release(sha256))
