"""Verifiers, holders, notifications and accreditations: what the Act lets whom have."""

from datetime import date, timedelta
from typing import Any

import pytest

from support.registry import START, YEAR, Office
from tashika.pki.profile import Family
from tashika_server.agreements import registry
from tashika_server.agreements.act import CATEGORIES, ActVersion, Category
from tashika_server.agreements.errors import (
    BadPeriod,
    BadScope,
    Duplicate,
    NoSuchRecord,
    NotEntitled,
    WrongState,
)
from tashika_server.agreements.holders import HolderKind, _demand_footing
from tashika_server.agreements.parties import Verifier
from tashika_server.agreements.period import Period

SEED = ActVersion.AMENDED_2013


def test_a_party_is_registered_once_in_a_category(office: Office):
    add = registry.add_verifier
    bank = office.do(add, name="  Bank   A ", category=Category.ACCREDITED_VERIFIER, act=SEED)
    assert (bank.id, bank.name, bank.registered_at) == ("V-000001", "Bank A", START)
    with pytest.raises(Duplicate, match="V-000001"):
        office.do(add, name="Bank A", category=Category.ACCREDITED_VERIFIER, act=SEED)
    other = office.do(add, name="Bank A", category=Category.FILING_INTERMEDIARY, act=SEED)
    assert other.id == "V-000002"
    office.do(registry.end_verifier, bank.id)
    again = office.do(add, name="Bank A", category=Category.ACCREDITED_VERIFIER, act=SEED)
    assert again.id == "V-000003"


@pytest.mark.parametrize("name", [" ", "nul\0", "surrogate\udcff", "bell\a"])
def test_a_party_has_a_name_that_can_be_shown(office: Office, name: str):
    with pytest.raises(BadScope, match="name"):
        office.do(registry.add_verifier, name=name, category=Category.COURT, act=SEED)


def test_a_party_is_renamed_and_moved_to_another_version_of_the_act(office: Office):
    bank = office.verifier()
    changed = office.do(
        registry.change_verifier, bank.id, name="Bank B", act=ActVersion.IN_FORCE_2024
    )
    assert (changed.name, changed.act) == ("Bank B", ActVersion.IN_FORCE_2024)
    assert office.see(registry.verifiers) == (changed,)


def test_an_ended_party_is_changed_no_more(office: Office):
    bank = office.verifier()
    ended = office.do(registry.end_verifier, bank.id)
    assert ended.ended_at == START
    for verb, named in [
        (registry.end_verifier, {}),
        (registry.change_verifier, {"name": "x"}),
        (registry.admit_holder, {"kind": HolderKind.PROCESSOR, "name": "x", "period": YEAR}),
        (registry.add_accreditation, {"reference": "x", "term": YEAR}),
    ]:
        with pytest.raises(WrongState, match="has ended"):
            office.do(verb, bank.id, **named)


def test_what_is_not_there_is_said_to_be_missing(office: Office):
    for name in ["V-000009", "A-000001", "V-1", "V-0000001", "v-000001", "", "V-0000\uff11"]:
        with pytest.raises(NoSuchRecord, match="V-000001"):
            office.see(registry.find_verifier, name)


# --- Holders --------------------------------------------------------------------------------


@pytest.mark.parametrize("category", Category)
@pytest.mark.parametrize("kind", HolderKind)
def test_only_some_categories_have_tenants_and_confirmers(category: Category, kind: HolderKind):
    party = Verifier(id="V-1", name="x", category=category, act=SEED, registered_at=START)
    entitled = {
        HolderKind.TENANT: category is Category.ACCREDITED_VERIFIER,
        HolderKind.CONFIRMER: CATEGORIES[category].has_confirmers,
        HolderKind.PROCESSOR: True,
    }[kind]
    if entitled:
        _demand_footing(party, kind)
    else:
        with pytest.raises(NotEntitled, match=r"2013 17\((1\)\(vi\)|5\))"):
            _demand_footing(party, kind)


def test_holders_come_and_go(office: Office):
    platform = office.verifier()
    period = Period(START)
    admit = {"kind": HolderKind.TENANT, "name": "Shop", "period": period}
    shop = office.do(registry.admit_holder, platform.id, **admit)
    assert (shop.id, shop.verifier, shop.period) == ("H-000001", platform.id, period)
    with pytest.raises(Duplicate, match="H-000001"):
        office.do(registry.admit_holder, platform.id, **admit)
    with pytest.raises(WrongState):  # a period of no length
        office.do(registry.dismiss_holder, shop.id)
    office.wait()
    gone = office.do(registry.dismiss_holder, shop.id)
    assert gone.period == Period(START, office.at)
    with pytest.raises(WrongState):
        office.do(registry.dismiss_holder, shop.id)
    back = office.do(registry.admit_holder, platform.id, **{**admit, "period": Period(office.at)})
    assert office.see(registry.holders, platform.id) == (gone, back)


