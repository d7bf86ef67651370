"""A statement against receipts: an honest one holds, and no fraud goes by unseen."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from support.statements import (
    BEGIN,
    END,
    ISSUERS,
    STREAMS,
    Given,
    Papers,
    answer,
    received,
)
from support.strategies import steady
from tashika.comparison import Comparison, Difference, Verdict, compare
from tashika.errors import BadProof, Malformed, PkiError
from tashika.pki.receipt import Leaf, StandingCode
from tashika.receipts import KeptReceipts
from tashika.statement import _statement, read_leaves
from tashika.tally import kind_of

LEFT_OUT, ADDED, MOVED, ALTERED = Difference

leaves = st.builds(
    Leaf,
    stream=st.sampled_from(STREAMS),
    sequence=st.integers(0, 60),
    second=st.integers(BEGIN, END - 1) | st.sampled_from([BEGIN, END - 1]),
    issuer=st.sampled_from(sorted(ISSUERS)),
    pseudonym=st.sampled_from([b"p" * 16, b"q" * 16, b"r" * 16]),
    standing=st.sampled_from(StandingCode),
)
deliveries = st.sampled_from(["handed-over"] * 4 + ["unknown", "abandoned"])
answers = st.builds(Given, leaves, deliveries, st.sampled_from(["fresh", "fresh", "retry"]))
months = st.lists(
    answers, min_size=1, max_size=12, unique_by=lambda each: (each.leaf.stream, each.leaf.sequence)
)


def outcome(papers: Papers, kept: KeptReceipts, document: Any = None) -> Comparison:
    return compare(_statement(document or papers.document), papers.leaves, kept)


def differences(found: Comparison) -> list[Difference]:
    return [each.difference for each in found.findings]


# --- honest papers --------------------------------------------------------------


@steady
@given(months)
def test_an_honest_statement_equals_its_receipts(month: list[Given]) -> None:
    found = outcome(Papers(month), received(month))
    assert found.verdict is Verdict.EQUAL
    assert found.uncertain == 0
    assert sum(each.stated for each in found.rows) == sum(each.received for each in found.rows)


@steady
@given(months)
def test_answers_that_are_waived_may_lack_their_receipts(month: list[Given]) -> None:
    arrived = [each for each in month if each.delivery == "handed-over"]
    found = outcome(Papers(month), received(arrived))
    assert found.verdict is Verdict.EQUAL
    assert found.uncertain == len(month) - len(arrived)


@steady
@given(months)
def test_receipts_of_other_months_are_let_lie(month: list[Given]) -> None:
    others = [
        replace(each, leaf=each.leaf._replace(stream=b"c" * 16, second=second))
        for each in month
        for second in (BEGIN - 1, END)
    ]
    found = outcome(Papers(month), received([*month, *others]))
    assert found.verdict is Verdict.EQUAL
    assert sum(each.received for each in found.rows) == len(month)


def test_a_month_without_answers_is_equal_to_nothing() -> None:
    assert outcome(Papers(), received([])).verdict is Verdict.EQUAL


def test_counts_are_told_by_day_family_and_standing() -> None:
    month = [answer(1), answer(3), answer(2, day=30, standing=StandingCode.HELD)]
    rows = outcome(Papers(month), received(month[1:])).rows
    told = [(str(each.kind.day), each.kind.standing.word, each.stated) for each in rows]
    assert told == [("2026-04-01", "good", 2), ("2026-04-30", "held", 1)]
    assert [each.received for each in rows] == [1, 1]
    assert [each.agrees for each in rows] == [False, True]
    assert {each.family for each in rows} == {"signature", "user-auth"}


# --- frauds whose papers agree with each other ----------------------------------


@st.composite
def frauds(draw: DrawFn) -> tuple[Difference, list[Given], list[Given]]:
    """What was answered, what the operator says instead, and the name of it."""
    truth = draw(months)
    place = draw(st.integers(0, len(truth) - 1))
    victim, others = truth[place], truth[:place] + truth[place + 1 :]
    difference = draw(st.sampled_from(Difference))
    if difference is LEFT_OUT:
        return difference, truth, others
    other = draw(answers)
    if difference is ADDED:
        assume(other.delivery == "handed-over")
        assume(all(each.leaf[:2] != other.leaf[:2] for each in truth))
        # Who waives an answer that did arrive may bill another of its kind instead: it comes
        # to no more than what was received, see the test below.
        assume(all(each.delivery == "handed-over" for each in truth))
        return difference, truth, [*truth, other]
    if difference is ALTERED:
        assume(other.leaf[3:] != victim.leaf[3:])
        lie = replace(victim, leaf=Leaf(*victim.leaf[:3], *other.leaf[3:]))
        return difference, truth, [*others, lie]
    second = draw(st.sampled_from([BEGIN - 1, BEGIN, END - 1, END, victim.leaf.second]))
    lie = replace(victim, leaf=victim.leaf._replace(second=second))
    if second == victim.leaf.second:
        lie = replace(victim, leaf=Leaf(*other.leaf[:2], *victim.leaf[2:]))
        assume(all(each.leaf[:2] != lie.leaf[:2] for each in truth))
    return difference, truth, [*others, lie]


@steady
@given(frauds())
def test_no_answer_is_left_out_added_moved_or_altered_unseen(
    fraud: tuple[Difference, list[Given], list[Given]],
) -> None:
    difference, truth, told = fraud
    found = outcome(Papers(told), received(truth))
    assert found.verdict is Verdict.DIFFERS
    if difference is ADDED:
        # Nothing says which of a kind is the one too many.
        assert set(differences(found)) == {ADDED}
    else:
        assert differences(found) == [difference]


@steady
@given(months, months)
def test_whatever_the_operator_tells_equal_means_the_same_answers(
    truth: list[Given], told: list[Given]
) -> None:
    found = outcome(Papers(told), received(truth))
    stated, arrived = {each.leaf for each in told}, {each.leaf for each in truth}
    lonely = Counter(kind_of(each) for each in stated - arrived)
    waived = Counter(kind_of(each.leaf) for each in told if each.delivery != "handed-over")
    assert (found.verdict is Verdict.EQUAL) == (arrived <= stated and lonely <= waived)


@steady
@given(months, months)
def test_nobody_is_billed_for_more_than_arrived(truth: list[Given], told: list[Given]) -> None:
    found = outcome(Papers(told), received(truth))
    billed = Counter(kind_of(each.leaf) for each in told if each.delivery == "handed-over")
    if found.verdict is Verdict.EQUAL:
        assert billed <= Counter(kind_of(each.leaf) for each in truth)


def test_one_answer_billed_twice_is_found() -> None:
    truth = [answer(1), answer(2)]
    twice = replace(truth[0], leaf=truth[0].leaf._replace(sequence=9))
    found = outcome(Papers([*truth, twice]), received(truth))
    assert differences(found) == [ADDED]
    assert found.findings[0].stated == twice.leaf


def test_two_answers_with_one_receipt_are_found() -> None:
    first = answer(1)
    second = replace(answer(3), leaf=answer(3).leaf._replace(sequence=1))
    found = outcome(Papers([first]), received([first, second]))
    assert differences(found) == [LEFT_OUT]


def test_an_answer_of_last_month_is_moved_if_its_receipt_is_there_and_added_if_not() -> None:
    earlier = replace(answer(1), leaf=answer(1).leaf._replace(second=BEGIN - 1))
    now = replace(earlier, leaf=earlier.leaf._replace(second=BEGIN))
    assert differences(outcome(Papers([now]), received([earlier]))) == [MOVED]
    assert differences(outcome(Papers([now]), received([]))) == [ADDED]
    assert differences(outcome(Papers([answer(2)]), received([answer(2), earlier]))) == []


def test_a_waiver_does_not_cover_for_more_than_it_says() -> None:
    unsure = answer(1, delivery="unknown")
    same_kind = answer(3)
    papers = Papers([unsure, same_kind])
    assert outcome(papers, received([same_kind])).verdict is Verdict.EQUAL
    assert differences(outcome(papers, received([]))) == [ADDED, ADDED]


# --- crashes of the verifier ----------------------------------------------------


def test_receipts_lost_in_a_crash_leave_it_open() -> None:
    month = [answer(1), answer(3), answer(5)]
    papers = Papers(month)
    assert outcome(papers, received(month, torn=1)).verdict is Verdict.EQUAL
    assert outcome(papers, received(month[1:], torn=1)).verdict is Verdict.CANNOT_TELL
    assert outcome(papers, received(month[2:], torn=1)).verdict is Verdict.DIFFERS
    assert outcome(Papers(month[1:]), received(month, torn=1)).verdict is Verdict.DIFFERS


def test_what_is_billed_without_receipts_cannot_be_told() -> None:
    """As where an agreement asks for receipts from the middle of the month."""
    bare, month = answer(1), [answer(3), answer(4, day=20)]
    document = Papers([bare, *month]).document
    document["receipts"].update(Papers(month).document["receipts"], counts=_bare_first(document))
    found = outcome(Papers(month), received(month), document)
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.unproved == 1
    assert outcome(Papers(month), received([]), document).verdict is Verdict.DIFFERS


def _bare_first(document: dict[str, Any]) -> list[dict[str, Any]]:
    first, *others = document["receipts"]["counts"]
    taken = first["count"]
    assert (first["day"], taken) == ("2026-04-01", 2)
    return [first | {"count": 1, "receipted": False}, first | {"count": 1}, *others]


# --- papers that do not agree with each other -----------------------------------

MONTH = [answer(1), answer(3), answer(2, day=2), answer(4, standing=StandingCode.UNKNOWN)]


def refused(papers: Papers, document: Any) -> type[PkiError] | None:
    try:
        outcome(papers, received(MONTH), document)
    except PkiError as wrong:
        return type(wrong)
    return None


def test_a_list_of_answers_that_was_touched_is_not_the_statements() -> None:
    document = Papers(MONTH).document
    for told in (MONTH[1:], [*MONTH, answer(9)], [answer(9), *MONTH[1:]], []):
        assert refused(Papers(told), document) is BadProof


def test_a_place_that_comes_twice_or_out_of_order_is_refused() -> None:
    papers = Papers(MONTH)
    statement = _statement(papers.document)
    first, *others = papers.leaves
    for told in ([first, first, *others], [*others, first]):
        with pytest.raises(Malformed, match="twice, or is not in order"):
            compare(statement, told, received(MONTH))


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a count": lambda it: it["receipts"]["counts"][0].update(count=7),
    "a day": lambda it: it["receipts"]["counts"][0].update(day="2026-04-09"),
    "a standing": lambda it: it["receipts"]["counts"][0].update(standing="revoked"),
    "a count more": lambda it: it["receipts"]["counts"].append(it["receipts"]["counts"][0]),
    "a count less": lambda it: it["receipts"]["counts"].pop(),
    "a family": lambda it: it["receipts"]["counts"][0].update(family="signature-2"),
    "a receipt less": lambda it: it["receipts"]["counts"][0].update(receipted=False),
    "not billable": lambda it: it["receipts"]["counts"][0].update(billable=False),
    "a line": lambda it: it["lines"][0].update(provisions=7),
    "a price": lambda it: it["lines"][0].update(price=21),
    "an amount": lambda it: it["lines"][0].update(due_yen=41),
    "the sum": lambda it: it["totals"].update(due_yen=1),
    "a free line": lambda it: it["unbilled"].pop(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_statement_that_contradicts_itself_differs(
    change: Callable[[dict[str, Any]], object],
) -> None:
    document = Papers(MONTH).document
    change(document)
    found = outcome(Papers(MONTH), received(MONTH), document)
    assert found.verdict is Verdict.DIFFERS
    assert found.contradictions
    assert not found.findings


def test_the_list_is_read_in_one_go_however_long(tmp_path: Path) -> None:
    month = [answer(number) for number in range(5000)]
    papers = Papers(month)
    papers.write(tmp_path)
    statement = _statement(json.loads((tmp_path / "statement.json").read_text()))
    found = compare(statement, read_leaves(tmp_path / "answers"), received(month))
    assert found.verdict is Verdict.EQUAL
