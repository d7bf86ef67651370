"""`tashika-server explain`: the operator reads a refusal's id."""

import argparse
import json
from datetime import datetime
from pathlib import Path

import pytest

from support.verifiers import AT
from tashika_server.agreements import refusals as r
from tashika_server.agreements.notes import KEY_FILE, Note, Notebook, NoteUnreadable, ensure_key
from tashika_server.cli import explain
from tashika_server.metering.meter import NotJournalled
from tashika_server.refusal import MalformedQuestion

GROUNDS = r.Grounds(
    verifier="V-000001",
    agreement="A-000001",
    version=2,
    credential="C-000001",
    halt="S-000001",
    ground="breach",
    article="2013 18(4)(i)",
)


def run(config: Path, sealed: str, *options: str) -> int:
    parser = argparse.ArgumentParser()
    explain.add_commands(parser.add_subparsers())
    arguments = parser.parse_args(["explain", str(config), sealed, *options])
    return arguments.handler(arguments)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    class Config:
        run = tmp_path

    monkeypatch.setattr(explain, "load_settings", lambda _: Config)
    return tmp_path / "tashika.toml"


def test_a_suspension_is_explained(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    ensure_key(tmp_path / KEY_FILE)
    sealed = Notebook.open(tmp_path / KEY_FILE).seal(r.ProvisionSuspended(GROUNDS), AT)
    assert run(config, sealed) == 0
    printed = capsys.readouterr().out
    for said in ("suspended", "提供は停止されています。", "A-000001", "S-000001", "18(4)(i)"):
        assert said in printed
    assert run(config, sealed, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["article"] == "2013 18(4)(i)"
    assert found["billable"] is False
    assert datetime.fromisoformat(found["at"]) == AT


def test_a_refusal_without_grounds_is_explained():
    described = explain.describe(Note(MalformedQuestion, AT, r.Grounds()))
    assert described["refusal"] == "malformed"
    assert described["ocsp"] == "malformed_request"
    assert described["why"].startswith("The question is not a DER")


def test_a_refusal_of_the_meter_is_explained(config: Path, tmp_path: Path, capsys):
    """Its label is read back in a process that has answered nothing."""
    ensure_key(tmp_path / KEY_FILE)
    sealed = Notebook.open(tmp_path / KEY_FILE).seal(NotJournalled(), AT)
    assert run(config, sealed) == 0
    assert "not_journalled" in capsys.readouterr().out


def test_where_no_service_ever_ran_nothing_is_made(config: Path, tmp_path: Path):
    with pytest.raises(NoteUnreadable, match="no key"):
        run(config, "nonsense")
    assert list(tmp_path.iterdir()) == []
