"""The reference is made of docstrings: `make reference`. Here only that there are docstrings."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import tashika

SCRIPT = Path(__file__).parents[2] / "client_sdk" / "reference.py"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_public_name_says_what_it_is(reference: ModuleType) -> None:
    modules = reference.public_modules()
    assert {"tashika", "tashika.errors", "tashika.path", "tashika.testing"} <= set(modules)
    assert [each for module in modules for each in reference.undocumented(module)] == []


def test_one_that_does_not_is_named(reference: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def method(self) -> None: ...

    monkeypatch.setattr(tashika, "Report", Silent)
    assert list(reference.undocumented("tashika")) == ["tashika.Report", "tashika.Report.method"]
