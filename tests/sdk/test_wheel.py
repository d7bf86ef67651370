"""What the wheel brings along; `make wheel-check` installs it alone and looks at the same."""

import importlib.util
import re
from importlib.metadata import metadata, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("docs/*.md"), *ROOT.glob("client_sdk/*.md"), *ROOT.glob("client_sdk/**/*.py")]


def needed(name: str) -> set[str]:
    """Return what a distribution requires here, without its extras."""
    wanted = map(Requirement, requires(name) or ())
    return {each.name for each in wanted if not each.marker or each.marker.evaluate({"extra": ""})}


def test_it_installs_with_three_libraries_and_what_they_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert needed("tashika") == {"aiohttp", "asn1crypto", "cryptography"}
    monkeypatch.syspath_prepend(ROOT / "demo")
    spec = importlib.util.spec_from_file_location("wheel_check", ROOT / "client_sdk/wheel_check.py")
    assert spec
    assert spec.loader
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)
    found, waiting = set[str](), ["tashika"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needed(name)
    assert {each.lower().replace("-", "_") for each in found} <= check.ALLOWED


def test_every_extra_that_is_spoken_of_is_there() -> None:
    spoken = {
        name
        for page in PAGES
        for name in re.findall(r"\btashika\[([\w-]+)\]|\bextra `+([\w-]+)`", page.read_text())
    }
    named = {one or other for one, other in spoken}
    assert named == set(metadata("tashika").get_all("Provides-Extra") or ())
