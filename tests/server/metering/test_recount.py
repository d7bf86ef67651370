"""Answers found again: the same as were counted, or a refusal; never a part of them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from support.intake import ALWAYS, HOUR, Machine, counts, own_segment, spoil, usages
from support.journal import AT, Worker
from tashika_server.book.accounts import journal_segment, usage_total
from tashika_server.metering.errors import JournalHarmed, NotKept
from tashika_server.metering.recount import Reckoned, Span, extents, items, reconcile
from tashika_server.metering.settling import Settlement
from tashika_server.metering.usage import Delivery, instant

MIDNIGHT = datetime(2026, 4, 2, 15, tzinfo=UTC)
"""In Japan, when 3 April begins."""


@pytest.fixture
def machine(light_machine: Machine) -> Machine:
    return light_machine


@pytest.fixture
def worker(machine: Machine) -> Worker:
    """Sixty answers, one a second around midnight, taken in while its worker lives."""
    worker = machine.worker()
    worker.at = MIDNIGHT - timedelta(seconds=30)
    worker.begin()
    for number in range(60):
        worker.settle(worker.note(number % 3 + 1), Delivery.HANDED_OVER)
        worker.at += timedelta(seconds=1)
        if number % 10 == 9:
            worker.beat()
            machine.take_in()
    return worker


def found(machine: Machine, span: Span = ALWAYS, **which: str) -> list[int]:
    """The numbers of the answers."""
    extent = machine.see(lambda connection: extents(connection, [machine.journal], span))
    return [each.usage.sequence for each in items(extent, span, **which)]


def test_a_recount_comes_to_the_totals(machine: Machine, worker: Worker):
    assert machine.recount() == machine.counted == counts(usages(worker))


def test_only_what_was_taken_in_is_recounted(machine: Machine, worker: Worker):
    worker.settle(worker.note(), Delivery.HANDED_OVER)
    worker.beat()
    assert len(usages(worker)) == 61
    assert len(found(machine)) == 60
    worker.crash()
    assert len(found(machine)) == 60
    machine.take_in()
    assert len(found(machine)) == 61


def test_items_are_those_of_a_span_and_a_party(machine: Machine, worker: Worker):
    span = Span(MIDNIGHT, MIDNIGHT + timedelta(seconds=10))
    assert found(machine, span) == list(range(30, 40))
    assert found(machine, span, verifier="V-000002") == [31, 34, 37]
    assert found(machine, span, agreement="A-000003") == [32, 35, 38]
    assert found(machine, span, verifier="V-000002", agreement="A-000003") == []
    assert found(machine, Span(MIDNIGHT, MIDNIGHT)) == []


def test_reading_begins_where_a_span_does(machine: Machine, worker: Worker):
    """Of a journal of years one month is read, not all."""
    first = machine.segments[0]
    own_segment(worker, 1).write_bytes(b"")
    span = Span(first.ended_at + timedelta(microseconds=1), ALWAYS.end)
    assert found(machine, span) == [
        each.sequence for each in usages_from(worker, first) if instant(each.at) >= span.begin
    ]
    with pytest.raises(JournalHarmed):
        found(machine)


def usages_from(worker: Worker, first) -> list:
    return [each for each in worker.noted.values() if each.sequence >= first.first + first.records]


def test_t39_a_part_of_what_was_taken_in_is_refused(machine: Machine, worker: Worker):
    path = own_segment(worker, 2)
    whole = path.read_bytes()
    spoil(path, 40)
    with pytest.raises(JournalHarmed, match="restore its files"):
        found(machine)
    path.write_bytes(whole[: 20 * 64] + bytes(len(whole) - 20 * 64))
    with pytest.raises(JournalHarmed):
        found(machine)
    path.write_bytes(whole)
    assert len(found(machine)) == 60


def test_a_segment_that_was_forged_after_its_seal_was_read_shows(machine: Machine, worker: Worker):
    """Whoever forges all of a file has still not forged the book."""
    with machine.book.writing(actor="x", at=AT) as change:
        change.connection.execute(update(journal_segment).values(digest=bytes(32)))
    with pytest.raises(JournalHarmed, match="has changed"):
        found(machine)


def test_what_a_person_has_left_out_is_left_out_again(machine: Machine, worker: Worker):
    for _ in range(60):
        worker.settle(worker.note(), Delivery.HANDED_OVER)
        worker.beat()
    spoil(own_segment(worker, 4), 30)
    machine.take_in()
    machine.settle(Settlement.LEAVE_OUT)
    worker.own.end()
    machine.take_in()
    assert machine.recount() == machine.counted
    assert 0 < machine.counted.total() < 120


def test_harm_behind_what_was_taken_in_is_no_matter(machine: Machine, worker: Worker):
    taken = len(found(machine))
    for _ in range(60):
        worker.settle(worker.note(), Delivery.HANDED_OVER)
        worker.beat()
    spoil(own_segment(worker, 3), 60)
    machine.take_in()
    assert [each.kind for each in machine.alarms] == ["damaged"]
    assert machine.recount() == machine.counted
    assert taken < machine.counted.total() < 120


def test_purged_time_cannot_be_recounted(machine: Machine, worker: Worker):
    first = machine.segments[0]
    with machine.book.writing(actor="x", at=AT) as change:
        mine = journal_segment.c.number == 1
        change.connection.execute(update(journal_segment).where(mine).values(purged_at=AT))
    with pytest.raises(NotKept, match="purged"):
        found(machine)
    assert found(machine, Span(first.ended_at + timedelta(microseconds=1), ALWAYS.end))


def test_every_machine_s_journals_are_needed(machine: Machine, worker: Worker, tmp_path: Path):
    other = Machine(machine.book, tmp_path / "other", node="node-2")
    second = other.worker()
    second.run()
    other.take_in()
    with pytest.raises(JournalHarmed, match="of node-2 is in none"):
        found(machine)
    both = machine.see(
        lambda connection: extents(connection, [machine.journal, other.journal], ALWAYS)
    )
    assert len(list(items(both, ALWAYS))) == machine.counted.total() == 60 + len(second.noted)


# --- Reconciliation -------------------------------------------------------------------------

SECOND, THIRD = date(2026, 4, 2), date(2026, 4, 3)


def reconciled(machine: Machine, first: date) -> tuple[Reckoned, ...]:
    return machine.see(lambda connection: reconcile(connection, [machine.journal], first, THIRD))


def test_reconciliation_is_by_verifier_and_day_of_japan(machine: Machine, worker: Worker):
    rows = reconciled(machine, SECOND)
    assert [(each.day, each.verifier, each.journalled, each.ingested) for each in rows] == [
        (day, f"V-00000{number}", 10, 10) for day in (SECOND, THIRD) for number in (1, 2, 3)
    ]
    assert {each.difference for each in rows} == {0}
    only = reconciled(machine, THIRD)
    assert [each.day for each in only] == [THIRD] * 3


def test_reconciliation_tells_a_difference(machine: Machine, worker: Worker):
    with machine.book.writing(actor="x", at=AT) as change:
        mine = usage_total.c.hour == int(MIDNIGHT.timestamp() * 1_000_000) // HOUR
        change.connection.execute(
            update(usage_total).where(mine).values(count=usage_total.c.count + 1)
        )
    rows = reconciled(machine, SECOND)
    assert [each.difference < 0 for each in rows] == [False] * 3 + [True] * 3
