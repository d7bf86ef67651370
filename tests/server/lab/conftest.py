from collections.abc import Iterator
from pathlib import Path

import pytest

from support import lab
from tashika_server.lab import World


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab.template(tmp_path_factory.mktemp("lab-template"))


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[World]:
    with lab.copied(template, tmp_path / "lab") as opened:
        yield opened
        lab.check(opened)
