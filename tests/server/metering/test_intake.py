"""The office's intake: each second, whatever becomes of the book, and a purge a day."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
import structlog

from support.intake import FailingBook, Machine, counts, usages
from tashika_server.metering import counting
from tashika_server.metering.usage import Delivery
from tashika_server.office import intake
from tashika_server.office.intake import Intake, IntakeParts

PATIENCE = 20.0


@pytest.fixture
def machine(light_machine: Machine) -> Machine:
    return light_machine


def parts(machine: Machine, *failures: bool) -> IntakeParts:
    book = FailingBook(machine.book, *failures) if failures else None
    return IntakeParts(ingest=machine.ingester(book)._parts, keep=timedelta(days=365))


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not claim():  # noqa: ASYNC110 - the book raises no event
            await asyncio.sleep(0.01)


async def test_answers_are_taken_in_as_they_come(machine: Machine, monkeypatch):
    monkeypatch.setattr(intake, "LOOK_EVERY", timedelta(milliseconds=10))
    worker = machine.worker()
    with Intake.of(parts(machine)) as office:
        keeping = asyncio.create_task(office.keep())
        worker.run()
        await until(lambda: machine.counted.total() == len(worker.noted))
        keeping.cancel()
    assert machine.counted == counts(usages(worker))


async def test_t4_a_book_that_fails_is_waited_for_and_told_once(machine: Machine):
    worker = machine.worker()
    worker.run()
    own = parts(machine, False, False, True)
    with structlog.testing.capture_logs() as logs, Intake.of(own) as office:
        taken = [await office.look() for _ in range(4)]
    assert taken[:3] == [0, 0, 0]
    assert machine.counted == counts(usages(worker))
    told = [each["event"] for each in logs if each["event"].startswith("usage")]
    assert told == ["usage_not_taken_in", "usage_taken_in_again"]


async def test_what_is_not_kept_longer_goes_once_a_day(machine: Machine, monkeypatch):
    calls = []
    monkeypatch.setattr(intake, "purge", lambda *_, **named: calls.append(named["keep"]) or 0)
    with Intake.of(parts(machine)) as office:
        for _ in range(3):
            await office.look()
        assert calls == [timedelta(days=365)]
        monkeypatch.setattr(intake, "PURGE_EVERY", timedelta(0))
        office._purge_at = 0.0
        for _ in range(2):
            await office.look()
    assert len(calls) == 3


async def test_t38_no_stall_is_silent(machine: Machine):
    """A writer that hangs, a stream that an alarm holds: told once, and once that it is over."""
    worker = machine.worker()
    worker.begin()
    worker.settle(worker.note(), Delivery.HANDED_OVER)
    worker.flush()
    worker.beat()
    with structlog.testing.capture_logs() as logs, Intake.of(parts(machine)) as office:
        await office.look()
        machine.clock.advance(intake.BEHIND + timedelta(minutes=1))
        for _ in range(2):
            await office.look()
        worker.at = machine.clock.now()
        worker.beat()
        for _ in range(2):
            await office.look()
    told = [each["event"] for each in logs if each["event"].startswith("usage")]
    assert told == ["usage_behind", "usage_caught_up"]


async def test_t38_a_backlog_of_any_size_is_taken_in_to_its_end(machine: Machine, monkeypatch):
    monkeypatch.setattr(counting, "MANY", 8)
    worker = machine.worker()
    for _ in range(5):
        worker.run()
    with Intake.of(parts(machine)) as office:
        assert await office.look() == len(worker.noted)
    assert machine.counted.total() == len(worker.noted)
