"""What the documents say is so: commands run, files exist, events and targets have their names."""

import re
import shlex
from pathlib import Path

import pytest

from support.scene import command
from support.service import Service

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("client_sdk/*.md")],
)


def blocks(document: Path) -> list[list[str]]:
    """Return the commands of each shell block, without comments."""
    found = re.findall(r"^```\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)
    return [[line.partition("#")[0].strip() for line in block.splitlines()] for block in found]


def by_hand(document: Path) -> list[str]:
    (block,) = [each for each in blocks(document) if each[0].startswith("tashika-server lab init")]
    return block


def who_may_ask(document: Path) -> list[str]:
    (block,) = [each for each in blocks(document) if each[0].startswith("tashika-server verifier")]
    return block


def test_the_commands_of_the_readme_do_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a free port in place of the usual one."""
    monkeypatch.chdir(tmp_path)
    init, serve, *rest = map(shlex.split, by_hand(ROOT / "README.md"))
    command(*init, "--port", "0")
    config = Path(serve.pop())
    assert serve == ["tashika-server", "serve"]
    with Service(config.parent) as service:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/ocsp", service.url)
        hold, publish, query, check = rest
        assert "on-hold" in command(*hold)
        assert "unchanged 0, quarantined 0, failed 0" in command(*publish)
        assert command(*query, code=1).startswith("REVOKED (unsigned")
        check = [service.url if word == "URL" else word for word in check]
        assert command(*check, code=1).startswith("REVOKED: ")
        listing, suspend, resume = map(shlex.split, who_may_ask(ROOT / "README.md"))
        assert "Imaginary Bank" in command(*listing)
        assert "S-000003  suspension.add" in command(*suspend)
        assert command(*check, code=2).startswith("NOT DETERMINED: ")
        assert "S-000003  suspension.resume" in command(*resume)
        assert command(*check, code=1).startswith("REVOKED: ")


def test_both_readmes_have_the_same_commands() -> None:
    assert blocks(ROOT / "README.ja.md") == blocks(ROOT / "README.md")


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
    assert set(re.findall(r"`?\bmake (demo|test|check|bench|lock|fuzz|docs)\b", said)) <= targets
