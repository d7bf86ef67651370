"""What the workers get: complete terms, with everything that will stop them in time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from support.registry import START, YEAR, Office, certificate, ocsp
from tashika.pki.profile import Family
from tashika_server.agreements import registry
from tashika_server.agreements.act import ActVersion, Category
from tashika_server.agreements.grounds import Ground
from tashika_server.agreements.holders import HolderKind
from tashika_server.agreements.period import Period
from tashika_server.agreements.registry import IssueCredential, Resume, Scope, Step, Suspend
from tashika_server.agreements.terms import (
    CredentialKind,
    Environment,
    Grant,
    Halt,
    HaltKind,
    Method,
    Terms,
)

SIGNATURE, USER_AUTH, OTHER = Family
DAY = timedelta(days=1)


def halts(office: Office, kind: HaltKind) -> list[Halt]:
    (terms,) = office.terms()
    return [each for each in terms.halts if each.kind is kind]


def test_an_active_agreement_is_compiled_whole(office: Office):
    bank = office.verifier()
    scope = Scope(
        grants=ocsp(SIGNATURE).grants,
        rate=3.0,
        burst=40,
        daily=None,
        signed_required=True,
        receipts=True,
    )
    agreement = office.active(bank, scope=scope)
    issued = office.token(agreement)
    assert office.terms() == (
        Terms(
            agreement=agreement.id,
            version=1,
            verifier=bank.id,
            environment=Environment.PRODUCTION,
            valid_from=YEAR.start,
            valid_to=YEAR.end,
            grants=scope.grants,
            credentials=(issued.registered.credential,),
            rate=3.0,
            burst=40,
            max_cert_ids=16,
            signed_required=True,
            receipts=True,
            halts=(),
        ),
    )


@pytest.mark.parametrize("steps", range(3))
def test_what_was_never_active_is_not_compiled(office: Office, steps: int):
    drafted = office.draft(office.verifier())
    for step in (Step.NOTIFY, Step.AGREE)[:steps]:
        office.do(registry.advance_agreement, drafted.id, step)
    assert office.terms() == ()
    office.do(registry.end_agreement, drafted.id)
    assert office.terms() == ()


def test_what_has_ended_is_remembered_for_a_while(office: Office):
    agreement = office.active(office.verifier())
    office.wait()
    office.do(registry.end_agreement, agreement.id)
    (terms,) = office.terms()
    assert terms.valid_to == office.at
    office.wait(91 * DAY)
    assert office.terms() == ()


def test_versions_lie_side_by_side_and_future_ones_are_in(office: Office):
    agreement = office.active(office.verifier())
    office.amend(
        agreement.id,
        period=Period(START + 9 * DAY),
        scope=replace(ocsp(SIGNATURE), rate=77.0),
    )
    assert [(t.version, t.valid_from, t.valid_to, t.rate) for t in office.terms()] == [
        (1, START, START + 9 * DAY, 10.0),
        (2, START + 9 * DAY, None, 77.0),
    ]


# --- Halts ----------------------------------------------------------------------------------


def test_a_suspension_halts_its_family_with_ground_and_article(office: Office):
    bank = office.verifier(act=ActVersion.IN_FORCE_2024)
    office.active(bank, SIGNATURE)
    order = Suspend(verifier=bank.id, ground=Ground.SIGNATURE_SECRECY, reason="leak")
    stopped = office.submit(order)
    expected = Halt(
        kind=HaltKind.SUSPENSION,
        since=START,
        family=SIGNATURE,
        ground="signature-secrecy",
        article="2024 18(6)(iii) (to be confirmed, 要確認)",
        id="S-000001",
    )
    assert halts(office, HaltKind.SUSPENSION) == [expected]
    office.wait()
    office.submit(Resume(suspension=stopped.id, reason="settled"))
    assert halts(office, HaltKind.SUSPENSION) == [replace(expected, until=office.at)]
    office.wait(100 * DAY)
    assert halts(office, HaltKind.SUSPENSION) == []


def test_a_suspension_taken_back_before_it_began_halts_nothing(office: Office):
    bank = office.verifier()
    office.active(bank)
    order = Suspend(verifier=bank.id, ground=Ground.SIGNATURE_DUTY, reason="x", since=START + DAY)
    stopped = office.submit(order)
    office.submit(Resume(suspension=stopped.id, reason="a mistake"))
    assert halts(office, HaltKind.SUSPENSION) == []


def test_a_suspension_of_one_holder_names_it(office: Office):
    platform = office.verifier()
    office.active(platform)
    shop = office.do(
        registry.admit_holder, platform.id, kind=HolderKind.TENANT, name="Shop", period=YEAR
    )
    office.submit(
        Suspend(verifier=platform.id, ground=Ground.SIGNATURE_DUTY, reason="x", holder=shop.id)
    )
    assert [each.holder for each in halts(office, HaltKind.SUSPENSION)] == [shop.id]


def test_an_accreditation_stops_provision_by_its_date_alone(office: Office):
    bank = office.verifier()
    scope = ocsp(SIGNATURE, USER_AUTH, OTHER)
    office.active(bank, scope=scope, period=Period(START, YEAR.end + 30 * DAY))
    stop = Halt(
        kind=HaltKind.ACCREDITATION,
        since=YEAR.end,
        until=YEAR.end + 30 * DAY,
        family=SIGNATURE,
        article="2013 17(2)",
    )
    assert halts(office, HaltKind.ACCREDITATION) == [stop, replace(stop, family=USER_AUTH)]
    renewal = Period(YEAR.end + 9 * DAY, YEAR.end + 500 * DAY)
    office.do(registry.add_accreditation, bank.id, reference="no. 2", term=renewal)
    assert {(h.since, h.until) for h in halts(office, HaltKind.ACCREDITATION)} == {
        (YEAR.end, YEAR.end + 9 * DAY)
    }
    office.wait()
    office.do(registry.revoke_accreditation, bank.id)
    assert {h.since for h in halts(office, HaltKind.ACCREDITATION)} == {office.at}


def test_a_category_without_accreditation_is_not_halted_for_it(office: Office):
    office.active(office.verifier(Category.COURT))
    assert halts(office, HaltKind.ACCREDITATION) == []


def test_a_withdrawn_notification_halts_its_family(office: Office):
    bank = office.verifier()
    office.active(bank, SIGNATURE, USER_AUTH)
    office.wait()
    office.do(registry.withdraw_notification, bank.id, family=USER_AUTH)
    assert halts(office, HaltKind.NOTIFICATION) == [
        Halt(
            kind=HaltKind.NOTIFICATION,
            since=office.at,
            until=YEAR.end,
            family=USER_AUTH,
            article="2013 36(1)",
        )
    ]


def test_a_test_agreement_knows_suspensions_only(office: Office):
    bank = office.do(
        registry.add_verifier,
        name="b",
        category=Category.ACCREDITED_VERIFIER,
        act=ActVersion.AMENDED_2013,
    )
    office.active(bank, environment=Environment.TEST)
    office.submit(Suspend(verifier=bank.id, ground=Ground.SIGNATURE_DUTY, reason="x"))
    (terms,) = office.terms()
    assert [each.kind for each in terms.halts] == [HaltKind.SUSPENSION]


def test_corresponding_numbers_stop_when_one_is_no_verifier_of_both(office: Office):
    bank = office.verifier()
    scope = Scope(grants=(Grant(family=SIGNATURE, method=Method.CORRESPONDING),))
    office.active(bank, scope=scope)
    assert office.terms()[0].halts == ()
    office.wait()
    office.do(registry.withdraw_notification, bank.id, family=USER_AUTH)
    (stop,) = office.terms()[0].halts
    assert stop == Halt(
        kind=HaltKind.NOTIFICATION,
        since=office.at,
        until=YEAR.end,
        family=SIGNATURE,
        method=Method.CORRESPONDING,
        article="2013 18(3)",
    )


# --- Credentials ----------------------------------------------------------------------------


def test_a_credential_ends_with_its_holder(office: Office):
    platform = office.verifier()
    agreement = office.active(platform)
    shop = office.do(
        registry.admit_holder,
        platform.id,
        kind=HolderKind.TENANT,
        name="Shop",
        period=Period(START + DAY),
    )
    office.token(agreement, holder=shop.id)
    (credential,) = office.terms()[0].credentials
    assert (credential.valid_from, credential.valid_to) == (START + DAY, YEAR.end)
    office.wait(5 * DAY)
    office.do(registry.dismiss_holder, shop.id)
    (credential,) = office.terms()[0].credentials
    assert credential.valid_to == office.at
    office.wait(91 * DAY)
    assert office.terms()[0].credentials == ()


def test_path_tokens_go_where_the_version_allows_them(office: Office):
    allowed = replace(ocsp(SIGNATURE), path_tokens=True)
    agreement = office.active(office.verifier(), scope=allowed)
    order = IssueCredential(agreement=agreement.id, kind=CredentialKind.PATH_TOKEN, label="x")
    office.submit(order)
    office.submit(replace(order, kind=CredentialKind.MTLS_KEY, certificate=certificate()))
    office.amend(
        agreement.id,
        period=Period(START + DAY),
        scope=ocsp(SIGNATURE),
    )
    first, second = office.terms()
    assert [len(first.credentials), len(second.credentials)] == [2, 1]


# --- Notices --------------------------------------------------------------------------------


def test_warnings_ahead(office: Office):
    bank = office.verifier()
    agreement = office.active(bank, period=Period(START, YEAR.end + 5 * DAY))
    office.token(agreement, valid_to=START + 60 * DAY)
    court = office.active(office.verifier(Category.COURT, name="Court"))

    def seen() -> list[tuple[str, str, datetime]]:
        notices = office.see(registry.notices, office.at)
        return [(each.what, each.subject, each.ends) for each in notices]

    assert seen() == [("credential", "C-000001", START + 60 * DAY)]
    office.at = YEAR.end - 80 * DAY
    assert seen() == [
        ("agreement", court.id, YEAR.end),
        ("accreditation", bank.id, YEAR.end),
        ("agreement", agreement.id, YEAR.end + 5 * DAY),
    ]
    office.at = datetime(2028, 1, 1, tzinfo=UTC)
    assert seen() == [("accreditation", bank.id, YEAR.end)]
