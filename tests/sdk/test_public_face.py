"""What is public: the names, the error tree, the README, and the help for others' tests."""

import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

import tashika
import tashika.errors
import tashika.testing
from support.sdk import write_pems
from tashika import Client, TashikaError
from tashika.testing import FakeResponder

README = Path(__file__).parents[2] / "client_sdk" / "README.md"


@pytest.mark.parametrize("module", [tashika, tashika.errors, tashika.testing])
def test_public_means_listed_sorted_and_importable(module: object) -> None:
    listed = module.__all__  # type: ignore[attr-defined]
    assert listed == sorted(set(listed))
    assert all(hasattr(module, name) for name in listed)
    found = {name for name in dir(module) if not name.startswith("_")}
    submodules = {each.name for each in pkgutil.iter_modules(getattr(module, "__path__", []))}
    incidental = {"TYPE_CHECKING", "Cause"} if module is tashika.errors else set()
    assert set(listed) == found - submodules - incidental


def test_the_core_alone_does_not_load_the_client() -> None:
    code = "import sys, tashika.pki.request; print('aiohttp' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_the_errors_are_the_tree_that_is_drawn() -> None:
    for each in pkgutil.walk_packages(tashika.__path__, "tashika."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)
    picture = tashika.errors.__doc__ or ""
    drawn = re.findall(r"(?m)^    ((?:│   |    )*(?:├── |└── )?)([A-Z]\w+)", picture)
    above: list[str] = []
    tree: set[tuple[str, ...]] = set()
    for indent, name in drawn:
        above[len(indent) // 4 :] = [name]
        tree.add(tuple(above))
    assert tree == set(lineages(TashikaError))
    assert {name for _, name in drawn} == set(tashika.errors.__all__)


def lineages(error: type[TashikaError], *above: str) -> Iterator[tuple[str, ...]]:
    yield (*above, error.__name__)
    for each in error.__subclasses__():
        if each.__module__.startswith("tashika."):
            yield from lineages(each, *above, error.__name__)


def test_the_package_says_that_it_is_typed() -> None:
    assert files("tashika").joinpath("py.typed").is_file()


def test_the_readmes_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example, *_) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    responder = FakeResponder()
    write_pems(responder, tmp_path)
    monkeypatch.chdir(tmp_path)
    with responder.serve() as url:
        ready = example.replace("http://127.0.0.1:8080/ocsp", url)
        assert ready != example
        exec(compile(ready, "README.md", "exec"), {})  # noqa: S102 - our own README
        responder.revoke(responder.pki.certificate)
        with pytest.raises(tashika.errors.CertificateRevoked):
            exec(compile(ready, "README.md", "exec"), {})  # noqa: S102 - our own README


def test_the_five_lines_for_others_tests_run() -> None:
    lines = re.findall(r"(?m)^    (.+)$", (tashika.testing.__doc__ or "").split("::")[1])
    code = "\n".join(lines)
    names: dict[str, object] = {"FakeResponder": FakeResponder, "Client": Client}
    exec(code, names)  # noqa: S102 - our own docstring
    names["test_a_revoked_card_is_turned_away"]()  # type: ignore[operator]
