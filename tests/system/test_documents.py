"""What the documents say is so: commands run, files exist, events and targets have their names."""

import argparse
import re
import shlex
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

import tashika.cli
import tashika_server.cli
from support.service import PATIENCE, Service, wait_until

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("client_sdk/*.md")],
)


def commands(document: Path) -> list[list[str]]:
    """Return the commands of all shell blocks but those of make, without comments."""
    found = re.findall(r"^```\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in found for line in block.splitlines()]
    return [words for words in lines if words[0] != "make"]


# --- The README ---------------------------------------------------------------------------------

SAYS = (
    (0, "GOOD: "),
    (2, "NOT DETERMINED: "),
    (0, ""),
    (0, ""),
    (0, "user-auth-15.pem: good"),
    (0, "on-hold"),
    (0, "unchanged 0, quarantined 0, failed 0"),
    (1, "REVOKED: "),
    (1, "REVOKED (unsigned"),
    (0, "Imaginary Bank"),
    (0, "S-000003  suspension.add"),
    (0, "S-000003  suspension.resume"),
)
"""What becomes of each command after the first two: its exit code and some of its words."""


class Person:
    """Types what the README says, on a free port in place of the usual ones."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._places: dict[str, str] = {}

    def meets(self, service: Service) -> None:
        tls_url = str(service.wait_for_event("tls_listening")["url"])
        self._places = {
            "http://127.0.0.1:8080/ocsp": service.url,
            "https://127.0.0.1:8081/ocsp": tls_url,
        }

    def types(self, words: list[str]) -> tuple[int, str]:
        """Run one command, ours within this process; returns its exit code and what it said."""
        name, *arguments = [self._places.get(word, word) for word in words]
        if name in OURS:
            code = OURS[name](arguments)
            return code, "".join(self._capsys.readouterr())
        done = subprocess.run(
            [name, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        return done.returncode, done.stdout + done.stderr


OURS = {"tashika": tashika.cli.main, "tashika-server": tashika_server.cli.main}


def test_the_commands_of_the_readme_do_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    person = Person(capsys)
    init, serve, *rest = commands(ROOT / "README.md")
    code, said = person.types([*init, "--port", "0", "--algorithm", "p384"])
    assert (code, "verifiers/bank.token" in said) == (0, True)
    config = serve.pop()
    assert serve == ["tashika-server", "serve"]
    with Service(Path(config).parent) as service:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/ocsp", service.url)
        person.meets(service)
        ask = rest[0]
        for words, (code, some) in zip(rest, SAYS, strict=True):
            done, said = person.types(words)
            assert (done, some in said) == (code, True), said
            if "broker.token" in words[-1]:
                explain = [
                    "tashika-server",
                    "explain",
                    config,
                    *re.findall(r"refusal (\S+)\)", said),
                ]
                assert "refusal    suspended" in person.types(explain)[1]
            if words[1] == "suspension":
                expected = 2 if words[2] == "add" else 1
                wait_until(lambda: person.types(ask)[0] == expected, str(words), seconds=2.0)  # noqa: B023


def test_both_readmes_have_the_same_commands() -> None:
    assert commands(ROOT / "README.ja.md") == commands(ROOT / "README.md")


# --- All documents ------------------------------------------------------------------------------


def verbs_of(noun: str) -> set[str]:
    nouns = argparse.ArgumentParser().add_subparsers()
    import_module(f"tashika_server.cli.{noun}").add_commands(nouns)
    (actions,) = (
        each.choices
        for each in nouns.choices[noun]._actions
        if isinstance(each, argparse._SubParsersAction)
    )
    return set(actions)


@pytest.mark.parametrize(
    "noun",
    [
        *("verifier", "agreement", "credential", "suspension", "proposal", "operator", "book"),
        *("usage", "tariff", "month", "statement", "adjustment", "ledger", "report"),
        *("compromise", "handover"),
    ],
)
def test_every_command_that_is_mentioned_exists(noun: str) -> None:
    said = "".join(document.read_text() for document in DOCUMENTS)
    named = set(re.findall(rf"(?:`|`tashika-server ){noun} ([a-z-]+)", said))
    assert named
    assert named - verbs_of(noun) == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_is_mentioned_exists(document: Path) -> None:
    text = document.read_text()
    links = re.findall(r"\]\((?!\w+:)([^)#]+)", text)
    assert [each for each in links if not (document.parent / each).exists()] == []
    named = re.findall(r"`([\w.*-]+(?:/[\w.*-]+)*/?)`", text)
    paths = [each for each in named if "/" in each or re.search(r"\.(py|md|toml|lock)$", each)]
    assert [each for each in paths if not is_there(each)] == []


PLACES = ("", "server/tashika_server", "client_sdk", "client_sdk/tashika")
SOURCES = ("server", "client_sdk", "docs")
OF_A_WORLD = (
    *("tashika.toml", "certs", "issuers", "world/verifiers/"),
    *("run/refresher.sock", "run/agreements", "run/refusals.key"),
    *("run/compromises", "handovers/", ".venv/compiled"),
)
"""Files of an installation, which are in no repository."""


def is_there(name: str) -> bool:
    if "/" not in name and any(any((ROOT / place).rglob(name)) for place in SOURCES):
        return True
    return name in OF_A_WORLD or any(any((ROOT / place).glob(name)) for place in PLACES)


def test_every_event_of_the_operations_page_is_logged_somewhere() -> None:
    table = (ROOT / "docs/operations.md").read_text().partition("## Events")[2]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    events = [event for cell in cells for event in re.findall(r"`(\w+)`", cell)]
    source = "".join(path.read_text() for path in ROOT.glob("server/**/*.py"))
    assert events
    assert [event for event in events if f'"{event}"' not in source] == []


def test_every_make_target_that_is_mentioned_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    said = "".join(document.read_text() for document in DOCUMENTS)
    assert (
        set(re.findall(r"`?\bmake (demo|test|check|bench|drill|lock|fuzz|docs)\b", said)) <= targets
    )
