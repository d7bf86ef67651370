"""Journals go by rule: long over, of frozen months, with no question open; and leave a trail."""

import json
from datetime import datetime, timedelta

import pytest

from support.intake import Machine, own_segment, spoil
from support.journal import AT, Worker
from tashika_server.metering import retention
from tashika_server.metering.alarms import Doubt, open_alarm
from tashika_server.metering.retention import purge
from tashika_server.metering.roster import read_roster
from tashika_server.metering.settling import Settlement
from tashika_server.metering.usage import Delivery

KEEP = timedelta(days=365)
LATER = AT + timedelta(days=500)


@pytest.fixture
def machine(light_machine: Machine) -> Machine:
    return light_machine


@pytest.fixture
def worker(machine: Machine) -> Worker:
    """A worker of April and May, taken in; it lives."""
    worker = machine.worker()
    worker.begin()
    for day in range(0, 45, 5):
        for _ in range(20):
            worker.settle(worker.note(), Delivery.HANDED_OVER)
        worker.at = AT + timedelta(days=day)
        worker.beat()
        machine.take_in()
    return worker


def run(machine: Machine, at: datetime = LATER) -> int:
    return purge(machine.book, machine.journal, actor="intake:node-1", at=at, keep=KEEP)


def kept(machine: Machine) -> list[int]:
    return [each.number for each in machine.segments if each.purged_at is None]


def test_nothing_goes_before_its_months_are_frozen(machine: Machine, worker: Worker):
    everything = kept(machine)
    assert len(everything) > 2
    assert run(machine) == 0
    machine.freeze("2026-04")
    gone = run(machine)
    assert 0 < gone < len(everything)
    assert kept(machine) == everything[gone:]
    assert [own_segment(worker, each).exists() for each in everything] == [False] * gone + [
        True
    ] * (len(everything) - gone)
    machine.freeze("2026-05")
    run(machine)
    assert kept(machine) == []
    assert machine.take_in() == 0
    assert machine.alarms == ()


def test_nothing_goes_before_its_time(machine: Machine, worker: Worker):
    machine.freeze("2026-04", "2026-05")
    first = machine.segments[0]
    assert run(machine, first.ended_at + KEEP) == 0
    assert run(machine, first.ended_at + KEEP + timedelta(microseconds=1)) == 1


def test_nothing_goes_while_a_question_is_open(machine: Machine, worker: Worker):
    machine.freeze("2026-04", "2026-05")
    with machine.book.writing(actor="x", at=AT) as change:
        open_alarm(change, Doubt.STRAY, worker.name, at=None, detail="why")
    assert run(machine) == 0


def test_the_trail_says_what_went_and_by_which_rule(machine: Machine, worker: Worker):
    machine.freeze("2026-04", "2026-05")
    numbers = kept(machine)
    run(machine)
    (entry,) = machine.trail("stream.purge")
    assert (entry.actor, entry.subject) == ("intake:node-1", worker.name)
    assert json.loads(entry.after) == {
        "segments": numbers,
        "ended_before": (LATER - KEEP).isoformat().replace("+00:00", "Z"),
    }
    assert run(machine) == 0
    assert len(machine.trail("stream.purge")) == 1


def test_a_purge_that_died_before_it_removed_anything_is_finished_later(
    machine, worker, monkeypatch
):
    machine.freeze("2026-04", "2026-05")

    def die(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(retention, "_remove", die)
        with pytest.raises(KeyboardInterrupt):
            run(machine)
    assert own_segment(worker, 1).exists()
    assert run(machine) == len(machine.segments)
    assert not own_segment(worker, 1).exists()
    assert machine.alarms == ()


def test_a_stream_of_which_nothing_is_left_leaves_its_line_on_the_roster(machine, worker):
    worker.own.end()
    machine.take_in()
    machine.freeze("2026-04", "2026-05")
    run(machine)
    assert not (worker.root / worker.name).exists()
    assert len(read_roster(worker.root).streams) == 1
    assert machine.take_in() == 0
    assert machine.alarms == ()


def test_a_segment_of_which_something_was_left_out_stays_for_a_person(machine, worker):
    path = own_segment(worker, machine.stream.cursor.segment)
    spoil(path, 0)
    worker.crash()
    machine.take_in()
    machine.settle(Settlement.LEAVE_OUT)
    machine.freeze("2026-04", "2026-05")
    run(machine)
    assert [own_segment(worker, 1).exists(), path.exists()] == [False, True]


def test_a_copy_that_somebody_has_put_beside_a_segment_is_let_lie(machine, worker):
    copy = own_segment(worker, 1).with_name("1 as it was.seg")
    copy.write_bytes(own_segment(worker, 1).read_bytes())
    machine.freeze("2026-04", "2026-05")
    assert run(machine) == len(machine.segments)
    assert copy.exists()
