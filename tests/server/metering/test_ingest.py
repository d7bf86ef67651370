"""From journals into the book: what was answered is counted as what it was, and once."""

import json
from datetime import timedelta

from support.intake import Machine, counts, own_segment, spoil, usages
from support.journal import AT, NODE, read_all
from tashika_server.ledger.days import Month
from tashika_server.ledger.watermark import obstacles
from tashika_server.metering.alarms import Doubt
from tashika_server.metering.settling import Settlement
from tashika_server.metering.streams import Outlook
from tashika_server.metering.usage import Delivery


def test_a_worker_s_day_is_counted_by_kind(machine: Machine):
    worker = machine.worker()
    worker.run()
    assert machine.take_in() == len(worker.noted)
    assert machine.counted == counts(worker.check())
    assert {like.delivery for like in machine.counted} == set(Delivery)
    stream = machine.stream
    assert (stream.id, stream.node, stream.outlook) == (worker.name, NODE, Outlook.ENDED)
    assert stream.cursor.sequence == len(worker.noted)
    assert machine.alarms == ()


def test_each_segment_is_kept_with_its_digest_and_in_the_trail(machine: Machine):
    worker = machine.worker()
    worker.run()
    machine.take_in()
    _, page = read_all(worker.root / worker.name)
    assert [each.number for each in machine.segments] == list(range(1, len(machine.segments) + 1))
    assert sum(each.records for each in machine.segments) == len(worker.noted)
    assert [(each.first, each.digest) for each in machine.segments] == [
        (each.first, each.digest) for each in page.closed
    ]
    sealed = machine.trail("segment.seal")
    assert [json.loads(each.after)["digest"] for each in sealed] == [
        each.digest.hex() for each in machine.segments
    ]
    assert {each.actor for each in sealed} == {f"intake:{NODE}"}


def test_what_nothing_is_known_of_waits_while_its_worker_lives(light_machine: Machine):
    worker = light_machine.worker()
    worker.begin()
    first, second = worker.note(), worker.note(verifier=2)
    worker.flush()
    worker.settle(first, Delivery.HANDED_OVER)
    worker.at += timedelta(seconds=1)
    worker.beat()
    assert light_machine.take_in() == 1
    assert light_machine.stream.cursor.sequence == second
    assert light_machine.stream.caught_up_to == AT
    worker.settle(second, Delivery.ABANDONED)
    worker.at += timedelta(seconds=1)
    worker.beat()
    assert light_machine.take_in() == 1
    assert light_machine.stream.outlook is Outlook.OPEN
    assert light_machine.stream.caught_up_to == worker.at
    assert {like.delivery for like in light_machine.counted} == {
        Delivery.HANDED_OVER,
        Delivery.ABANDONED,
    }


def test_an_idle_worker_is_caught_up_with(light_machine: Machine):
    worker = light_machine.worker()
    worker.begin()
    for _ in range(3):
        worker.at += timedelta(minutes=1)
        worker.beat()
        assert light_machine.take_in() == 0
        assert light_machine.stream.caught_up_to == worker.at


def test_of_a_dead_worker_s_last_answers_nobody_knows_and_the_trail_says_which(machine: Machine):
    worker = machine.worker()
    worker.begin()
    for number in range(6):
        worker.note()
        worker.flush()
        if number in {0, 3}:
            worker.settle(number, Delivery.ABANDONED)
    worker.flush()
    assert machine.take_in() == 1
    worker.crash()
    assert machine.take_in() == 5
    assert machine.stream.outlook is Outlook.DEAD
    (end,) = machine.trail("stream.end")
    assert json.loads(end.after)["delivery_unknown"] == [[1, 2], [4, 5]]
    assert machine.counted == counts(worker.check())
    assert machine.take_in() == 0


def test_a_torn_tail_ends_a_dead_stream_and_is_not_touched(light_machine: Machine):
    worker = light_machine.worker()
    worker.begin()
    worker.note()
    worker.flush()
    path = own_segment(worker)
    data = bytearray(path.read_bytes())
    end = len(data.rstrip(b"\0"))
    data[end + 64 : end + 84] = b"half of a slot that.."[:20]
    path.write_bytes(data)
    assert light_machine.take_in() == 0
    assert light_machine.alarms == ()
    worker.crash()
    assert light_machine.take_in() == 1
    assert (light_machine.stream.outlook, light_machine.alarms) == (Outlook.DEAD, ())
    assert path.read_bytes() == data


