"""The ledger and its reports by their commands: closed, exported, verified, forged, reported."""

import csv
import io
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support import chained
from support.registry import START
from support.till import Till, Use
from tashika_server import cli
from tashika_server.ledger.days import DAY, day_of, fiscal_year

pytestmark = pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)

NOW = datetime.now(UTC)
YESTERDAY = NOW - timedelta(days=1)


class Terminal:
    """Runs whole commands and reads what they print."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.error = ""

    def run(self, *words: object, status: int = 0) -> str:
        code = cli.main([str(word) for word in words])
        out, self.error = self.capsys.readouterr()
        assert code == status, self.error
        return out

    def ledger(self, verb: str, *words: object, status: int = 0) -> str:
        return self.run("ledger", verb, self.folder / "tashika.toml", *words, status=status)

    def report(self, verb: str, *words: object, status: int = 0) -> str:
        return self.run("report", verb, self.folder / "tashika.toml", *words, status=status)

    def file(self, name: str, text: str) -> Path:
        (self.folder / name).write_text(text)
        return self.folder / name


@pytest.fixture
def terminal(
    till: Till, book_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    """An installation whose registry was filled yesterday, with a key."""
    till.at = YESTERDAY
    with till.change() as change:
        for number in range(5):
            change.record("x.add", f"X-{number}", before=None, after={"n": number})
    terminal = Terminal(tmp_path, capsys)
    terminal.file("tashika.toml", f'[book]\ndsn = "{book_dsn}"\n')
    terminal.file("public.pem", terminal.run("ledger", "key", "--new", tmp_path / "key.pem"))
    return terminal


@pytest.fixture
def closed(terminal: Terminal) -> Terminal:
    terminal.ledger("close", "--key", terminal.folder / "key.pem")
    return terminal


def test_an_export_that_nobody_has_signed_does_not_hold_for_a_key(terminal: Terminal):
    export = terminal.file("export", terminal.ledger("export"))
    terminal.run("ledger", "verify", export)
    terminal.run("ledger", "verify", export, "--key", terminal.folder / "public.pem", status=1)
    assert "nothing of it is signed" in terminal.error


def test_a_key_is_made_once_and_for_its_owner_only(terminal: Terminal):
    key = terminal.folder / "key.pem"
    before = key.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    terminal.run("ledger", "key", "--new", key, status=1)
    assert "is there already" in terminal.error
    assert key.read_bytes() == before
    public = (terminal.folder / "public.pem").read_text()
    assert terminal.run("ledger", "key", key) == public
    assert "PUBLIC KEY" in public
    terminal.run("ledger", "key", "--new", terminal.folder / "none" / "key.pem", status=1)


def test_a_day_is_closed_exported_and_verified(closed: Terminal):
    (root,) = json.loads(closed.ledger("roots", "--json"))
    assert (root["day"], root["first"], root["last"]) == (str(day_of(YESTERDAY)), 1, 5)
    (row,) = csv.DictReader(io.StringIO(closed.ledger("roots", "--csv")))
    assert row["root"] == root["root"]
    export = closed.file("ledger.jsonl", closed.ledger("export"))
    chained.demand_sound(export.read_bytes().splitlines(keepends=True))
    anchor = closed.file("anchor", closed.ledger("root", root["day"]))
    known = ("--key", closed.folder / "public.pem", "--anchor", anchor)
    verified = json.loads(closed.run("ledger", "verify", export, *known, "--json"))
    assert (verified["rooted"], verified["last"]) == (5, 6)
    assert verified["anchored"] == [root["day"]]
    told = closed.run("ledger", "verify", export)
    assert "All of it holds together." in told
    assert "What follows entry 5 has no root yet." in told
    assert "give --key" in told
    assert "only --anchor can show" in told
    part = closed.file(
        "part.jsonl", closed.ledger("export", "--from", root["day"], "--to", root["day"])
    )
    assert "has no root yet" not in closed.run("ledger", "verify", part, *known)


def test_a_forged_export_is_refused_with_its_line(closed: Terminal):
    export = closed.file("ledger.jsonl", closed.ledger("export").replace("X-3", "X-9"))
    closed.run("ledger", "verify", export, status=1)
    assert "line 6: entry 5 does not follow what is before it" in closed.error
    cut = closed.file("cut.jsonl", "".join(closed.ledger("export").splitlines(keepends=True)[:3]))
    closed.run("ledger", "verify", cut, status=1)
    assert "it was cut" in closed.error


def test_files_that_cannot_be_used_are_named(closed: Terminal):
    export = closed.file("ledger.jsonl", closed.ledger("export"))
    none = closed.folder / "none"
    closed.run("ledger", "verify", none, status=1)
    closed.run("ledger", "verify", export, "--anchor", none, status=1)
    closed.run("ledger", "verify", export, "--anchor", closed.file("a", "yesterday\n"), status=1)
    for file in (none, closed.folder / "key.pem", export):
        closed.run("ledger", "verify", export, "--key", file, status=1)
        assert str(file) in closed.error
    closed.ledger("close", "--key", none, status=1)


def test_a_rehearsal_closes_nothing_and_a_second_closing_neither(terminal: Terminal):
    key = ("--key", terminal.folder / "key.pem")
    told = terminal.ledger("close", *key, "--dry-run")
    assert f"ledger {day_of(YESTERDAY)}  ledger.close" in told
    assert terminal.ledger("roots") == "none\n"
    assert len(json.loads(terminal.ledger("close", *key, "--json"))["changes"]) == 1
    assert json.loads(terminal.ledger("close", *key, "--json"))["changes"] == []


def test_the_key_of_the_configuration_signs_unless_another_is_named(terminal: Terminal):
    terminal.ledger("close", status=1)
    assert "--key" in terminal.error
    config = terminal.folder / "tashika.toml"
    config.write_text(config.read_text() + '[ledger]\nkey = "key.pem"\n')
    assert "ledger.close" in terminal.ledger("close")


def test_an_entry_is_shown_with_its_place(closed: Terminal):
    lines = chained.read(closed.ledger("export").encode().splitlines())
    shown = [json.loads(closed.ledger("show", number, "--json")) for number in (5, 6)]
    assert [each["digest"] for each in shown] == [
        chained.digest_of(line) for line in lines if line["kind"] == "entry"
    ][4:]
    assert [each["root"] for each in shown] == [str(day_of(YESTERDAY)), None]
    closed.ledger("show", 7, status=1)
    assert "the newest is 6" in closed.error


def test_a_day_without_a_root_is_said_to_have_none(closed: Terminal):
    closed.ledger("root", day_of(NOW), status=1)
    assert "has no root" in closed.error
    closed.ledger("export", "--to", "2020-01-01", status=1)
    assert "no day was closed" in closed.error


# --- Reports ----------------------------------------------------------------------------------

LAST_YEAR = fiscal_year(day_of(NOW)) - 1
SOME_DAY = day_of(NOW).replace(year=LAST_YEAR, month=12, day=24)


@pytest.fixture
def reporting(till: Till, terminal: Terminal) -> Terminal:
    till.at = START
    bank = till.verifier()
    till.used(till.active(bank), Use(SOME_DAY, 3))
    till.taken_in(NOW)
    return terminal


def test_the_annual_report_has_three_faces(reporting: Terminal):
    report = json.loads(reporting.report("annual", LAST_YEAR, "--json"))
    assert report["lines"][0]["figures"]["provided"] == 3
    assert not report["interim"]
    rows = csv.reader(io.StringIO(reporting.report("annual", LAST_YEAR, "--csv")))
    heading, line, total, *noughts = rows
    provided = heading.index("提供件数 provided")
    assert (line[provided], total[provided]) == ("3", "3")
    assert [row[provided] for row in noughts] == ["0"] * 5
    table = reporting.report("annual", LAST_YEAR)
    assert f"{LAST_YEAR}年度 / fiscal year {LAST_YEAR}" in table
    assert "署名用電子証明書 / signature certificates" in table


def test_a_year_that_is_not_over_is_refused_unless_it_is_asked_for(reporting: Terminal):
    reporting.report("annual", LAST_YEAR + 1, status=1)
    assert "wait for the end of the month" in reporting.error
    assert "暫定 / interim" in reporting.report("annual", LAST_YEAR + 1, "--interim")


def test_a_report_that_the_journals_do_not_bear_out_is_refused(reporting: Terminal):
    reporting.report("annual", LAST_YEAR, "--journals", reporting.folder, status=1)
    assert "3+0+0+0+0 are reported and none journalled" in reporting.error


def test_a_demand_from_its_letter_to_its_answer(reporting: Terminal):
    due = day_of(NOW) + DAY
    letter = ("--due", due, "--subject", "safety", "--reference", "17")
    assert "D-000001  report.demand" in reporting.report("demand", "V-000001", *letter)
    (listed,) = json.loads(reporting.report("demands", "--open", "--json"))
    assert (listed["demand"]["due"], listed["state"]) == (str(due), "open")
    assert reporting.report("demands", "--overdue") == "none\n"
    reporting.report("answer", "D-000001", "--note", "file 12")
    (row,) = csv.DictReader(io.StringIO(reporting.report("demands", "--csv")))
    assert row["state"] == "answered"
    assert reporting.report("demands", "--open") == "none\n"
    assert "file 12" in reporting.report("show", "D-000001")
    reporting.report("answer", "D-000001", "--note", "file 13", status=1)
