"""The registry by its commands: a story, rehearsals, bad input; on both databases."""

import argparse
import json
import os
import pwd
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.asking import Authority, ec_key, write_pem
from support.registry import START, certificate
from tashika.pki.certid import IssuerIdentity
from tashika_server.agreements.errors import (
    BadScope,
    NoSuchRecord,
    NotEntitled,
    Overlap,
    RegistryError,
    SamePerson,
    UnknownArticle,
)
from tashika_server.cli import (
    actor,
    agreement,
    book,
    compromise,
    credential,
    index,
    operator,
    proposal,
    suspension,
    verifier,
)
from tashika_server.cli.arguments import first_moment, last_moment

TODAY = datetime.now(UTC)


def day(offset: int) -> str:
    return f"{TODAY + timedelta(days=offset):%Y-%m-%d}"


class Terminal:
    """Runs commands against one configuration and reads what they print."""

    def __init__(self, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.config = config
        self.capsys = capsys
        self.parser = argparse.ArgumentParser()
        nouns = self.parser.add_subparsers()
        for noun in (
            agreement,
            book,
            compromise,
            credential,
            index,
            operator,
            proposal,
            suspension,
            verifier,
        ):
            noun.add_commands(nouns)

    def run(self, line: str, *more: str) -> str:
        noun, verb, *rest = line.split()
        options = self.parser.parse_args([noun, verb, str(self.config), *rest, *more])
        assert options.handler(options) == 0
        return self.capsys.readouterr().out

    def json(self, line: str, *more: str):
        return json.loads(self.run(line, "--json", *more))

    def enrol(self, name: str, role: str = "registrar") -> tuple[str, str]:
        """Make an operator; returns the options by which a command acts as them."""
        token = self.config.with_name(f"{name}.token")
        token.write_text(self.json(f"operator add --name {name} --role {role}")["secret"] + "\n")
        return "--as", str(token)


@pytest.fixture
def terminal(book_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    config = tmp_path / "tashika.toml"
    config.write_text(f'[book]\ndsn = "{book_dsn}"\n')
    return Terminal(config, capsys)


@pytest.fixture
def bank(terminal: Terminal) -> Terminal:
    """A bank with an agreement in force and its first token."""
    terminal.run("verifier add --category accredited-verifier --act 2013", "--name", "Bank A")
    terminal.run("verifier notify V-000001 --family signature")
    terminal.run("verifier notify V-000001 --family user-auth")
    accreditation = f"--reference 1 --from {day(-1)} --to {day(400)}"
    terminal.run(f"verifier accredit V-000001 {accreditation}")
    terminal.run(f"agreement add V-000001 --grant signature:ocsp --to {day(300)}")
    for step in ("notify", "agree", "activate"):
        terminal.run(f"agreement advance A-000001 {step}")
    return terminal


def test_a_bank_from_registration_to_its_end(bank: Terminal):
    out = bank.run("credential add A-000001 --kind token --label first")
    assert out.startswith("C-000001  credential.issue\nsecret, shown this once: tsk_")
    assert "tsk_" not in bank.run("credential show C-000001")
    assert "active" in bank.run("agreement list")
    bank.run("suspension add V-000001 --article 18(4)(i)", "--reason", "a breach")
    assert "suspended" in bank.run("agreement list")
    assert "18(4)(i)" in bank.run("suspension list")
    bank.run("suspension resume S-000001", "--reason", "put right")
    assert "active" in bank.run("agreement list --verifier V-000001")
    bank.run(
        "agreement change A-000001 --rate 50 --daily none --network 192.0.2.0/24 --receipts yes"
    )
    shown = bank.json("agreement show A-000001")["agreement"]["versions"]
    assert [each["scope"]["rate"] for each in shown] == [10.0, 50.0]
    assert [each["scope"]["receipts"] for each in shown] == [False, True]
    assert shown[1]["scope"]["daily"] is None
    assert shown[1]["scope"]["networks"] == ["192.0.2.0/24"]
    assert shown[1]["period"]["end"] == shown[0]["period"]["end"]
    bank.run("credential change C-000001 --label old")
    bank.run("credential end C-000001")
    bank.run("verifier end V-000001")
    assert "ended" in bank.run("agreement list")
    trail = bank.json("book trail --subject A-000001")
    assert [each["action"] for each in trail] == [
        "agreement.add",
        "agreement.notify",
        "agreement.agree",
        "agreement.activate",
        "agreement.change",
        "agreement.end",
    ]


def test_json_tells_before_and_after(bank: Terminal):
    told = bank.json("verifier change V-000001 --name Other")
    (change,) = told["changes"]
    assert (change["before"]["name"], change["after"]["name"]) == ("Bank A", "Other")
    assert not told["dry_run"]
    entered = bank.json("book trail")[-1]
    assert (entered["before"], entered["after"]) == (change["before"], change["after"])


CHANGES = (
    "verifier add --name B --category court",
    "verifier change V-000001 --name B",
    "verifier admit V-000001 --kind tenant --name Shop",
    "verifier dismiss H-000001",
    "operator add --name sato --role auditor",
    "operator end O-000001",
    "agreement add V-000001 --grant user-auth:file",
    "agreement advance A-000002 notify",
    "agreement change A-000001 --rate 5",
    "credential add A-000001 --kind token --label x",
    "credential change C-000001 --label y",
    "credential end C-000001",
    "suspension add V-000001 --ground signature-duty --reason x",
    "suspension end S-000001 --reason x",
    "verifier disaccredit V-000001",
    "verifier withdraw V-000001 --family signature",
    "agreement end A-000001",
    "verifier end V-000001",
)
"""One after the other, each can be made."""


def test_every_change_can_be_rehearsed(bank: Terminal):
    for line in CHANGES:
        trail = bank.json("book trail")
        told = bank.run(f"{line} --dry-run")
        assert told.startswith("a rehearsal, nothing is kept:\n")
        assert "secret" not in told
        foretold = bank.json(f"{line} --dry-run")
        assert foretold["dry_run"]
        assert "secret" not in foretold
        assert bank.json("book trail") == trail
        done = bank.json(line)
        assert [each["subject"] for each in done["changes"]] == [
            each["subject"] for each in foretold["changes"]
        ]


def test_one_agreement_is_not_suspended_with_another(bank: Terminal):
    bank.run("verifier add --category court --name Court")
    bank.run("verifier notify V-000002 --family signature")
    bank.run("agreement add V-000002 --grant signature:ocsp")
    for step in ("notify", "agree", "activate"):
        bank.run(f"agreement advance A-000002 {step}")
    bank.run("suspension add V-000001 --ground signature-duty --reason x")
    listed = {each["agreement"]["id"]: each["state"] for each in bank.json("agreement list")}
    assert listed == {"A-000001": "suspended", "A-000002": "active"}


def test_without_accreditation_only_what_the_act_asks_it_for_shows_as_lapsed(bank: Terminal):
    bank.run("verifier add --category court --name Court")
    bank.run("verifier notify V-000002 --family signature")
    bank.run("agreement add V-000002 --grant signature:ocsp")
    bank.run("agreement add V-000001 --grant signature:ocsp --environment test")
    for step in ("notify", "agree", "activate"):
        bank.run(f"agreement advance A-000002 {step}")
        bank.run(f"agreement advance A-000003 {step}")
    bank.run("verifier disaccredit V-000001")
    listed = {each["agreement"]["id"]: each["state"] for each in bank.json("agreement list")}
    assert listed == {"A-000001": "lapsed", "A-000002": "active", "A-000003": "active"}
    assert bank.json("agreement show A-000001")["state"] == "lapsed"


def test_an_end_and_a_cap_can_be_taken_back(bank: Terminal):
    bank.run("agreement change A-000001 --to none --daily none")
    newest = bank.json("agreement show A-000001")["agreement"]["versions"][-1]
    assert (newest["period"]["end"], newest["scope"]["daily"]) == (None, None)


# --- Who acts -------------------------------------------------------------------------------


def test_the_trail_names_the_account_and_nobody_types_it(terminal: Terminal, monkeypatch):
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "mallory")
    terminal.run("verifier add --category court --name Court")
    account = pwd.getpwuid(os.getuid()).pw_name
    assert terminal.json("book trail")[-1]["actor"] == f"unix:{account}"


def test_an_account_without_a_name_has_its_number(terminal: Terminal, monkeypatch):
    monkeypatch.setattr(actor.os, "getuid", lambda: 4_000_000_000)
    terminal.run("verifier add --category court --name Court")
    assert terminal.json("book trail")[-1]["actor"] == "unix:4000000000"


def test_an_operator_acts_by_their_token(terminal: Terminal):
    sato = terminal.enrol("sato")
    terminal.run("verifier add --category court --name Court", *sato)
    assert terminal.json("book trail")[-1]["actor"] == "sato"
    auditor = terminal.enrol("ito", "auditor")
    terminal.run("operator end O-000001")
    for token in (sato, auditor):
        with pytest.raises(NotEntitled, match="registrars keep the registry"):
            terminal.run("verifier add --category court --name Other", *token)


def test_no_operator_is_called_as_an_account(terminal: Terminal):
    with pytest.raises(BadScope, match="an account of a machine"):
        terminal.enrol("Unix:root")


def test_t16_two_persons_let_a_file_through(terminal: Terminal):
    digest = "ab" * 32
    held = {"sha256": digest, "issuer": "auth-g3", "partition": "A", "detail": "too many"}
    note = terminal.config.parent / "index" / "held" / f"{digest}.json"
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps(held))
    assert terminal.json("index held") == [held]
    order = f"index release {digest} --reason agreed"
    with pytest.raises(SamePerson, match="is an account"):
        terminal.run(order)
    one, other = terminal.enrol("sato"), terminal.enrol("suzuki")
    with pytest.raises(RegistryError, match="waits"):
        terminal.run(f"index release {'00' * 32} --reason agreed", *one)
    assert "P-000001  proposal.add" in terminal.run(order, *one)
    with pytest.raises(SamePerson):
        terminal.run("proposal approve P-000001", *one)
    terminal.run("proposal approve P-000001", *other)
    assert "crl.release" in terminal.run("book trail")


