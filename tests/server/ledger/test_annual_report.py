"""The yearly report: every answer in one column, in its year of Japan, as the journals have it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.intake import Machine
from support.journal import FrailDisk, Worker
from support.till import ISSUERS, OPERATORS, SIGNATURE, USER_AUTH, Till, Use
from tashika.pki.profile import Family
from tashika_server.agreements.act import Category
from tashika_server.agreements.registry import Agreement, Verifier
from tashika_server.agreements.terms import Environment, Method
from tashika_server.book import accounts as a
from tashika_server.book import open_book
from tashika_server.ledger.annual_form import (
    HEADINGS,
    AnnualReport,
    Figures,
    Service,
    report_rows,
    report_title,
)
from tashika_server.ledger.annual_report import (
    Recount,
    Years,
    annual_report,
    demand_borne_out,
    recounted,
)
from tashika_server.ledger.days import Month, hours_of
from tashika_server.ledger.errors import MonthIncomplete, ReportDiffers, UnknownUsage
from tashika_server.metering.counting import Like
from tashika_server.metering.recount import Span, extents, recount
from tashika_server.metering.usage import Context, Delivery, Occasion, StandingCode

FIRST, LAST = date(2026, 4, 1), date(2027, 3, 31)
OVER = datetime(2027, 4, 1, 1, tzinfo=UTC)


def report(till: Till, year: int = 2026, years: Years = Years.ANY, at: datetime = OVER):
    return till.see(annual_report, year, operators=OPERATORS, at=at, years=years)


def figures(made: AnnualReport) -> dict[tuple[Any, ...], Figures]:
    return {(e.family, e.method, e.issuer, e.category): e.figures for e in made.lines}


@pytest.fixture(scope="module")
def light_till(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("annual") / "book.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    book = open_book(f"sqlite:///{path}")
    yield Till(book)
    book.close()


@pytest.fixture(scope="module")
def bank_agreement(light_till: Till) -> Agreement:
    return light_till.active(light_till.verifier(), SIGNATURE, USER_AUTH)


def put(till: Till, agreement: Agreement, uses: Iterable[Use]) -> None:
    """Have just these counted."""
    with till.change() as change:
        change.connection.execute(a.usage_total.delete())
        till.use(change, agreement, uses)


COLUMNS = {
    (StandingCode.GOOD, Occasion.FRESH, Delivery.HANDED_OVER): "provided",
    (StandingCode.REVOKED, Occasion.FRESH, Delivery.HANDED_OVER): "provided",
    (StandingCode.HELD, Occasion.FRESH, Delivery.HANDED_OVER): "provided",
    (StandingCode.NEVER_ISSUED, Occasion.FRESH, Delivery.HANDED_OVER): "provided",
    (StandingCode.GOOD, Occasion.CACHED, Delivery.HANDED_OVER): "provided",
    (StandingCode.GOOD, Occasion.RETRY, Delivery.HANDED_OVER): "repeated",
    (StandingCode.GOOD, Occasion.REPLAY, Delivery.HANDED_OVER): "repeated",
    (StandingCode.UNKNOWN, Occasion.FRESH, Delivery.HANDED_OVER): "unknown",
    (StandingCode.UNKNOWN, Occasion.RETRY, Delivery.HANDED_OVER): "unknown",
    (StandingCode.GOOD, Occasion.FRESH, Delivery.UNKNOWN): "uncertain",
    (StandingCode.UNKNOWN, Occasion.RETRY, Delivery.UNKNOWN): "uncertain",
    (StandingCode.GOOD, Occasion.CACHED, Delivery.ABANDONED): "undelivered",
}


@pytest.mark.parametrize("codes", COLUMNS)
def test_every_kind_of_answer_is_in_one_column(
    light_till: Till, bank_agreement: Agreement, codes: tuple[int, int, int]
):
    put(light_till, bank_agreement, [Use(FIRST, 7, 12, SIGNATURE, Method.OCSP, *codes)])
    (line,) = report(light_till).lines
    assert line.figures == Figures(**{COLUMNS[codes]: 7})


def test_lines_are_by_family_method_issuer_and_category_and_sums_by_family_and_service(
    till: Till, agreement: Agreement
):
    court = till.active(till.verifier(Category.COURT, name="Court"), SIGNATURE)
    other_bank = till.active(till.verifier(name="Bank B"), SIGNATURE)
    till.used(agreement, Use(FIRST, 1), Use(LAST, 2), Use(FIRST, 4, family=USER_AUTH))
    till.used(
        agreement, Use(FIRST, 8, method=Method.FILE), Use(FIRST, 16, method=Method.STATUS_API)
    )
    till.used(agreement, Use(FIRST, 32, method=Method.CORRESPONDING))
    till.used(court, Use(FIRST, 64))
    till.used(other_bank, Use(FIRST, 128))
    made = report(till)
    bank, issuer = Category.ACCREDITED_VERIFIER, ISSUERS[SIGNATURE]
    assert figures(made) == {
        (SIGNATURE, Method.OCSP, issuer, bank): Figures(provided=131),
        (SIGNATURE, Method.STATUS_API, issuer, bank): Figures(provided=16),
        (SIGNATURE, Method.FILE, issuer, bank): Figures(provided=8),
        (SIGNATURE, Method.CORRESPONDING, issuer, bank): Figures(provided=32),
        (SIGNATURE, Method.OCSP, issuer, Category.COURT): Figures(provided=64),
        (USER_AUTH, Method.OCSP, ISSUERS[USER_AUTH], bank): Figures(provided=4),
    }
    assert {(each.family, each.service): each.figures.provided for each in made.sums} == {
        (SIGNATURE, Service.INFORMATION): 211,
        (SIGNATURE, Service.FILES): 8,
        (SIGNATURE, Service.NUMBERS): 32,
        (USER_AUTH, Service.INFORMATION): 4,
        (USER_AUTH, Service.FILES): 0,
        (USER_AUTH, Service.NUMBERS): 0,
    }
    assert [each.service for each in made.sums] == [*Service, *Service]
    assert (made.first, made.last) == (FIRST, LAST)


def test_a_fiscal_year_begins_and_ends_at_midnight_in_japan(till: Till, agreement: Agreement):
    day = timedelta(days=1)
    till.used(agreement, Use(FIRST - day, 1, hour=23), Use(FIRST, 10, hour=0))
    till.used(agreement, Use(LAST, 100, hour=23), Use(LAST + day, 1000, hour=0))
    made = {year: report(till, year).sums for year in (2025, 2026, 2027)}
    assert {year: sums[0].figures.provided for year, sums in made.items()} == {
        2025: 1,
        2026: 110,
        2027: 1000,
    }
    assert hours_of(FIRST)[0] == datetime(2026, 3, 31, 15, tzinfo=UTC).timestamp() // 3600


def test_what_was_answered_for_tests_provides_nothing(till: Till, bank: Verifier):
    tried = till.active(bank, SIGNATURE, environment=Environment.TEST)
    till.used(tried, Use(FIRST, 5))
    assert report(till).lines == ()


def test_t39_a_year_of_which_something_may_come_is_refused_or_marked(
    till: Till, agreement: Agreement
):
    till.used(agreement, Use(FIRST, 5))
    till.taken_in(datetime(2027, 3, 31, 14, tzinfo=UTC))
    with pytest.raises(MonthIncomplete, match="2027-03"):
        report(till, years=Years.COMPLETE)
    assert report(till).interim
    assert "暫定 / interim" in report_title(report(till))
    till.taken_in(OVER)
    with pytest.raises(MonthIncomplete, match="ends at"):
        report(till, years=Years.COMPLETE, at=datetime(2027, 3, 31, 14, 59, tzinfo=UTC))
    whole = report(till, years=Years.COMPLETE)
    assert not whole.interim
    assert whole == report(till, years=Years.COMPLETE, at=OVER + timedelta(days=900))


def test_a_code_without_a_name_is_not_reported_as_something_else(till: Till, agreement: Agreement):
    till.used(agreement, Use(FIRST, standing=77))
    with pytest.raises(UnknownUsage, match="77"):
        report(till)


def test_the_table_has_every_line_in_both_languages_and_names_no_verifier(
    till: Till, agreement: Agreement
):
    till.used(agreement, Use(FIRST, 3), Use(FIRST, 2, delivery=Delivery.UNKNOWN))
    line, total, *noughts = report_rows(report(till))
    assert line == (
        "署名用電子証明書 / signature certificates",
        "失効情報 / revocation information",
        "signature-g3",
        "Body S",
        "認定を受けた民間事業者 / accredited verifier",
        *(3, 0, 0, 2, 0),
    )
    assert total[2:] == ("計 total", "", "", 3, 0, 0, 2, 0)
    assert report(till).operators == {"signature-g3": "Body S"}
    assert [row[:2] for row in noughts[:2]] == [
        (line[0], "失効情報ファイル / revocation information files"),
        (line[0], "対応証明書の発行の番号 / corresponding certificate numbers"),
    ]
    assert {len(row) for row in (HEADINGS, line, total, *noughts)} == {len(HEADINGS)}
    assert "Bank A" not in str(report(till))


# --- The recount ------------------------------------------------------------------------------

USES = st.lists(
    st.builds(
        Use,
        day=st.dates(FIRST - timedelta(days=2), FIRST + timedelta(days=2))
        | st.dates(LAST - timedelta(days=2), LAST + timedelta(days=2)),
        count=st.integers(1, 9),
        hour=st.integers(0, 23),
        family=st.sampled_from([SIGNATURE, USER_AUTH]),
        method=st.sampled_from(Method),
        standing=st.sampled_from(StandingCode),
        occasion=st.sampled_from(Occasion),
        delivery=st.sampled_from(Delivery),
    ),
    max_size=12,
)


def like(agreement: Agreement, use: Use) -> Like:
    """What a journal would say of an answer."""
    context = Context(
        verifier=agreement.verifier,
        holder="",
        agreement=agreement.id,
        version=1,
        family=use.family,
        issuer=ISSUERS[use.family],
        fingerprint=bytes(32),
        method=use.method,
        purpose="",
    )
    codes = (use.standing, use.occasion, use.delivery)
    return Like(hours_of(use.day)[use.hour], context, *codes)


def journals(agreement: Agreement, uses: Iterable[Use]) -> Recount:
    """Journals that hold just these."""
    months: defaultdict[str, Counter[Like]] = defaultdict(Counter)
    for use in uses:
        months[f"{use.day:%Y-%m}"][like(agreement, use)] += use.count
    return lambda month: months[str(month)]


@given(uses=USES, shuffled=st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_report_is_what_the_journals_say_in_whatever_order(
    light_till: Till, bank_agreement: Agreement, uses: list[Use], shuffled
):
    put(light_till, bank_agreement, uses)
    made = report(light_till)
    shuffled.shuffle(uses)
    again = light_till.see(recounted, made, journals(bank_agreement, uses))
    assert again == made
    demand_borne_out(made, again)
    within = sum(use.count for use in uses if FIRST <= use.day <= LAST)
    assert sum(sum(vars_of(each.figures)) for each in made.lines) == within


def vars_of(counted: Figures) -> list[int]:
    return [getattr(counted, name) for name in counted.__slots__]


def test_a_report_that_the_journals_do_not_bear_out_says_where(till: Till, agreement: Agreement):
    till.used(agreement, Use(FIRST, 5), Use(FIRST, 2, family=USER_AUTH))
    uses = [Use(FIRST, 4), Use(FIRST, 2, family=USER_AUTH), Use(FIRST, 1, method=Method.FILE)]
    made = report(till)
    with pytest.raises(ReportDiffers) as differs:
        demand_borne_out(made, till.see(recounted, made, journals(agreement, uses)))
    first, second = differs.value.what.splitlines()
    of = "signature-g3, accredited-verifier"
    assert first == f"signature, file, {of}: none are reported and 1+0+0+0+0 journalled"
    assert second == f"signature, ocsp, {of}: 5+0+0+0+0 are reported and 4+0+0+0+0 journalled"


def test_whom_the_registry_does_not_know_is_left_out_of_both(till: Till, agreement: Agreement):
    stranger = like(agreement, Use(FIRST))
    stranger = stranger._replace(context=context_with(stranger.context, verifier="V-000099"))
    again = till.see(recounted, report(till), lambda _: {stranger: 3})
    assert again.lines == ()


def context_with(context: Context, **changes: Any) -> Context:
    values = {name: getattr(context, name) for name in context.__slots__}
    return Context(**values | changes)


def test_real_journals_are_recounted_to_the_report(
    till: Till, agreement: Agreement, tmp_path: Path
):
    worker = Worker(tmp_path / "journal", FrailDisk())
    worker.at = datetime(2027, 3, 31, 14, 59, 30, tzinfo=UTC)
    worker.begin()
    for number in range(60):  # a second each, the last thirty in the next year of Japan
        answer = worker.note()
        worker.settle(answer, Delivery.ABANDONED if number % 7 == 3 else Delivery.HANDED_OVER)
        worker.at += timedelta(seconds=1)
    worker.own.end()
    machine = Machine(till.book, tmp_path / "journal")
    machine.clock.at = worker.at
    machine.take_in()
    made = report(till, years=Years.COMPLETE)

    def count(month: Month) -> Counter[Like]:
        span = Span(month.begin, month.end)
        return recount(machine.see(lambda it: extents(it, [machine.journal], span)), span)

    again = till.see(recounted, made, count)
    demand_borne_out(made, again)
    assert again == made
    assert sum(vars_of(made.sums[0].figures)) == 30


def test_an_issuer_outside_the_act_is_told_apart(till: Till, bank: Verifier):
    agreed = till.active(till.verifier(Category.OTHER_PARTY, name="Lab"), Family.OTHER)
    till.used(agreed, Use(FIRST, 3, family=Family.OTHER))
    found = [each for each in report(till).sums if each.figures != Figures()]
    assert [(each.family, each.figures.provided) for each in found] == [(Family.OTHER, 3)]
