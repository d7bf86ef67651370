"""Agreements: their scope, their versions in time, their life, and that none overlap."""

from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.registry import ISSUERS, START, YEAR, Office, ocsp
from tashika.pki.profile import Family
from tashika_server.agreements import registry
from tashika_server.agreements.act import CATEGORIES, ActVersion, Category
from tashika_server.agreements.agreement_record import Agreement, Version
from tashika_server.agreements.errors import (
    BadPeriod,
    BadScope,
    NotEntitled,
    Overlap,
    WrongState,
)
from tashika_server.agreements.lifecycle import TRANSITIONS, State, Step, follow
from tashika_server.agreements.period import Period
from tashika_server.agreements.registry import Verifier
from tashika_server.agreements.scope import Scope, demand_sound
from tashika_server.agreements.terms import Environment, Grant, Method, Purpose
from tashika_server.book import Change, Mode

SIGNATURE, USER_AUTH, OTHER = Family
DAY = timedelta(days=1)
BANK = Category.ACCREDITED_VERIFIER


def full_scope() -> Scope:
    return Scope(
        grants=(
            Grant(
                family=SIGNATURE,
                method=Method.OCSP,
                issuers=frozenset({"signature-g3", "signature-g2"}),
                purposes=frozenset({Purpose.CURRENT_STATUS}),
            ),
            Grant(family=USER_AUTH, method=Method.FILE),
        ),
        networks=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")),
        rate=2.5,
        burst=20,
        daily=None,
        max_cert_ids=4,
        signed_required=True,
        path_tokens=True,
        receipts=True,
    )


def test_an_agreement_is_read_back_as_it_was_written(office: Office):
    bank = office.verifier()
    drafted = office.draft(bank, scope=full_scope(), environment=Environment.TEST)
    assert drafted == Agreement(
        id="A-000001",
        verifier=bank.id,
        environment=Environment.TEST,
        stage=State.DRAFT,
        versions=(Version(number=1, period=YEAR, scope=full_scope()),),
    )
    assert office.see(registry.find_agreement, drafted.id) == drafted
    assert office.see(registry.agreements) == (drafted,)


# --- Scope ----------------------------------------------------------------------------------


@pytest.mark.parametrize("category", Category)
@pytest.mark.parametrize("family", Family)
def test_a_category_that_may_not_hold_a_family_is_refused(category: Category, family: Family):
    if family in CATEGORIES[category].families:
        demand_sound(ocsp(family), party(category), ISSUERS)
    else:
        article = r"2013 36\(1\)" if family is USER_AUTH else "category"
        with pytest.raises(NotEntitled, match=article):
            demand_sound(ocsp(family), party(category), ISSUERS)


def party(category: Category) -> Verifier:
    return Verifier(
        id="V-000001",
        name="Party",
        category=category,
        act=ActVersion.AMENDED_2013,
        registered_at=START,
    )


GOOD = ocsp(SIGNATURE)


@pytest.mark.parametrize(
    "scope",
    [
        replace(GOOD, grants=()),
        replace(GOOD, grants=GOOD.grants * 2),
        replace(GOOD, grants=(replace(GOOD.grants[0], purposes=frozenset()),)),
        replace(GOOD, grants=(replace(GOOD.grants[0], issuers=frozenset()),)),
        replace(GOOD, rate=0),
        replace(GOOD, burst=15),
        replace(GOOD, max_cert_ids=0),
        replace(GOOD, daily=15),
        replace(GOOD, rate=float("nan")),
        replace(GOOD, rate=float("inf")),
        replace(GOOD, burst=10**30),
        replace(GOOD, daily=10**30),
        replace(GOOD, grants=(Grant(family=USER_AUTH, method=Method.CORRESPONDING),)),
    ],
)
def test_a_scope_without_sense_is_refused(scope: Scope):
    with pytest.raises(BadScope):
        demand_sound(scope, party(BANK), ISSUERS)


def for_issuer(name: str, family: Family = SIGNATURE) -> Scope:
    return Scope(grants=(Grant(family=family, method=Method.OCSP, issuers=frozenset({name})),))