def test_two_persons(bank: Terminal):
    with bank.config.open("a") as config:
        config.write('[registry]\ntwo_person = ["suspension", "credential"]\n')
    sato, suzuki = bank.enrol("sato"), bank.enrol("suzuki")
    stop = ("suspension add V-000001 --ground signature-duty", "--reason", "why")
    with pytest.raises(SamePerson, match="nobody can tell who uses it"):
        bank.run(*stop)
    assert bank.run("proposal list") == "none\n"
    assert "proposal.add" in bank.run(*stop, *sato)
    assert "P-000001" in bank.run("proposal list")
    for same_or_nobody in (sato, ()):
        with pytest.raises(SamePerson):
            bank.run("proposal approve P-000001", *same_or_nobody)
    assert "suspension.add" in bank.run("proposal approve P-000001", *suzuki)
    assert "P-000001" not in bank.run("proposal list")
    bank.run("credential add A-000001 --kind token --label x", *sato)
    assert "tsk_" in bank.run("proposal approve P-000002", *suzuki)
    assert "tsk_" not in bank.run("proposal show P-000002")
    bank.run("suspension end S-000001 --reason x")


def test_keys_and_cas(bank: Terminal, tmp_path: Path):
    now = {"begin": TODAY - timedelta(days=1), "end": TODAY + timedelta(days=90)}
    client, authority = tmp_path / "client.pem", tmp_path / "ca.pem"
    client.write_text(certificate(**now))
    authority.write_text(certificate(authority=True, purposes=(), **now))
    bank.run(f"credential add A-000001 --kind mtls-key --label k --certificate {client}")
    by_subject = f"--kind mtls-ca --label ca --certificate {authority} --subject CN=x"
    bank.run(f"credential add A-000001 {by_subject}")
    bank.run(f"credential bar C-000002 --certificate {client}")
    kinds = [each["credential"]["kind"] for each in bank.json("credential list")]
    assert kinds == ["mtls-key", "mtls-ca"]
    assert "mtls-ca" in bank.run("credential list --agreement A-000001")


