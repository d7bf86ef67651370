"""The benchmarks, which no test runs whole, still find what they take from the project."""

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
OURS = ("tashika", "tashika_server")


@pytest.mark.parametrize("path", sorted(BENCHMARKS.rglob("*.py")), ids=lambda path: path.stem)
def test_what_a_benchmark_takes_is_there(path: Path) -> None:
    taken = [
        (each.module, name.name)
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.ImportFrom) and each.module and each.module.split(".")[0] in OURS
        for name in each.names
    ]
    for module, name in taken:
        assert hasattr(import_module(module), name) or find_spec(f"{module}.{name}")
