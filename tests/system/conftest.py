"""One running service for all tests that leave it as they found it, and labs for the others."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.scene import Scene, arrange
from support.service import make_lab


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Found a lab that is only copied: founding takes a second."""
    return make_lab(tmp_path_factory.mktemp("system") / "founded")


@pytest.fixture
def lab(founded: Path, tmp_path: Path) -> Path:
    """A lab of the test's own."""
    return Path(shutil.copytree(founded, tmp_path / "lab"))


@pytest.fixture(scope="session")
def scene(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The shared service, with two workers. Who uses it issues cards of their own."""
    directory = shutil.copytree(founded, tmp_path_factory.mktemp("scene") / "lab")
    arrange(directory, ("workers = 1", "workers = 2"))
    with Scene(directory) as scene:
        yield scene