@pytest.mark.parametrize(
    ("scope", "remedy"),
    [
        (
            for_issuer("signature-g4"),
            r"no issuer .* 'signature-g4' .*did you mean 'signature-g3'\?",
        ),
        (for_issuer("SIGNATURE"), "name signature-g2 or signature-g3, or none for all"),
        (for_issuer("auth-g3"), "no issuer of family signature"),
        (for_issuer("auth-g3", OTHER), "; name none for all"),
    ],
)
def test_an_issuer_that_is_not_configured_is_refused_with_the_nearest_name(
    scope: Scope, remedy: str
):
    with pytest.raises(BadScope, match=remedy):
        demand_sound(scope, party(BANK), ISSUERS)


def test_an_issuer_is_looked_at_in_a_draft_and_in_a_change(office: Office):
    bank = office.verifier()
    agreement = office.draft(bank, scope=for_issuer("signature-g3"))
    with pytest.raises(BadScope, match="signature-g2"):
        office.amend(agreement.id, period=YEAR, scope=for_issuer("signature-2"))
    with pytest.raises(BadScope, match="auth-g3"):
        office.draft(bank, scope=for_issuer("auth-3", USER_AUTH))


def test_corresponding_numbers_are_for_verifiers_of_both(office: Office):
    scope = Scope(grants=(Grant(family=SIGNATURE, method=Method.CORRESPONDING),))
    body = office.verifier(Category.FILING_AGENTS_BODY, name="Body")
    with pytest.raises(NotEntitled, match=r"2013 18\(3\)"):
        office.draft(body, scope=scope)
    bank = office.verifier()
    office.do(registry.withdraw_notification, bank.id, family=USER_AUTH) if office.wait() else None
    drafted = office.draft(bank, scope=scope)
    with pytest.raises(NotEntitled, match=r"2013 36\(1\)"):
        office.do(registry.advance_agreement, drafted.id, Step.NOTIFY)


# --- Life -----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", Step)
def test_every_step_from_every_state(state: State, step: Step):
    named = {
        "category": BANK,
        "families": {SIGNATURE, USER_AUTH},
        "act": ActVersion.AMENDED_2013,
    }
    if state in TRANSITIONS[step].sources:
        assert follow(state, step, **named) is TRANSITIONS[step].target
    else:
        with pytest.raises(WrongState) as refused:
            follow(state, step, **named)
        assert TRANSITIONS[step].rule in str(refused.value)
        if TRANSITIONS[step].clause:
            assert "2013 36(" in str(refused.value)
            assert "2013 17(" in str(refused.value)


def test_an_agreement_is_led_through_its_life(office: Office):
    bank = office.verifier()
    drafted = office.draft(bank)
    seen = []
    for step in (Step.NOTIFY, Step.AGREE, Step.ACTIVATE):
        office.wait()
        seen.append(office.do(registry.advance_agreement, drafted.id, step))
    assert [each.stage for each in seen] == [State.NOTIFIED, State.AGREED, State.ACTIVE]
    assert seen[-1].concluded_at == START + 2 * DAY
    assert seen[-1].activated_at == office.at
    office.wait()
    ended = office.do(registry.end_agreement, drafted.id)
    assert (ended.stage, ended.ended_at) == (State.ENDED, office.at)
    assert office.see(registry.find_agreement, drafted.id) == ended
    for verb, args in [
        (registry.end_agreement, {}),
        (registry.advance_agreement, {"step": Step.NOTIFY}),
        (registry.change_agreement, {"period": YEAR, "scope": GOOD, "issuers": {}}),
    ]:
        with pytest.raises(WrongState, match="ended"):
            office.do(verb, drafted.id, **args)


def test_a_step_cannot_be_skipped(office: Office):
    drafted = office.draft(office.verifier())
    with pytest.raises(WrongState, match=r"2013 17\(4\).*agree leads on from notified"):
        office.do(registry.advance_agreement, drafted.id, Step.AGREE)


