"""Reports that are demanded: of whom, due when, answered in time or not."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from support.till import Till
from tashika_server.agreements import registry
from tashika_server.agreements.act import CATEGORIES, Category
from tashika_server.agreements.errors import BadScope, NoSuchRecord, NotEntitled, WrongState
from tashika_server.agreements.registry import Verifier
from tashika_server.book.trail import entries
from tashika_server.ledger.errors import BadDay
from tashika_server.ledger.report_demands import (
    DemandState,
    ReportDemand,
    answer_report,
    demand_report,
    find_demand,
    report_demands,
)

DUE = date(2026, 4, 30)
DUE_OVER = datetime(2026, 4, 30, 15, tzinfo=UTC)
"""1 May begins in Japan."""
MOMENT = timedelta(microseconds=1)


def demand(
    till: Till, verifier: Verifier, due: date = DUE, subject: str = "safety"
) -> ReportDemand:
    return till.do(demand_report, verifier.id, due=due, subject=subject, reference="2026-17")


def states(till: Till, at: datetime, **which: Any) -> dict[str, DemandState]:
    return {e.demand.id: e.state for e in till.see(report_demands, at, **which)}


def test_a_demand_is_entered_and_answered(till: Till, bank: Verifier):
    made = demand(till, bank)
    assert (made.id, made.verifier, made.due, made.answered_at) == ("D-000001", bank.id, DUE, None)
    till.wait()
    answered = till.do(answer_report, made.id, note="file 12")
    assert (answered.answered_at, answered.note) == (till.at, "file 12")
    assert till.see(find_demand, made.id) == answered
    *_, before, after = till.see(lambda connection: list(entries(connection)))
    assert (before.action, before.subject) == ("report.demand", "D-000001")
    assert json.loads(before.after or "")["due"] == "2026-04-30"
    assert (after.action, after.before) == ("report.answer", before.after)


@pytest.mark.parametrize("category", Category)
def test_administration_and_courts_are_exempt(till: Till, category: Category):
    exempt = {Category.ADMINISTRATIVE_ORGAN, Category.COURT}
    assert {each for each in Category if not CATEGORIES[each].reports} == exempt
    verifier = till.verifier(category)
    if category in exempt:
        with pytest.raises(NotEntitled, match=r"66\(2\)"):
            demand(till, verifier)
    else:
        assert demand(till, verifier).verifier == verifier.id


def test_a_demand_is_overdue_when_its_last_day_is_over_in_japan(till: Till, bank: Verifier):
    made = demand(till, bank)
    assert states(till, DUE_OVER - MOMENT) == {made.id: DemandState.OPEN}
    assert states(till, DUE_OVER) == {made.id: DemandState.OVERDUE}
    assert states(till, DUE_OVER, states={DemandState.OPEN}) == {}


@pytest.mark.parametrize(
    ("at", "state"),
    [(DUE_OVER - MOMENT, DemandState.ANSWERED), (DUE_OVER, DemandState.ANSWERED_LATE)],
)
def test_an_answer_is_late_when_the_last_day_was_over(till: Till, bank: Verifier, at, state):
    made = demand(till, bank)
    till.at = at
    till.do(answer_report, made.id, note="file 12")
    assert states(till, at + timedelta(days=99)) == {made.id: state}


def test_the_last_day_is_still_to_come_or_today(till: Till, bank: Verifier):
    till.at = DUE_OVER - MOMENT
    assert demand(till, bank).due == DUE
    till.at = DUE_OVER
    with pytest.raises(BadDay, match="2026-04-30 is over"):
        demand(till, bank)


def test_demands_are_listed_by_verifier(till: Till, bank: Verifier):
    other = till.verifier(name="Bank B")
    demand(till, bank)
    demand(till, other)
    assert states(till, till.at, verifier=other.id) == {"D-000002": DemandState.OPEN}


def test_what_makes_no_sense_is_refused(till: Till, bank: Verifier):
    made = demand(till, bank)
    till.do(answer_report, made.id, note="file 12")
    with pytest.raises(WrongState, match="answered"):
        till.do(answer_report, made.id, note="file 13")
    with pytest.raises(BadScope, match="subject"):
        demand(till, bank, subject=" ")
    with pytest.raises(BadScope, match="note"):
        till.do(answer_report, demand(till, bank).id, note="")
    with pytest.raises(NoSuchRecord):
        till.do(answer_report, "D-000099", note="x")
    till.do(registry.end_verifier, bank.id)
    with pytest.raises(WrongState, match="ended"):
        demand(till, bank)