# --- Notifications --------------------------------------------------------------------------


def notify(office: Office, verifier, family=Family.SIGNATURE, **named: Any):
    named = {"received_at": office.at, **named}
    return office.do(registry.add_notification, verifier.id, family=family, **named)


def bare(office: Office, category: Category):
    return office.do(registry.add_verifier, name="x", category=category, act=SEED)


def test_one_notification_for_a_family_at_a_time(office: Office):
    court = bare(office, Category.COURT)
    first = notify(office, court)
    assert (first.id, first.period) == ("N-000001", Period(START))
    with pytest.raises(Duplicate, match="N-000001"):
        notify(office, court)
    with pytest.raises(WrongState):  # a period of no length
        office.do(registry.withdraw_notification, court.id, family=Family.SIGNATURE)
    office.wait()
    gone = office.do(registry.withdraw_notification, court.id, family=Family.SIGNATURE)
    assert gone.period == Period(START, office.at)
    with pytest.raises(WrongState):
        office.do(registry.withdraw_notification, court.id, family=Family.SIGNATURE)
    again = notify(office, court)
    assert office.see(registry.notifications) == (gone, again)


def test_a_group_verifier_states_the_range_of_its_confirmers_and_no_other_does(office: Office):
    body = bare(office, Category.FILING_AGENTS_BODY)
    with pytest.raises(NotEntitled, match=r"2013 17\(5\).*range"):
        notify(office, body)
    assert notify(office, body, confirmers="members in Tokyo").confirmers == "members in Tokyo"
    court = bare(office, Category.COURT)
    with pytest.raises(NotEntitled, match=r"2013 17\(5\)"):
        notify(office, court, confirmers="everybody")


def test_a_category_that_may_not_hold_a_family_cannot_notify_it(office: Office):
    body = bare(office, Category.FILING_AGENTS_BODY)
    with pytest.raises(NotEntitled, match=r"2013 36\(1\)"):
        notify(office, body, Family.USER_AUTH, confirmers="members")
    party = bare(office, Category.OTHER_PARTY)
    with pytest.raises(NotEntitled):
        notify(office, party)


def test_what_the_act_does_not_speak_of_is_not_notified(office: Office):
    with pytest.raises(BadScope):
        notify(office, bare(office, Category.COURT), Family.OTHER)


def test_nothing_is_received_in_the_future(office: Office):
    court = bare(office, Category.COURT)
    with pytest.raises(BadPeriod, match="future"):
        notify(office, court, received_at=START + timedelta(seconds=1))


# --- Accreditations -------------------------------------------------------------------------


def accredit(office: Office, verifier, term=YEAR, reference="no. 1"):
    return office.do(registry.add_accreditation, verifier.id, reference=reference, term=term)


def test_only_two_categories_are_accredited(office: Office):
    for category in Category:
        party = bare(office, category)
        if CATEGORIES[category].accredited:
            assert accredit(office, party).in_force == YEAR
        else:
            with pytest.raises(NotEntitled, match=r"2013 17\(2\)"):
                accredit(office, party)


def test_no_term_is_below_a_year_or_without_end(office: Office):
    bank = bare(office, Category.ACCREDITED_VERIFIER)
    for term in (Period.days(date(2026, 4, 1), date(2027, 3, 30)), Period(START)):
        with pytest.raises(BadPeriod, match=r"2013 17\(2\)"):
            accredit(office, bank, term)
    accredit(office, bank, Period.days(date(2026, 4, 1), date(2027, 3, 31)))


def test_a_decision_is_recorded_once(office: Office):
    bank = bare(office, Category.ACCREDITED_VERIFIER)
    accredit(office, bank)
    with pytest.raises(Duplicate, match="has an accreditation"):
        accredit(office, bank)


def test_a_revocation_ends_every_term_that_is_not_over(office: Office):
    bank = bare(office, Category.ACCREDITED_VERIFIER)
    accredit(office, bank)
    renewal = Period(YEAR.end, START + timedelta(days=800))
    accredit(office, bank, renewal, "no. 2")
    office.wait()
    first, second = office.do(registry.revoke_accreditation, bank.id)
    assert first.in_force == Period(START, office.at)
    assert second.in_force is None
    with pytest.raises(WrongState, match=r"2013 17\(3\)"):
        office.do(registry.revoke_accreditation, bank.id)
