"""A month: closed when nothing of it can come any more, frozen once, and never changed again."""

from datetime import date, timedelta

import pytest
from sqlalchemy import create_engine, insert
from sqlalchemy.exc import IntegrityError

from support.till import AFTER, APRIL, STREAM, USER_AUTH, Till, Use, no_progress, price
from tashika_server.book import accounts as a
from tashika_server.book.trail import entries
from tashika_server.ledger.adjustments import add_adjustment, adjustments, approve_adjustment
from tashika_server.ledger.errors import (
    MonthFrozen,
    MonthIncomplete,
    MonthMoved,
    NotFrozen,
    TariffHole,
)
from tashika_server.ledger.month import draft_month, find_month, freeze_month, months
from tashika_server.ledger.statement import statement_document, statements
from tashika_server.metering.usage import Delivery, StandingCode

DAY = date(2026, 4, 10)


@pytest.fixture
def busy(till: Till, agreement) -> Till:
    """April is over, taken in, priced, and has three signatures and five log-ins."""
    till.published()
    till.used(agreement, Use(DAY, 3), Use(DAY, 5, family=USER_AUTH))
    till.taken_in()
    return till


def test_a_month_becomes_one_statement_with_the_waiver_shown(busy: Till):
    frozen = busy.close()
    assert (frozen.list_yen, frozen.waived_yen, frozen.due_yen) == (70, 70, 0)
    assert (frozen.provisions, frozen.fiscal_year, frozen.tariff) == (8, 2026, "T-000006")
    (statement,) = busy.see(statements, month=APRIL)
    document = busy.see(statement_document, statement)
    assert [(line.provisions, line.list_price, line.price) for line in document.lines] == [
        (3, 20, 0),
        (5, 2, 0),
    ]
    assert (document.totals.list_yen, document.totals.due_yen) == (70, 0)
    assert [row.id for row in document.tariffs] == [f"T-00000{n}" for n in (1, 2, 3, 4)]
    trail = [(each.action, each.subject) for each in busy.see(lambda c: list(entries(c)))]
    assert trail[-2:] == [("statement.freeze", "M-000001"), ("month.freeze", "2026-04")]


def test_a_month_is_frozen_once(busy: Till):
    frozen = busy.close()
    with pytest.raises(MonthFrozen, match="2026-04 was frozen by sato"):
        busy.close(at=AFTER + timedelta(days=1))
    assert busy.see(months) == (frozen,)


def test_two_who_freeze_at_the_same_time_freeze_it_once(busy: Till):
    busy.at = AFTER
    with busy.book.reading() as connection:
        drafts = [
            draft_month(connection, APRIL, busy.rules, at=AFTER, progress=no_progress)
            for _ in range(2)
        ]
    busy.do(freeze_month, drafts[0])
    with pytest.raises(MonthFrozen):
        busy.do(freeze_month, drafts[1])
    assert len(busy.see(statements)) == 1


def test_an_agreement_without_usage_has_a_statement_of_nothing(busy: Till, bank):
    other = busy.active(busy.verifier(name="Bank B"), USER_AUTH)
    busy.draft(busy.verifier(name="Bank C"), USER_AUTH)
    busy.close()
    second = busy.see(statements)[1]
    assert (second.agreement, second.list_yen) == (other.id, 0)
    assert len(busy.see(statements)) == 2


def test_the_status_of_a_month_that_is_not_frozen_is_refused(busy: Till):
    with pytest.raises(NotFrozen, match="month close CONFIG 2026-04"):
        busy.see(find_month, APRIL)


# --- Incomplete -----------------------------------------------------------------------------


def _alarm(till: Till) -> None:
    with till.change() as change:
        change.insert(a.journal_alarm, {"kind": "gap", "detail": "7 after 5", "raised_at": AFTER})


def _other_machine(till: Till) -> None:
    with till.change() as change:
        row = {"node": "node-2", "read_to": AFTER - timedelta(days=3)}
        change.connection.execute(insert(a.journal_node).values(row))