def test_the_day_of_the_agreement_may_be_past_but_not_to_come(office: Office):
    drafted = office.draft(office.verifier())
    office.do(registry.advance_agreement, drafted.id, Step.NOTIFY)
    agree = (registry.advance_agreement, drafted.id, Step.AGREE)
    with pytest.raises(BadPeriod, match="future"):
        office.do(*agree, concluded_at=START + DAY)
    assert office.do(*agree, concluded_at=START - DAY).concluded_at == START - DAY


def test_nothing_is_activated_without_notification(office: Office):
    court = office.do(
        registry.add_verifier, name="c", category=Category.COURT, act=ActVersion.IN_FORCE_2024
    )
    drafted = office.draft(court)
    with pytest.raises(
        NotEntitled, match=r"2024 17\(1\)\(ii\) \(to be confirmed, 要確認\).*verifier notify"
    ):
        office.do(registry.advance_agreement, drafted.id, Step.NOTIFY)


def test_nothing_is_activated_without_accreditation(office: Office):
    bank = office.verifier()
    drafted = office.draft(bank)
    for step in (Step.NOTIFY, Step.AGREE):
        office.do(registry.advance_agreement, drafted.id, step)
    office.at = YEAR.end
    with pytest.raises(NotEntitled, match=r"2013 17\(2\)"):
        office.do(registry.advance_agreement, drafted.id, Step.ACTIVATE)


def test_test_agreements_need_neither(office: Office):
    bank = office.do(registry.add_verifier, name="b", category=BANK, act=ActVersion.AMENDED_2013)
    assert office.active(bank, environment=Environment.TEST).stage is State.ACTIVE


def test_a_change_may_not_bring_in_what_was_not_notified(office: Office):
    bank = office.verifier()
    agreement = office.active(bank)
    office.wait()
    office.do(registry.withdraw_notification, bank.id, family=USER_AUTH)
    with pytest.raises(NotEntitled, match=r"2013 36\(1\)"):
        office.amend(
            agreement.id,
            period=Period(office.at),
            scope=ocsp(SIGNATURE, USER_AUTH),
        )


def test_ending_a_verifier_ends_its_agreements(office: Office):
    bank = office.verifier()
    first = office.active(bank)
    second = office.draft(bank, USER_AUTH)
    office.wait()
    office.do(registry.end_agreement, second.id)
    office.do(registry.end_verifier, bank.id)
    assert {each.stage for each in office.see(registry.agreements, bank.id)} == {State.ENDED}
    assert office.see(registry.find_agreement, first.id).ended_at == office.at


# --- Versions -------------------------------------------------------------------------------


def test_a_change_takes_effect_from_its_date_and_leaves_the_past(office: Office):
    agreement = office.active(office.verifier())
    wider = replace(GOOD, rate=99.0)
    later = Period(START + 30 * DAY, YEAR.end)
    changed = office.amend(agreement.id, period=later, scope=wider)
    assert [(v.number, p) for v, p in changed.timeline()] == [
        (1, Period(START, START + 30 * DAY)),
        (2, later),
    ]
    assert changed.newest.scope.rate == 99.0


def test_a_later_decision_replaces_what_was_planned(office: Office):
    agreement = office.active(office.verifier())
    for start in (60, 30):
        agreement = office.amend(
            agreement.id,
            period=Period(START + start * DAY, YEAR.end),
            scope=GOOD,
        )
    assert [v.number for v, _ in agreement.timeline()] == [1, 3]


def test_the_past_is_not_changed(office: Office):
    agreement = office.active(office.verifier())
    office.wait()
    with pytest.raises(BadPeriod, match="past"):
        office.amend(agreement.id, period=YEAR, scope=GOOD)


