"""`tashika-server usage`: what is counted, found again, amiss and settled; on a worker's day."""

import argparse
import csv
import json
import shutil
from collections import Counter
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest

from support.intake import Machine, own_segment, spoil
from support.journal import AT, NODE, Worker
from tashika.pki.pseudonym import derive_key
from tashika_server.agreements.errors import NoSuchRecord
from tashika_server.cli import usage
from tashika_server.ledger.errors import BadDay
from tashika_server.metering.errors import JournalHarmed, MeteringError
from tashika_server.metering.usage import Delivery

PERIOD = ("--from", "2026-04-01", "--to", "2026-04-30")


class Terminal:
    """Runs commands against one machine and reads what they print."""

    def __init__(self, machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.config = machine.journal.with_name("tashika.toml")
        dsn = f"sqlite:///{machine.journal.with_name('book.sqlite')}"
        metering = f'journal = "{machine.journal}"\nnode = "{machine.node}"'
        self.config.write_text(f'[book]\ndsn = "{dsn}"\n\n[metering]\n{metering}\n')
        self.parser = argparse.ArgumentParser()
        usage.add_commands(self.parser.add_subparsers())

    def run(self, verb: str, *more: str, code: int = 0) -> str:
        options = self.parser.parse_args(["usage", verb, str(self.config), *more])
        self.capsys.readouterr()
        assert options.handler(options) == code
        return self.capsys.readouterr().out

    def json(self, verb: str, *more: str, code: int = 0):
        return json.loads(self.run(verb, *more, "--json", code=code))


@pytest.fixture
def machine(light_machine: Machine) -> Machine:
    return light_machine


@pytest.fixture
def terminal(machine: Machine, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(machine, capsys)


@pytest.fixture
def worker(machine: Machine) -> Worker:
    """Ninety answers to three verifiers; of the last three nobody knows."""
    worker = machine.worker()
    worker.begin()
    for number in range(90):
        worker.note(number % 3 + 1)
        worker.flush()
        if number < 87:
            worker.settle(number, Delivery.HANDED_OVER)
    worker.beat()
    worker.crash()
    return worker


def test_list_adds_up_what_is_counted(machine: Machine, worker: Worker, terminal: Terminal):
    machine.take_in()
    lines = terminal.json("list", *PERIOD)
    assert sum(line["answers"] for line in lines) == 90
    by_delivery = Counter[str]()
    for line in lines:
        by_delivery[line["delivery"]] += line["answers"]
    assert by_delivery == {"handed-over": 87, "unknown": 3}
    mine = terminal.json("list", *PERIOD, "--verifier", "V-000002")
    assert {line["verifier"] for line in mine} == {"V-000002"}
    assert sum(line["answers"] for line in mine) == 30
    assert terminal.json("list", "--month", "2026-04") == lines
    assert terminal.json("list", "--month", "2026-05") == []
    rows = list(csv.DictReader(StringIO(terminal.run("list", *PERIOD, "--csv"))))
    assert [int(row["answers"]) for row in rows] == [line["answers"] for line in lines]
    assert "handed-over" in terminal.run("list", *PERIOD)


def test_days_are_named_from_the_first_to_the_last(terminal: Terminal):
    for verb in ("list", "reconcile"):
        with pytest.raises(BadDay, match="2026-04-01 is before 2026-04-02"):
            terminal.run(verb, "--from", "2026-04-02", "--to", "2026-04-01")
    with pytest.raises(NoSuchRecord, match="V-000009"):
        terminal.run("list", *PERIOD, "--verifier", "V-000009")


def test_items_are_the_answers_themselves(machine: Machine, worker: Worker, terminal: Terminal):
    machine.take_in()
    found = terminal.json("items", *PERIOD, "--verifier", "V-000002")
    assert [each["sequence"] for each in found] == list(range(1, 90, 3))
    assert {each["stream"] for each in found} == {worker.name}
    assert [each["pseudonym"] for each in found] == [
        number.to_bytes(16, "big").hex() for number in range(1, 90, 3)
    ]
    with pytest.raises(NoSuchRecord):
        terminal.run("items", *PERIOD, "--verifier", "V-000009")


def test_another_machine_s_journals_are_named(machine, worker, terminal, tmp_path: Path):
    machine.take_in()
    other = Machine(machine.book, tmp_path / "other", node="node-2")
    other.worker().run()
    other.take_in()
    with pytest.raises(JournalHarmed, match="of node-2"):
        terminal.run("reconcile", *PERIOD)
    rows = terminal.json("reconcile", *PERIOD, "--journals", str(other.journal))
    assert sum(row["journalled"] for row in rows) == machine.counted.total()


def test_reconcile_ends_with_1_where_there_is_a_difference(machine, worker, terminal):
    machine.take_in()
    rows = terminal.json("reconcile", *PERIOD)
    assert [(row["verifier"], row["journalled"], row["ingested"]) for row in rows] == [
        (f"V-00000{number}", 30, 30) for number in (1, 2, 3)
    ]
    with machine.book.writing(actor="x", at=AT) as change:
        change.connection.exec_driver_sql("UPDATE usage_total SET count = count + 1")
    table = terminal.run("reconcile", *PERIOD, code=1)
    assert "difference" in table


def test_streams_tell_what_is_not_known_of_them(machine: Machine, worker: Worker, terminal):
    other = machine.worker()
    other.begin()
    ended = machine.worker()
    ended.begin()
    ended.own.end()
    machine.take_in()
    found = {each["id"]: each for each in terminal.json("streams")}
    assert found.keys() == {worker.name, other.name}
    dead = found[worker.name]
    assert (dead["node"], dead["outlook"], dead["answers"]) == (NODE, "dead", 90)
    assert (dead["delivery_unknown"], dead["lost"]) == (["87-89"], [])
    assert len(terminal.json("streams", "--all")) == 3
    assert "87-89" in terminal.run("streams")


def test_an_alarm_is_shown_rehearsed_and_settled(machine, worker: Worker, terminal: Terminal):
    spoil(own_segment(worker, 2), 40)
    machine.take_in()
    (alarm,) = terminal.json("alarms")
    assert (alarm["id"], alarm["kind"], alarm["stream"]) == (1, "damaged", worker.name)
    settle = ("settle", "1", "leave-out", "--reason", "a bad disk")
    assert "alarm 1  alarm.settle" in terminal.run(*settle, "--dry-run")
    assert len(terminal.json("alarms")) == 1
    told = terminal.json(*settle)
    assert [each["action"] for each in told["changes"]] == ["stream.leave_out", "alarm.settle"]
    assert terminal.json("alarms") == []
    (settled,) = terminal.json("alarms", "--all")
    assert (settled["reason"], settled["settled_by"][:5]) == ("a bad disk", "unix:")
    machine.take_in()
    (stream,) = terminal.json("streams")
    assert len(stream["lost"]) == 1
    rows = terminal.json("reconcile", *PERIOD)
    assert sum(row["ingested"] for row in rows) == 89


def test_a_verifier_s_key_is_its_own(machine: Machine, terminal: Terminal):
    terminal.config.with_name("metering.key").write_bytes(bytes(range(32)))
    keys = [terminal.run("key", "--verifier", f"V-00000{number}").strip() for number in (1, 2)]
    assert keys == [derive_key(bytes(range(32)), f"V-00000{number}").hex() for number in (1, 2)]


@pytest.mark.parametrize("content", [None, b"", bytes(31)])
def test_a_master_key_that_is_none_is_refused(terminal: Terminal, content):
    if content is not None:
        terminal.config.with_name("metering.key").write_bytes(content)
    with pytest.raises(MeteringError, match=r"metering\.key"):
        terminal.run("key", "--verifier", "V-000001")


def test_an_unknown_verifier_has_no_key(terminal: Terminal):
    with pytest.raises(NoSuchRecord):
        terminal.run("key", "--verifier", "V-000009")


# --- A machine that is gone -------------------------------------------------------------------


def test_a_machine_is_retired_once_all_of_it_is_taken_in(machine, worker: Worker, terminal):
    machine.take_in()
    retire = ("retire", NODE, "--reason", "its disk was moved to tokyo-2")
    assert f"{NODE}  node.retire" in terminal.run(*retire, "--dry-run")
    assert f"{NODE}  node.retire" in terminal.run(*retire)
    (entry,) = machine.trail("node.retire")
    assert "moved to tokyo-2" in entry.after
    with pytest.raises(MeteringError, match="was retired"):
        terminal.run(*retire)


def test_a_machine_with_answers_that_nobody_took_in_is_not_retired(machine, terminal):
    worker = machine.worker()
    worker.begin()
    worker.note()
    worker.beat()
    machine.take_in()
    with pytest.raises(MeteringError, match=worker.name):
        terminal.run("retire", NODE, "--reason", "gone")
    assert machine.trail("node.retire") == []


def test_a_lost_disk_is_left_out_and_then_its_machine_is_retired(machine, terminal):
    worker = machine.worker()
    worker.begin()
    worker.note()
    worker.beat()
    machine.take_in()
    worker.crash()
    shutil.rmtree(machine.journal)
    machine.take_in()
    (alarm,) = terminal.json("alarms")
    with pytest.raises(MeteringError, match="settle alarm 1"):
        terminal.run("retire", NODE, "--reason", "gone")
    terminal.run("settle", str(alarm["id"]), "leave-out", "--reason", "the disk is lost")
    assert "node.retire" in terminal.run("retire", NODE, "--reason", "gone")


def test_what_cannot_be_retired_is_named(machine: Machine, worker: Worker, terminal: Terminal):
    machine.take_in()
    with pytest.raises(MeteringError, match=f"known are {NODE}"):
        terminal.run("retire", "nowhere", "--reason", "gone")
    with pytest.raises(MeteringError, match="reason"):
        terminal.run("retire", NODE, "--reason", " ")
    machine.clock.at = datetime.now(UTC)
    machine.take_in()
    with pytest.raises(MeteringError, match="stop it"):
        terminal.run("retire", NODE, "--reason", "gone")
