"""What the Act says, as data: the seed's numbers, today's, and which of these are sure."""

import pytest

from tashika.pki.profile import Family
from tashika_server.agreements.act import (
    ACCREDITATION,
    CATEGORIES,
    REPORTS,
    ActVersion,
    Category,
    agreement_clause,
    notification_clause,
    provision_clause,
)
from tashika_server.agreements.errors import UnknownArticle
from tashika_server.agreements.grounds import GROUNDS, Ground, following, ground_at
from tashika_server.agreements.terms import Method

SEED, TODAY = ActVersion.AMENDED_2013, ActVersion.IN_FORCE_2024


def test_every_category_and_ground_has_its_facts():
    assert set(CATEGORIES) == set(Category)
    assert set(GROUNDS) == set(Ground)


def test_the_six_categories_of_17_1_and_the_two_of_17_5():
    numbers = [c.clause.at(SEED).number for c in CATEGORIES.values() if c.clause]
    assert numbers == [f"17(1)({i})" for i in ("i", "ii", "iii", "iv", "v", "vi")] + [
        "17(5)(i)",
        "17(5)(ii)",
    ]


def test_of_todays_text_what_was_read_and_cited_is_confirmed_and_nothing_else():
    numbers = [c.clause.at(TODAY) for c in CATEGORIES.values() if c.clause]
    assert [str(each) for each in numbers if each.confirmed] == [
        "2024 17(1)(v)",
        "2024 17(1)(vi)",
    ]
    assert not any(facts.clause.at(TODAY).confirmed for facts in GROUNDS.values() if facts.clause)
    assert not ACCREDITATION.at(TODAY).confirmed


def test_only_v_and_vi_are_accredited():
    accredited = {c for c, facts in CATEGORIES.items() if facts.accredited}
    assert accredited == {Category.SPECIFIED_CERTIFIER, Category.ACCREDITED_VERIFIER}
    assert str(ACCREDITATION.at(SEED)) == "2013 17(2)"


def test_organs_and_courts_are_exempt_from_reports():
    exempt = {c for c, facts in CATEGORIES.items() if not facts.reports}
    assert exempt == {Category.ADMINISTRATIVE_ORGAN, Category.COURT}
    assert REPORTS.at(SEED).number == "66(2)"


def test_group_verifiers_never_hold_user_authentication():
    groups = {c for c, facts in CATEGORIES.items() if facts.has_confirmers}
    assert groups == {Category.FILING_AGENTS_BODY, Category.RECORD_SUPPLIERS_BODY}
    assert all(Family.USER_AUTH not in CATEGORIES[c].families for c in groups)


def test_notification_and_agreement_stand_in_both_chapters():
    bank, body = Category.ACCREDITED_VERIFIER, Category.FILING_AGENTS_BODY
    assert notification_clause(bank, Family.SIGNATURE).at(SEED).number == "17(1)(vi)"
    assert notification_clause(bank, Family.USER_AUTH).at(SEED).number == "36(1)"
    assert notification_clause(body, Family.SIGNATURE).at(SEED).number == "17(5)(i)"
    assert notification_clause(bank, Family.OTHER) is None
    assert agreement_clause(bank, Family.SIGNATURE).at(SEED).number == "17(4)"
    assert agreement_clause(body, Family.SIGNATURE).at(SEED).number == "17(6)"
    assert agreement_clause(bank, Family.USER_AUTH).at(SEED).number == "36(2)"


def test_corresponding_numbers_have_moved_and_that_is_sure():
    clause = provision_clause(Family.SIGNATURE, Method.CORRESPONDING)
    assert (str(clause.at(SEED)), str(clause.at(TODAY))) == ("2013 18(3)", "2024 18(5)")


@pytest.mark.parametrize(
    ("ground", "seed", "today"),
    [
        (Ground.SIGNATURE_DUTY, "18(4)(i)", "18(6)(i)"),
        (Ground.SIGNATURE_FOLLOWS_USER_AUTH, "18(4)(vi)", "18(6)(vi)"),
        (Ground.CONFIRMER_DUTY, "18(5)(i)", "18(7)(i)"),
        (Ground.CONFIRMER_PROCESSOR_MISUSE, "18(5)(v)", "18(7)(v)"),
        (Ground.USER_AUTH_SECRECY, "37(3)(iii)", "37(3)(iii)"),
        (Ground.USER_AUTH_FOLLOWS_SIGNATURE, "37(3)(vi)", "37(3)(vi)"),
    ],
)
def test_the_grounds_stand_where_they_stand(ground: Ground, seed: str, today: str):
    clause = GROUNDS[ground].clause
    assert clause.at(SEED).number == seed
    assert clause.at(TODAY).number == today
    assert clause.at(SEED).confirmed
    assert not clause.at(TODAY).confirmed
    assert str(clause.at(TODAY)) == f"2024 {today} (to be confirmed, 要確認)"


def test_each_family_follows_the_other():
    assert following(Family.SIGNATURE) is Ground.USER_AUTH_FOLLOWS_SIGNATURE
    assert following(Family.USER_AUTH) is Ground.SIGNATURE_FOLLOWS_USER_AUTH
    assert following(Family.OTHER) is None


@pytest.mark.parametrize("spelling", ["18(4)(i)", "18(4)i", "art. 18(4)(I)", " 18-4-i "])
def test_an_article_is_found_however_it_is_punctuated(spelling: str):
    assert ground_at(SEED, spelling) is Ground.SIGNATURE_DUTY


@pytest.mark.parametrize(
    ("act", "article"),
    [(SEED, "18(6)(i)"), (TODAY, "18(4)(i)"), (SEED, "18(4)(vii)"), (SEED, ""), (SEED, "18(4)")],
)
def test_an_unknown_article_is_refused_with_those_there_are(act: ActVersion, article: str):
    with pytest.raises(UnknownArticle, match=rf"{act}.*37\(3\)\(vi\)"):
        ground_at(act, article)