@st.composite
def agreements(draw: st.DrawFn) -> Agreement:
    def period() -> Period:
        start = draw(st.integers(0, 19))
        end = draw(st.none() | st.integers(start + 1, 20))
        return Period(day(start), None if end is None else day(end))

    count = draw(st.integers(1, 4))
    return Agreement(
        id="A-000001",
        verifier="V-000001",
        environment=Environment.TEST,
        stage=State.ACTIVE,
        activated_at=START,
        versions=tuple(Version(number=n + 1, period=period(), scope=GOOD) for n in range(count)),
        ended_at=draw(st.none() | st.integers(0, 20).map(day)),
    )


def day(n: int) -> datetime:
    return START + n * DAY


@given(agreements())
def test_the_newest_version_that_has_begun_counts(agreement: Agreement):
    timeline = agreement.timeline()
    for n in range(22):
        at = day(n)
        begun = [v for v in agreement.versions if v.period.start <= at]
        counts = [v for v, period in timeline if period.covers(at)]
        over = agreement.ended_at is not None and agreement.ended_at <= at
        assert counts == ([begun[-1]] if begun and begun[-1].period.covers(at) and not over else [])


# --- Overlaps -------------------------------------------------------------------------------


def test_overlapping_agreements_are_refused_with_rule_and_remedy(office: Office):
    bank = office.verifier()
    first = office.active(bank)
    with pytest.raises(
        Overlap,
        match=r"A-000001 of V-000001 grants signature by ocsp in production too, "
        r"2026-09-01 .* to 2027-04-01 .* \[2013 17\(4\): .*\]; change A-000001, end it, or",
    ):
        office.draft(bank, SIGNATURE, USER_AUTH, period=Period(day(153)))
    office.draft(bank, USER_AUTH)
    office.draft(bank, environment=Environment.TEST)
    office.draft(bank, period=Period(YEAR.end))
    office.draft(office.verifier(name="Bank B"))
    file = Scope(grants=(Grant(family=SIGNATURE, method=Method.FILE),))
    office.draft(bank, scope=file)
    assert first.id == "A-000001"


def test_a_change_may_not_overlap_either(office: Office):
    bank = office.verifier()
    office.active(bank)
    other = office.active(bank, USER_AUTH)
    with pytest.raises(Overlap, match="A-000001"):
        office.amend(
            other.id,
            period=Period(START),
            scope=ocsp(SIGNATURE, USER_AUTH),
        )


def test_what_ended_makes_room(office: Office):
    bank = office.verifier()
    draft = office.draft(bank)
    office.do(registry.end_agreement, draft.id)
    active = office.active(bank)
    office.wait()
    office.do(registry.end_agreement, active.id)
    with pytest.raises(Overlap):
        office.draft(bank)
    office.draft(bank, period=Period(office.at))


Spans = list[tuple[int, int]]
spans = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 5)).map(lambda s: (s[0], s[0] + s[1])),
    min_size=1,
    max_size=3,
)


def days_of(spans: Spans) -> set[int]:
    """The days on which an agreement with these versions grants anything, one by one."""
    begun = {n: [span for span in spans if span[0] <= n] for n in range(20)}
    return {n for n, those in begun.items() if those and n < those[-1][1]}


def write(change: Change, verifier_id: str, spans: Spans) -> None:
    first, *rest = [Period(day(start), day(end)) for start, end in spans]
    agreement = registry.add_agreement(
        change, verifier_id, environment=Environment.TEST, period=first, scope=GOOD, issuers={}
    )
    for period in rest:
        registry.change_agreement(change, agreement.id, period=period, scope=GOOD, issuers={})


@pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)  # the rule is ours, not theirs
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(spans, spans)
def test_agreements_are_refused_just_when_they_share_an_instant(
    office: Office, one: Spans, other: Spans
):
    with office.change(Mode.REHEARSE) as change:
        bank = registry.add_verifier(change, name="b", category=BANK, act=ActVersion.AMENDED_2013)
        write(change, bank.id, one)
        # Each version counts from when it is written, so the first that overlaps is refused.
        clash = any(days_of(one) & days_of(other[: count + 1]) for count in range(len(other)))
        if clash:
            with pytest.raises(Overlap):
                write(change, bank.id, other)
        else:
            write(change, bank.id, other)
