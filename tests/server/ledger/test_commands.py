"""Money by its commands: a month from the tariff to the adjusted statement, and bad input."""

import argparse
import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.till import USER_AUTH, Till, Use
from tashika_server.agreements.errors import NotEntitled, SamePerson
from tashika_server.cli import NOUNS, adjustment, month, operator, statement, tariff
from tashika_server.ledger.days import DAY, Month, day_of
from tashika_server.ledger.document import digest_of
from tashika_server.ledger.errors import (
    BadTariff,
    BadTariffFile,
    CannotWrite,
    LedgerError,
    MonthFrozen,
    MonthIncomplete,
    TariffHole,
)
from tashika_server.ledger.tariff_file import published_tariff
from tashika_server.metering.usage import Occasion

pytestmark = pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)

NOW = datetime.now(UTC)
TODAY = day_of(NOW)
LAST_DAY = TODAY.replace(day=1) - DAY
LAST = Month(LAST_DAY.year, LAST_DAY.month)
"""The last month that is over in Japan."""


class Terminal:
    """Runs commands against one configuration and reads what they print."""

    def __init__(self, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.config = config
        self.capsys = capsys
        self.parser = argparse.ArgumentParser()
        nouns = self.parser.add_subparsers()
        for noun in (adjustment, month, operator, statement, tariff):
            noun.add_commands(nouns)

    def run(self, line: str, *more: str, status: int = 0) -> str:
        noun, verb, *rest = line.split()
        options = self.parser.parse_args([noun, verb, str(self.config), *rest, *more])
        assert options.handler(options) == status
        out, self.told = self.capsys.readouterr()
        return out

    def json(self, line: str, *more: str, status: int = 0):
        return json.loads(self.run(line, "--json", *more, status=status))

    def csv(self, line: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.run(line, "--csv"), newline="")))

    def enrol(self, name: str, role: str = "finance") -> tuple[str, str]:
        """Make an operator; returns the options by which a command acts as them."""
        token = self.config.with_name(f"{name}.token")
        token.write_text(self.json(f"operator add --name {name} --role {role}")["secret"] + "\n")
        return "--as", str(token)