def test_streams_of_several_workers_add_up(light_machine: Machine):
    workers = [light_machine.worker() for _ in range(3)]
    for worker in workers:
        worker.run()
    light_machine.take_in()
    assert light_machine.counted == counts([each for worker in workers for each in usages(worker)])


def test_hours_and_contexts_are_kept_apart(machine: Machine):
    worker = machine.worker()
    worker.begin()
    worker.at = AT + timedelta(minutes=59, seconds=59)
    for verifier in (1, 2, 1, 3, 1):
        worker.settle(worker.note(verifier), Delivery.HANDED_OVER)
        worker.at += timedelta(seconds=1)
    worker.own.end()
    machine.take_in()
    assert sorted(
        (like.hour - AT.timestamp() // 3600, like.context.verifier) for like in machine.counted
    ) == [(0, "V-000001"), (1, "V-000001"), (1, "V-000001"), (1, "V-000002"), (1, "V-000003")]


def test_the_roster_s_reading_is_told_even_if_nothing_is_new(light_machine: Machine):
    ingester = light_machine.ingester()
    for _ in range(2):
        ingester.take_in()
        assert light_machine.read_to == light_machine.clock.now()
        light_machine.clock.advance(timedelta(seconds=10))
    light_machine.worker().begin()
    light_machine.clock.advance(timedelta(minutes=1))
    ingester.take_in()
    assert light_machine.read_to == light_machine.clock.now()
    assert light_machine.stream.outlook is Outlook.OPEN


def test_a_clock_that_was_ahead_for_a_moment_vouches_for_no_later_one(light_machine: Machine):
    ahead = timedelta(days=400)
    light_machine.clock.advance(ahead)
    light_machine.take_in()
    light_machine.clock.advance(-ahead)
    light_machine.take_in()
    assert light_machine.read_to == light_machine.clock.now()
    april = Month(2026, 4)
    found = light_machine.see(lambda book: obstacles(book, april, april.end))
    assert [each.what for each in found if "the roster" in each.what]


def test_a_new_stream_is_found_at_once(light_machine: Machine):
    ingester = light_machine.ingester()
    ingester.take_in()
    for number in (1, 2):
        light_machine.worker().begin()
        light_machine.clock.advance(timedelta(seconds=1))
        ingester.take_in()
        assert len(light_machine.streams) == number


def test_a_journal_that_moved_to_another_machine_is_read_there(light_machine: Machine):
    worker = light_machine.worker()
    worker.begin()
    worker.note()
    worker.flush()
    light_machine.take_in()
    worker.crash()
    light_machine.node = "node-2"
    assert light_machine.take_in() == 1
    assert light_machine.stream.outlook is Outlook.DEAD


def test_what_comes_after_its_month_was_frozen_counts_and_is_an_alarm(machine: Machine):
    machine.freeze("2026-04")
    worker = machine.worker()
    worker.begin()
    for _ in range(2):
        worker.settle(worker.note(), Delivery.HANDED_OVER)
        worker.at += timedelta(seconds=1)
        worker.beat()
        assert machine.take_in() == 1
    (alarm,) = machine.alarms
    assert (alarm.kind, alarm.stream) == (Doubt.LATE, None)
    assert (
        f"answers of 2026-04, which is frozen, came in from journal {worker.name}" in alarm.detail
    )
    assert machine.counted == counts(usages(worker))
    machine.settle(Settlement.GO_ON, reason="J-000001")
    assert [each.settled_at is None for each in machine.alarms] == [False]


def test_what_comes_too_late_again_is_an_alarm_again(light_machine: Machine):
    light_machine.freeze("2026-04")
    worker = light_machine.worker()
    worker.begin()
    for number in (1, 2, 3):
        worker.settle(worker.note(), Delivery.HANDED_OVER)
        worker.at += timedelta(seconds=1)
        worker.beat()
        light_machine.take_in()
        assert [each.id for each in light_machine.alarms if each.settled_at is None] == [number]
        light_machine.settle(Settlement.GO_ON, number, reason="adjusted")


def test_what_is_found_in_harm_of_a_frozen_month_is_an_alarm_too(light_machine: Machine):
    worker = light_machine.worker()
    worker.run()
    spoil(own_segment(worker), 40)
    light_machine.take_in()
    light_machine.freeze("2026-04")
    light_machine.settle(Settlement.LEAVE_OUT)
    assert [each.kind for each in light_machine.alarms if each.settled_at is None] == [Doubt.LATE]