def test_what_ends_soon(bank: Terminal):
    assert bank.json("verifier due") == []
    assert [each["what"] for each in bank.json("verifier due --days 500")] == [
        "agreement",
        "accreditation",
    ]
    assert "A-000001" in bank.run("verifier due --days 350")


def test_a_verifier_is_shown_with_all_it_has(bank: Terminal):
    bank.run("verifier admit V-000001 --kind processor --name Clerk")
    bank.run("verifier dismiss H-000001")
    shown = bank.run("verifier show V-000001")
    for heading in ("verifier", "notifications", "accreditations", "holders", "agreements"):
        assert f"[{heading}]" in shown
    assert "Bank A" in bank.run("verifier list")


@pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)
def test_bad_input_names_the_rule(bank: Terminal):
    for line, error, says in (
        ("agreement add V-000001 --grant signature:ocsp", Overlap, r"2013 17\(4\)"),
        ("suspension add V-000001 --article 18(9) --reason x", UnknownArticle, r"18\(4\)\(i\)"),
        ("verifier show V-000009", RegistryError, "no verifier"),
        ("agreement advance A-000001 agree", RegistryError, "agree is not possible"),
        ("credential show C-000001", RegistryError, "no credential"),
        ("agreement add V-000001 --grant user-auth:ocsp --to 2020-01-01", RegistryError, "end"),
        ("agreement add V-000001 --grant signature:file:sign-g4", BadScope, "no issuer .*sign-g4"),
        ("verifier change V-000001", BadScope, "nothing is to be changed"),
        ("agreement change A-000001", BadScope, "nothing is to be changed"),
        ("credential change C-000001", BadScope, "nothing is to be changed"),
    ):
        with pytest.raises(error, match=says):
            bank.run(line)


@pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)
def test_wrong_usage_is_told_at_once(terminal: Terminal):
    for line, says in (
        ("verifier add --name x --category cout", 'did you mean "court"'),
        ("agreement add V-000001 --grant signature", "write for example signature:ocsp"),
        ("agreement add V-000001 --grant signature:ocsp --network 1.2.3.4/8", "192.0.2.0/24"),
        ("agreement add V-000001 --grant signature:ocsp --from tomorrow", "2026-04-01"),
        ("agreement add V-000001 --grant signature:ocsp --from 2026-04-01T00:00", "offset"),
        ("agreement change A-000001 --path-tokens maybe", "neither yes nor no"),
        ("credential add A-000001 --kind token --label x --certificate nowhere", "nowhere"),
        ("verifier end V-000001 --as nowhere", "cannot read nowhere: No such file"),
        ("verifier end V-000001 --as /dev/null", "/dev/null is empty"),
    ):
        with pytest.raises(SystemExit):
            terminal.run(line)
        assert says in terminal.capsys.readouterr().err


def test_days_are_japans_and_the_last_one_counts():
    assert first_moment("2026-04-01") == datetime(2026, 3, 31, 15, tzinfo=UTC)
    assert last_moment("2026-04-01") == datetime(2026, 4, 1, 15, tzinfo=UTC)
    assert first_moment("2026-04-01T09:00+09:00") == last_moment("2026-04-01T00:00Z") == START


def test_the_book_is_made_where_the_configuration_lies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    config = tmp_path / "tashika.toml"
    config.write_text("[book]\n")
    fresh = Terminal(config, capsys)
    assert "revision" in fresh.run("book upgrade")
    assert (tmp_path / "book.sqlite").exists()
    assert fresh.json("verifier list") == []


def test_a_compromise_takes_two_operators(terminal: Terminal, tmp_path: Path):
    authority = Authority.make("CA", ec_key("ca"))
    write_pem(tmp_path / "ca.pem", authority.certificate)
    with terminal.config.open("a") as config:
        config.write('[[issuer]]\nname = "signature-g3"\ncertificate = "ca.pem"\nsigners = []\n')
    declare = "compromise declare signature-g3 --reason lost"
    with pytest.raises(SamePerson):
        terminal.run(declare)
    with pytest.raises(NoSuchRecord, match="signature-g3"):
        terminal.run("compromise declare signature-g4 --reason lost")
    sato, suzuki = terminal.enrol("sato"), terminal.enrol("suzuki")
    terminal.run(declare, *sato)
    assert terminal.json("compromise list") == []
    with pytest.raises(SamePerson):
        terminal.run("proposal approve P-000001", *sato)
    terminal.run("proposal approve P-000001", *suzuki)
    (declared,) = terminal.json("compromise list")
    expected = IssuerIdentity.of(authority.certificate).fingerprint
    assert (declared["id"], declared["fingerprint"]) == ("K-000001", expected.hex())
    terminal.run("compromise withdraw K-000001 --reason found", *suzuki)
    terminal.run("proposal approve P-000002", *sato)
    assert terminal.json("compromise show K-000001")["withdrawn_by"] == "sato"