@pytest.fixture
def desk(
    till: Till, agreement, book_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    """The last month has three signatures, two log-ins and a retry, all taken in."""
    till.used(
        agreement,
        Use(LAST.first, 3),
        Use(LAST_DAY, 2, family=USER_AUTH),
        Use(LAST_DAY, occasion=Occasion.RETRY),
    )
    till.taken_in(NOW)
    config = tmp_path / "tashika.toml"
    config.write_text(f'[book]\ndsn = "{book_dsn}"\n')
    return Terminal(config, capsys)


@pytest.fixture
def priced(desk: Terminal) -> Terminal:
    desk.run("tariff import --published --retroactive")
    return desk


def test_a_row_for_an_issuer_that_nobody_serves_is_told(desk: Terminal):
    with desk.config.open("a") as config:
        for name, family in (("signature-g3", "signature"), ("user-auth-g3", "user-auth")):
            config.write(f'[[issuer]]\nname = "{name}"\nfamily = "{family}"\n')
            config.write('certificate = "ca.pem"\ncrl = "file:///x.crl"\nsigners = []\n')
    row = "--method ocsp --yen 20 --payee x --legal-basis x --approval x --from 2999-01-01"
    for issuer in ("signature-g4", "user-auth-g3"):
        desk.run(f"tariff add {row} --family signature --issuer {issuer}")
        assert "signature-g3" in desk.told
    desk.run(f"tariff add {row} --family signature --issuer signature-g3")
    assert desk.told == ""


def test_a_month_from_the_tariff_to_the_adjusted_statement(priced: Terminal, tmp_path: Path):
    assert priced.run(f"month check {LAST}") == "none\n"
    foretold = priced.run(f"month close {LAST} --tax added --dry-run", *TEN_PERCENT)
    closed = priced.run(f"month close {LAST} --tax added", *TEN_PERCENT)
    assert foretold == f"a rehearsal, nothing is kept:\n{closed}"
    assert f"{LAST}  month.freeze" in closed
    assert " ".join(closed.splitlines()[-2].split()) == f"{LAST} all 6 64 64 0 0 0"
    (frozen,) = priced.csv("month list")
    assert (frozen["id"], frozen["list_yen"], frozen["due_yen"]) == (str(LAST), "64", "0")
    (listed,) = priced.json(f"statement list --month {LAST}")
    assert (listed["id"], listed["waived_yen"]) == ("M-000001", 64)
    finance, second = priced.enrol("sato"), priced.enrol("suzuki")
    priced.run("adjustment add M-000001 --yen 40", "--reason", "the waiver had ended", *finance)
    with pytest.raises(SamePerson, match="sato entered J-000001"):
        priced.run("adjustment approve J-000001", *finance)
    priced.run("adjustment approve J-000001", *second)
    assert priced.json("adjustment show J-000001")["approved_by"] == "suzuki"
    assert "approved" in priced.run("adjustment list --statement M-000001")
    shown = priced.json("statement show M-000001")
    assert shown["after_adjustments"] == {
        "adjusted_yen": 40,
        "due_yen": 40,
        "tax_yen": 4,
        "total_yen": 44,
    }
    table = priced.run("statement show M-000001")
    assert "J-000001: 40 yen, the waiver had ended" in table
    assert "to be paid: 44 yen" in table
    files = priced.run(f"statement export M-000001 --to {tmp_path / 'out'}").split()
    assert [Path(each).suffix for each in files] == [".json", ".csv", ".pdf"]
    assert digest_of(Path(files[0]).read_text()).hex() == shown["digest"]
    rows = priced.csv("statement show M-000001")
    assert [row["区分 kind"] for row in rows][-1] == "to-pay-adjusted"
    assert Path(files[1]).read_text(encoding="utf-8-sig").startswith("区分 kind,")
    assert Path(files[2]).read_bytes().startswith(b"%PDF")
    (differing,) = priced.json(f"month difference {LAST}")
    assert (differing["adjusted_yen"], differing["open_yen"]) == (40, -40)
    assert differing["adjustments"][0]["reason"] == "the waiver had ended"
    assert "-40" in priced.run(f"month difference {LAST}")


def rows(desk: Terminal, which: str) -> list[int]:
    return [int(row["id"][2:]) for row in desk.csv(f"tariff list {which}")]


TEN_PERCENT = ("--tax-percent", "10")


def test_the_tax_is_the_house_s_unless_the_command_says_another(priced: Terminal):
    with priced.config.open("a") as config:
        config.write('[ledger]\ntax = "added"\ntax_percent = 8\n')
    priced.run(f"month close {LAST} --dry-run --tax exempt")
    with pytest.raises(LedgerError, match="10 % does not go with the tax treatment exempt"):
        priced.run(f"month close {LAST} --tax exempt", *TEN_PERCENT)
    priced.run(f"month close {LAST}")
    tax = priced.json("statement show M-000001")["document"]["tax"]
    assert tax == {"treatment": "added", "percent": 8}


def test_the_tariff_is_listed_as_it_is_and_as_it_was(priced: Terminal):
    yen = [row["price.yen"] for row in priced.csv("tariff list")]
    assert yen == ["20", "2", "0", "0", "0", "0"]
    priced.run(f"tariff end T-000003 --to {TODAY}")
    assert priced.json("tariff show T-000007")["supersedes"] == "T-000003"
    tomorrow = f"{TODAY + DAY}"
    assert rows(priced, "") == [1, 2, 4, 5, 6, 7]
    assert rows(priced, "--all") == [1, 2, 3, 4, 5, 6, 7]
    assert rows(priced, f"--on {tomorrow}") == [1, 2, 4, 5, 6]
    assert rows(priced, f"--as-of {NOW.isoformat()}") == []
    trial = f"--kind waiver --family signature --from {tomorrow} --to {tomorrow} --note trial"
    priced.run(f"tariff add {ROW} {trial}")
    assert priced.json("tariff list --on " + tomorrow)[-1]["price"]["note"] == "trial"


def test_a_change_of_the_past_says_which_months_it_does_not_reach(
    priced: Terminal, capsys: pytest.CaptureFixture[str]
):
    priced.run(f"month close {LAST}")
    with pytest.raises(BadTariff, match="--retroactive"):
        priced.run(f"tariff end T-000003 --to {LAST.first - DAY}")
    noun, *rest = (
        f"tariff end {priced.config} T-000003 --to {LAST.first - DAY} --retroactive".split()
    )
    options = priced.parser.parse_args([noun, *rest])
    options.handler(options)
    assert f"leaves what is frozen as it is: {LAST}" in capsys.readouterr().err
    (difference,) = priced.json(f"month difference {LAST}")
    assert (difference["frozen_yen"], difference["due_yen"]) == (0, 60)
    assert difference["open_yen"] == 60
    assert priced.run("tariff import --published") == "nothing is to be changed\n"
    assert "60" in priced.run(f"month difference {LAST}")
    shown = priced.json(f"month show {LAST}")
    assert (shown["month"]["due_yen"], shown["came_late"]) == (0, 0)


ROW = "--method ocsp --yen 5 --payee J-LIS --legal-basis 67 --approval 2"
REHEARSED = [
    "tariff import --published --retroactive",
    "tariff end T-000003 --to 2099-03-31",
    f"tariff add --family other --from 2099-04-01 {ROW}",
    f"month close {LAST}",
    "adjustment add M-000001 --yen 1 --reason x",
    "adjustment approve J-000001",
    "adjustment reject J-000001",
]


@pytest.mark.parametrize("line", REHEARSED)
def test_every_change_can_be_rehearsed(till: Till, priced: Terminal, line: str, tmp_path: Path):
    first, second = priced.enrol("sato"), priced.enrol("suzuki")
    if line.startswith("adjustment"):
        priced.run(f"month close {LAST}")
        if "J-000001" in line:
            priced.run("adjustment add M-000001 --yen 1 --reason x", *first)
    before = till.see(everything)
    foretold = priced.json(f"{line} --dry-run", *second)
    assert till.see(everything) == before
    assert foretold["dry_run"]
    done = priced.json(line, *second)
    assert [each["subject"] for each in done["changes"]] == [
        each["subject"] for each in foretold["changes"]
    ]


def everything(connection) -> list[object]:
    tables = ("audit", "tariff", "month", "statement", "adjustment")
    return [connection.exec_driver_sql(f"SELECT * FROM {each}").all() for each in tables]  # noqa: S608 - names from above


def test_an_export_can_be_rehearsed(priced: Terminal, tmp_path: Path):
    priced.run(f"month close {LAST}")
    out = tmp_path / "out"
    assert "nothing is written" in priced.run(f"statement export M-000001 --to {out} --dry-run")
    assert not out.exists()
    with pytest.raises(CannotWrite, match="name a folder"):
        priced.run(f"statement export M-000001 --to {priced.config}")


# --- Refused --------------------------------------------------------------------------------


def test_a_month_that_is_not_over_or_not_taken_in_is_refused(till: Till, priced: Terminal):
    present = Month(TODAY.year, TODAY.month)
    with pytest.raises(MonthIncomplete, match=f"{present}: ends at"):
        priced.run(f"month close {present}")
    till.taken_in(LAST.begin)
    (_, journal) = priced.json(f"month check {LAST}", status=1)
    assert "is taken in up to" in journal["what"]
    with pytest.raises(MonthIncomplete):
        priced.run(f"month close {LAST} --dry-run")


def test_a_second_close_and_a_hole_are_refused(desk: Terminal):
    with pytest.raises(TariffHole, match="tariff add CONFIG --method ocsp"):
        desk.run(f"month close {LAST}")
    desk.run("tariff import --published --retroactive")
    desk.run(f"month close {LAST}")
    with pytest.raises(MonthFrozen):
        desk.run(f"month close {LAST}")


def test_only_finance_keeps_the_accounts_and_two_persons_are_operators(priced: Terminal):
    registrar = priced.enrol("tanaka", "registrar")
    with pytest.raises(NotEntitled, match="finance keeps the accounts"):
        priced.run(f"month close {LAST}", *registrar)
    priced.run(f"month close {LAST}")
    with pytest.raises(SamePerson, match="is an account"):
        priced.run("adjustment add M-000001 --yen 1 --reason x")


@pytest.mark.parametrize("content", [b"", b"[[tariff]]", b"\xff"])
def test_t40_a_bad_file_is_refused_by_the_command(desk: Terminal, tmp_path: Path, content: bytes):
    file = tmp_path / "tariff.toml"
    with pytest.raises(BadTariffFile, match="cannot be read"):
        desk.run(f"tariff import --file {file}")
    file.write_bytes(content)
    with pytest.raises(BadTariffFile):
        desk.run(f"tariff import --file {file}")
    file.write_text(published_tariff())
    desk.run(f"tariff import --file {file} --retroactive")


@pytest.mark.parametrize(
    "line", ["month close 2026-13", "tariff list --on yesterday", "tariff add --yen 1.5"]
)
def test_a_mistyped_argument_is_told(desk: Terminal, line: str):
    with pytest.raises(SystemExit):
        desk.run(line)


def test_the_nouns_are_among_the_commands(book_dsn):
    assert {"tariff", "month", "statement", "adjustment"} <= NOUNS.keys()