SHORT = APRIL.end - timedelta(microseconds=1)
INCOMPLETE = {
    "the intake stands a moment before the end": (
        lambda till: till.taken_in(SHORT),
        f"journal {STREAM} is taken in up to 2026-04-30 23:59 JST",
    ),
    "a journal is missing": (
        lambda till: till.taken_in(SHORT, state="missing"),
        f"journal {STREAM} is taken in up to",
    ),
    "no machine has reported": (
        lambda till: till.taken_in(None),
        "no machine has reported its journals",
    ),
    "another machine is silent": (_other_machine, "the roster of node-2 is taken in up to"),
    "an alarm is open": (_alarm, r"alarm 1 \(gap\) is open: 7 after 5"),
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_t39_an_incomplete_month_is_refused_with_what_to_do(busy: Till, case: str):
    spoil, told = INCOMPLETE[case]
    spoil(busy)
    with pytest.raises(MonthIncomplete, match=told) as refused:
        busy.close()
    assert refused.value.remedy
    assert busy.see(months) == ()
    assert busy.see(statements) == ()


def test_a_month_that_is_not_over_in_japan_is_refused(busy: Till):
    with pytest.raises(MonthIncomplete, match="2026-04: ends at 2026-05-01 00:00 JST"):
        busy.close(at=APRIL.end - timedelta(seconds=1))
    busy.close(at=APRIL.end)


@pytest.mark.parametrize("state", ["ended", "dead"])
def test_a_journal_that_is_all_taken_in_holds_nothing_up(busy: Till, state: str):
    busy.taken_in(AFTER, state=state)
    with busy.change() as change:
        change.connection.execute(a.journal_stream.update().values(caught_up_to=SHORT))
    busy.close()


def test_a_machine_that_is_gone_for_good_holds_nothing_up(busy: Till):
    _other_machine(busy)
    with busy.change() as change:
        gone = a.journal_node.c.node == "node-2"
        change.connection.execute(a.journal_node.update().where(gone).values(retired_at=AFTER))
    assert busy.close().caught_up_to == AFTER


def test_usage_that_comes_while_the_month_is_rated_stops_the_freeze(busy: Till, agreement):
    with busy.book.reading() as connection:
        draft = draft_month(connection, APRIL, busy.rules, at=AFTER, progress=no_progress)
    busy.used(agreement, Use(DAY))
    busy.at = AFTER
    with pytest.raises(MonthMoved, match="close it again"):
        busy.do(freeze_month, draft)
    assert busy.close().provisions == 9


def test_a_tariff_that_comes_while_the_month_is_rated_stops_the_freeze(busy: Till):
    with busy.book.reading() as connection:
        draft = draft_month(connection, APRIL, busy.rules, at=AFTER, progress=no_progress)
    busy.priced(price(7, issuer="another"))
    busy.at = AFTER
    with pytest.raises(MonthMoved):
        busy.do(freeze_month, draft)


def test_t39_a_missing_price_refuses_and_names_everything_and_the_command(till: Till, agreement):
    till.priced(price(valid_from=date(2026, 4, 3)))
    till.used(
        agreement,
        *(Use(date(2026, 4, day)) for day in (1, 2, 3)),
        Use(DAY, family=USER_AUTH, standing=StandingCode.REVOKED),
        Use(DAY, delivery=Delivery.UNKNOWN),
    )
    till.taken_in()
    with pytest.raises(TariffHole) as refused:
        till.close()
    told = str(refused.value)
    assert (
        "no tariff for ocsp of signature certificates of signature-g3, "
        "category accredited-verifier, on 2026-04-01 to 2026-04-02\n"
    ) in told
    assert "of user-auth certificates of user-auth-g3, category accredited-verifier, on" in told
    assert "tariff add CONFIG --method ocsp --family signature --from 2026-04-01" in told
    assert till.see(months) == ()


# --- Frozen is frozen -----------------------------------------------------------------------

TAMPERING = [
    "UPDATE month SET due_yen = due_yen + 1, list_yen = list_yen + 1",
    "UPDATE statement SET document = replace(document, '70', '60')",
    "DELETE FROM statement",
    "UPDATE tariff SET yen = 1",
    "DELETE FROM tariff WHERE id = 6",
    "INSERT INTO month SELECT * FROM month",
]
OTHER_ROW = "SELECT 9, month, agreement_id, verifier_id, document, digest, list_yen, waived_yen"
TAMPERING_BY_DIALECT = {
    "sqlite": [
        "INSERT OR REPLACE INTO month SELECT * FROM month",
        "INSERT OR REPLACE INTO statement SELECT * FROM statement",
        f"INSERT OR REPLACE INTO statement {OTHER_ROW}, due_yen FROM statement",
    ],
    "postgresql": [
        "TRUNCATE tariff CASCADE",
        "SET session_replication_role = replica; DELETE FROM statement",
    ],
}


def test_nobody_alters_what_is_frozen(busy: Till, book_dsn: str):
    frozen, kept = busy.close(), busy.see(statements)
    engine = create_engine(book_dsn.replace("postgresql:", "postgresql+psycopg:"))
    for statement in TAMPERING + TAMPERING_BY_DIALECT[engine.dialect.name]:
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.exec_driver_sql(statement)
    engine.dispose()
    assert (busy.see(months), busy.see(statements)) == ((frozen,), kept)


def test_the_tables_have_the_last_word_about_adjustments(busy: Till, book_dsn: str):
    busy.close()
    busy.do(add_adjustment, "M-000001", yen=-20, reason="approved")
    busy.do(add_adjustment, "M-000001", yen=-5, reason="open")
    busy.actor = "suzuki"
    busy.do(approve_adjustment, "J-000001")
    kept = busy.see(adjustments)
    engine = create_engine(book_dsn.replace("postgresql:", "postgresql+psycopg:"))
    for statement in (
        "UPDATE adjustment SET approved_by = entered_by, approved_at = 1 WHERE id = 2",
        "UPDATE adjustment SET approved_by = 'ito' WHERE id = 2",
        "UPDATE adjustment SET yen = -500 WHERE id = 2",
        "UPDATE adjustment SET reason = 'another' WHERE id = 2",
        "UPDATE adjustment SET approved_by = NULL, approved_at = NULL WHERE id = 1",
        "UPDATE adjustment SET rejected_by = 'ito', rejected_at = 1 WHERE id = 1",
        "DELETE FROM adjustment WHERE id = 2",
    ):
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.exec_driver_sql(statement)
    engine.dispose()
    assert busy.see(adjustments) == kept
