"""Money is whole yen: no float is anywhere in the ledger, and nothing divides into one."""

import ast
from pathlib import Path

import pytest

from tashika_server import ledger

MODULES = sorted(Path(ledger.__file__).parent.glob("*.py"))
LAYOUT = {"typesetting.py"}
"""Sets type by the millimetre; the numbers it sets are formatted as they come."""


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_no_module_of_the_ledger_knows_a_float(module: Path):
    floats = [
        node
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Div)
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id in {"float", "Decimal", "round"})
    ]
    assert not floats or module.name in LAYOUT


def test_there_is_something_to_look_at():
    assert {"rating.py", "statement.py", "tax.py"} <= {path.name for path in MODULES}
