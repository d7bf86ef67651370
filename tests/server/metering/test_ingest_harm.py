"""What does not add up stops its stream, keeps months open, and is settled by a person."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.intake import Machine, add_party, counts, forge, own_segment, spoil, usages
from support.journal import AT, Worker, context
from tashika_server.ledger.days import Month
from tashika_server.ledger.watermark import obstacles
from tashika_server.metering.alarms import Doubt
from tashika_server.metering.counting import Like
from tashika_server.metering.ending import Harm
from tashika_server.metering.errors import SettlementRefused
from tashika_server.metering.record import SLOT_BYTES, Kind, read_slot, seed
from tashika_server.metering.recount import reconcile
from tashika_server.metering.settling import Settlement
from tashika_server.metering.streams import Outlook
from tashika_server.metering.usage import Context, Delivery, Usage, microseconds

GO_ON, LEAVE_OUT = Settlement.GO_ON, Settlement.LEAVE_OUT
AFTERWARDS = AT + timedelta(days=40)


@pytest.fixture
def machine(light_machine: Machine) -> Machine:
    return light_machine


@pytest.fixture
def worker(machine: Machine) -> Worker:
    """Three segments of answers that were delivered; it has died."""
    worker = machine.worker()
    worker.begin()
    for number in range(150):
        worker.settle(worker.note(number % 3 + 1), Delivery.HANDED_OVER)
        if number % 10 == 9:
            worker.beat()
    worker.crash()
    return worker


@pytest.fixture
def answers(worker: Worker) -> list[Usage]:
    """All of them, before anything is spoilt."""
    return usages(worker)


def by_context(counted: Counter[Like]) -> Counter[tuple[int, Context]]:
    """Whatever they were, and whether they were delivered."""
    found: Counter[tuple[int, Context]] = Counter()
    for like, number in counted.items():
        found[like[:2]] += number
    return found


def lost(machine: Machine) -> set[int]:
    """What the trail says is lost for good."""
    (left,) = machine.trail("stream.leave_out")
    ranges = json.loads(left.after)["lost"]
    return {number for first, last in ranges for number in range(first, last + 1)}


def month_is_open(machine: Machine) -> bool:
    april = Month(2026, 4)
    found = machine.see(lambda connection: obstacles(connection, april, AFTERWARDS))
    return any("alarm" in each.what for each in found)


# --- Ways of harm, and what is lost by them --------------------------------------------------


def shift_bytes(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: 40 * SLOT_BYTES] + data[41 * SLOT_BYTES :] + bytes(SLOT_BYTES))


def repeat_number(path: Path) -> None:
    forge(path, 40, lambda slot: slot.__setitem__(slice(16, 24), bytes(8)))


def blank(first: int, last: int) -> Callable[[Path], None]:
    def harm(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[first * SLOT_BYTES : last * SLOT_BYTES] = bytes((last - first) * SLOT_BYTES)
        path.write_bytes(data)

    return harm


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 40 * SLOT_BYTES])


def exchange(path: Path) -> None:
    shutil.copy(path.with_name("00000001.seg"), path)


WHOLE = range(64)
HARMS: dict[str, tuple[Callable[[Path], object], Harm, range]] = {
    "a bit turned": (lambda path: spoil(path, 40), Harm.DAMAGED, range(40, 41)),
    "slots of zeros": (blank(40, 50), Harm.DAMAGED, range(40, 50)),
    "a slot taken out": (shift_bytes, Harm.UNSEALED, range(40, 64)),
    "a number repeated": (repeat_number, Harm.GAP, range(40, 41)),
    "cut off": (cut, Harm.CUT, range(40, 64)),
    "no header": (blank(0, 1), Harm.DAMAGED, range(0)),
    "another's file": (exchange, Harm.FOREIGN, WHOLE),
    "gone": (Path.unlink, Harm.MISSING, WHOLE),
}
"""What is done, what it is found to be, and the slots that cannot be read any more."""


def numbers(path: Path, places: range) -> set[int]:
    """Tell which answers stand in these slots."""
    data, begun = path.read_bytes(), seed(bytes.fromhex(path.parent.name), int(path.stem))
    slots = (read_slot(data, place * SLOT_BYTES, begun) for place in places)
    return {slot.sequence for slot in slots if slot and slot.kind == Kind.USAGE}


@pytest.mark.parametrize("harm", HARMS)
def test_t10_harm_in_a_segment_stops_there_and_is_never_skipped(machine, worker, answers, harm):
    do, kind, _ = HARMS[harm]
    path = own_segment(worker, 2)
    whole = path.read_bytes()
    do(path)
    other = machine.worker()
    other.run()
    machine.take_in()
    machine.take_in()
    (alarm,) = machine.alarms
    assert (alarm.kind, alarm.stream, alarm.segment) == (kind, worker.name, 2)
    stream = next(each for each in machine.streams if each.id == worker.name)
    assert stream.outlook in {Outlook.OPEN, Outlook.MISSING}
    assert stream.cursor[:2] <= (alarm.segment, alarm.offset)
    before = [each for each in answers if each.sequence < stream.cursor.sequence]
    assert machine.counted == counts(before + usages(other))
    assert month_is_open(machine)
    with pytest.raises(SettlementRefused, match="it is still so"):
        machine.settle(GO_ON)
    path.write_bytes(whole)
    assert machine.take_in() == 0
    machine.settle(GO_ON)
    machine.take_in()
    assert machine.counted == counts(answers + usages(other))
    assert not month_is_open(machine)


def test_t10_a_first_segment_blanked_before_anybody_read_it_is_an_alarm(light_machine: Machine):
    worker = light_machine.worker()
    worker.begin()
    worker.note()
    worker.flush()
    worker.crash()
    path = own_segment(worker)
    path.write_bytes(bytes(path.stat().st_size))
    assert light_machine.take_in() == 0
    assert [each.kind for each in light_machine.alarms] == [Harm.DAMAGED]
    assert month_is_open(light_machine)
    light_machine.settle(LEAVE_OUT)
    assert light_machine.stream.outlook is Outlook.DEAD
    assert not month_is_open(light_machine)


@pytest.mark.parametrize("harm", HARMS)
def test_t10_what_is_left_out_is_known_to_the_number(machine, worker, answers, harm):
    do, _, places = HARMS[harm]
    gone = numbers(own_segment(worker, 2), places)
    do(own_segment(worker, 2))
    machine.take_in()
    machine.settle(LEAVE_OUT)
    machine.take_in()
    assert [each.settled_at is not None for each in machine.alarms] == [True]
    assert not month_is_open(machine)
    assert machine.stream.outlook is Outlook.DEAD
    assert lost(machine) == gone
    left = [each for each in answers if each.sequence not in gone]
    assert by_context(machine.counted) == by_context(counts(left))
    assert machine.recount() == machine.counted
    (settled,) = machine.trail("alarm.settle")
    assert (settled.actor, json.loads(settled.after)["reason"]) == ("sato", "seen to")


def test_t10_answers_whose_context_is_gone_are_lost_and_the_others_are_not(
    machine, worker, answers
):
    path = own_segment(worker, 2)
    here = numbers(path, WHOLE)
    whose = next(each.context for each in answers if each.sequence == min(here))
    blank(1, 2)(path)
    machine.take_in()
    machine.settle(LEAVE_OUT)
    machine.take_in()
    assert len(machine.alarms) == 1
    gone = {each.sequence for each in answers if each.sequence in here and each.context == whose}
    assert lost(machine) == gone
    left = [each for each in answers if each.sequence not in gone]
    assert by_context(machine.counted) == by_context(counts(left))


def test_t10_a_time_out_of_all_reason_is_an_alarm(machine, worker, answers):
    path, time = own_segment(worker, 2), (10**18).to_bytes(8, "little")
    forge(path, 40, lambda slot: slot.__setitem__(slice(32, 40), time))
    machine.take_in()
    assert [each.kind for each in machine.alarms] == [Harm.STRANGE]
    machine.settle(LEAVE_OUT)
    machine.take_in()
    assert len(lost(machine)) == 1
    assert machine.counted.total() == len(answers) - 1
    assert machine.recount() == machine.counted


def test_t10_a_copy_beside_the_segments_is_no_segment(machine, worker, answers):
    spoil(own_segment(worker, 2), 40)
    own_segment(worker, 3).rename(own_segment(worker, 3).with_name("3 as it was.seg"))
    machine.take_in()
    machine.settle(LEAVE_OUT)
    assert machine.stream.cursor.segment == 4


def test_t10_a_number_out_of_all_reason_drowns_no_other(machine, worker, answers):
    path = own_segment(worker, 2)
    forge(path, 40, lambda slot: slot.__setitem__(slice(16, 24), b"\xff" * 6 + bytes(2)))
    machine.take_in()
    machine.settle(LEAVE_OUT)
    machine.take_in()
    assert len(lost(machine)) == 1
    assert machine.counted.total() == len(answers) - 1
    assert machine.recount() == machine.counted


def test_t10_a_slot_altered_with_its_checksum_shows_at_the_seal(machine, worker, answers):
    """What it said counted before the seal was read: which totals are wrong, a recount tells."""
    path = own_segment(worker, 2)
    whole = path.read_bytes()
    forge(path, 40, lambda slot: slot.__setitem__(1, 3 - slot[1] % 2))
    machine.take_in()
    (alarm,) = machine.alarms
    assert (alarm.kind, alarm.segment, alarm.offset) == (Harm.DIGEST, 2, 63 * SLOT_BYTES)
    assert machine.counted.total() < len(answers)
    path.write_bytes(whole)
    machine.settle(GO_ON)
    machine.take_in()
    assert by_context(machine.counted) == by_context(counts(answers))
    assert machine.recount() == counts(answers)
    assert machine.recount() != machine.counted


# --- Streams and the roster -----------------------------------------------------------------


def test_t10_a_stream_that_has_vanished_shows(machine: Machine, worker: Worker):
    whole = worker.root / worker.name
    machine.ingester()._look_at_roster()
    whole.rename(worker.root / "elsewhere")
    machine.take_in()
    assert [(each.kind, each.stream) for each in machine.alarms] == [("missing", worker.name)]
    assert machine.stream.outlook is Outlook.MISSING
    assert month_is_open(machine)
    (worker.root / "elsewhere").rename(whole)
    machine.settle(GO_ON)
    assert machine.take_in() == 150
    assert machine.stream.outlook is Outlook.DEAD


def test_t10_a_stream_that_vanished_for_good_is_left_out(machine: Machine, worker: Worker):
    shutil.rmtree(worker.root / worker.name)
    machine.take_in()
    machine.settle(LEAVE_OUT)
    assert (machine.stream.outlook, machine.counted.total()) == (Outlook.DEAD, 0)
    assert not month_is_open(machine)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("how", Settlement)
def test_t10_a_stream_that_the_roster_does_not_name_is_for_a_person(machine, worker, known, how):
    if known:
        machine.ingester()._look_at_roster()
    (worker.root / "roster").unlink()
    assert machine.take_in() == 0
    assert [(each.kind, each.stream) for each in machine.alarms] == [(Doubt.STRAY, worker.name)]
    assert month_is_open(machine)
    machine.settle(how)
    taken = machine.take_in()
    assert taken == (150 if how is GO_ON else 0)
    assert machine.stream.outlook is Outlook.DEAD
    assert len(machine.alarms) == 1
    assert not month_is_open(machine)


def test_t10_a_damaged_roster_is_told_once_and_its_streams_are_read(machine, worker):
    other = machine.worker()
    other.run()
    roster = worker.root / "roster"
    whole = roster.read_bytes()
    roster.write_bytes(b"x" + whole[1:])
    machine.take_in()
    kinds = [(each.kind, each.stream) for each in machine.alarms]
    assert kinds == [(Doubt.STRAY, worker.name), (Doubt.ROSTER, None)]
    assert machine.counted == counts(usages(other))
    with pytest.raises(SettlementRefused, match="still so"):
        machine.settle(GO_ON, 2)
    machine.settle(LEAVE_OUT, 2)
    machine.settle(GO_ON, 1)
    machine.take_in()
    assert len(machine.alarms) == 2
    assert machine.counted == counts(usages(other) + usages(worker))


def test_t10_the_roster_of_each_machine_is_an_alarm_of_its_own(machine, worker, tmp_path: Path):
    other = Machine(machine.book, tmp_path / "other", node="node-2")
    for each in (machine, other):
        for _ in range(2):
            each.worker().begin()
        roster = each.journal / "roster"
        roster.write_bytes(roster.read_bytes().split(b"\n", 1)[1])
        each.take_in()
    told = [each.detail for each in machine.alarms if each.kind == Doubt.ROSTER]
    assert [each.partition(":")[0] for each in told] == ["node-1", "node-2"]
    (first, _) = (each.id for each in machine.alarms if each.kind == Doubt.ROSTER)
    for how in Settlement:
        with pytest.raises(SettlementRefused, match="about node-1; settle it there"):
            other.settle(how, first)
    with pytest.raises(SettlementRefused, match="still so"):
        machine.settle(GO_ON, first)
    machine.settle(LEAVE_OUT, first)


# --- Strangers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"verifier": "V-000009"},
        {"agreement": "A-000002"},
        {"version": 2},
        {"holder": "H-000001"},
        {"verifier": "V-1"},
        {"agreement": "nonsense"},
    ],
)
def test_a_context_that_the_registry_does_not_know_is_no_guess(machine: Machine, changes):
    worker = machine.worker()
    worker.begin()
    known = worker.own.context(context())
    strange = worker.own.context(replace(context(), **changes))
    for each in (known, strange, known):
        number = worker.own.note(each, 1, 1, 1, bytes(16), microseconds(AT))
        worker.own.settle(number, 1, Delivery.HANDED_OVER)
    worker.own.end()
    assert machine.take_in() == 0
    (alarm,) = machine.alarms
    assert alarm.kind == Doubt.STRANGER
    assert changes.popitem()[1].__str__() in alarm.detail
    with pytest.raises(SettlementRefused, match="still so"):
        machine.settle(GO_ON)
    machine.settle(LEAVE_OUT)
    machine.take_in()
    assert {like.context: number for like, number in machine.counted.items()} == {context(): 2}
    assert machine.stream.outlook is Outlook.ENDED
    assert len(machine.alarms) == 1
    day, journals = AT.date(), [machine.journal]
    (row,) = machine.see(lambda book: reconcile(book, journals, day, day))
    assert (row.verifier, row.journalled, row.ingested) == ("V-000001", 2, 2)


def test_a_stranger_that_became_known_is_counted(machine: Machine):
    worker = machine.worker()
    worker.begin()
    worker.settle(worker.note(verifier=4), Delivery.HANDED_OVER)
    worker.own.end()
    machine.take_in()
    add_party(machine.book, 4)
    machine.settle(GO_ON)
    assert machine.take_in() == 1
    assert machine.counted == counts(usages(worker))


# --- Settlements that are refused -----------------------------------------------------------


def test_a_settlement_has_a_reason_and_an_open_alarm(machine: Machine, worker: Worker):
    own_segment(worker, 2).unlink()
    machine.take_in()
    for number, reason, words in ((2, "why not", "no open alarm"), (1, " ", "needs a reason")):
        with pytest.raises(SettlementRefused, match=words):
            machine.settle(LEAVE_OUT, number, reason)
    machine.settle(LEAVE_OUT)
    with pytest.raises(SettlementRefused, match="no open alarm"):
        machine.settle(LEAVE_OUT)


def test_an_alarm_is_settled_where_its_journal_is(machine, worker, tmp_path: Path):
    own_segment(worker, 2).unlink()
    machine.take_in()
    elsewhere = Machine(machine.book, tmp_path / "other", node="node-2")
    with pytest.raises(SettlementRefused, match="node-1; settle it there"):
        elsewhere.settle(LEAVE_OUT)


def test_nothing_is_left_out_of_a_stream_whose_end_is_still_being_written(machine: Machine):
    worker = machine.worker()
    worker.begin()
    for _ in range(2):
        worker.note()
        worker.flush()
        worker.at += timedelta(seconds=1)
        worker.beat()
    spoil(own_segment(worker), 1)
    machine.take_in()
    assert len(machine.alarms) == 1
    with pytest.raises(SettlementRefused, match="its writer lives"):
        machine.settle(LEAVE_OUT)
    worker.crash()
    machine.settle(LEAVE_OUT)
    assert machine.stream.outlook is Outlook.DEAD


def test_harm_that_has_gone_is_no_reason_to_leave_anything_out(machine, worker, answers):
    path = own_segment(worker, 2)
    whole = path.read_bytes()
    spoil(path, 40)
    machine.take_in()
    path.write_bytes(whole)
    with pytest.raises(SettlementRefused, match="not there any more"):
        machine.settle(LEAVE_OUT)
    machine.settle(GO_ON)
    machine.take_in()
    assert machine.counted == counts(answers)
