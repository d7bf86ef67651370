"""A small world that is well: loaded once, copied for each test."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest

from support import lab
from support.clock import FakeClock
from tashika_server.assembly.examining import patient
from tashika_server.assembly.refreshing import refresh_parts
from tashika_server.config import Config, load_config
from tashika_server.doctor.examination import Patient, examine
from tashika_server.doctor.finding import Finding, Gravity, Symptom
from tashika_server.doctor.machine import DiskRoom
from tashika_server.index import IndexWriter
from tashika_server.refresh.process import Refresher


@dataclass(kw_only=True)
class Ward:
    """A world on disk, and the doctor before it."""

    root: Path

    @property
    def file(self) -> Path:
        return self.root / "tashika.toml"

    @property
    def config(self) -> Config:
        return load_config(self.file)

    def change(self, old: str, new: str) -> None:
        """Alter the configuration, once."""
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new, 1))

    @contextmanager
    def patient(self, *, at: datetime = lab.NOON) -> Iterator[Patient]:
        with patient(self.config, token=None, at=at) as found:
            roomy = replace(found.machine, disk=lambda _: DiskRoom(total=100, free=50))
            yield replace(found, machine=roomy)

    def examine(self, *, at: datetime = lab.NOON) -> list[Finding]:
        with self.patient(at=at) as found:
            return list(examine(found, at=at))

    def writer(self) -> IndexWriter:
        return IndexWriter.open(self.root / "index", 2**26)


def ills(found: list[Finding]) -> list[tuple[str, Symptom]]:
    """What is not well: of whom, and what."""
    return [(one.subject, one.symptom) for one in found if one.gravity is not Gravity.WELL]


@pytest.fixture(scope="session")
def well(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("well") / "lab"
    lab.template(root)
    base = (root / "published").as_uri()
    parts = refresh_parts(
        load_config(root / "tashika.toml"), lab_base=base, clock=FakeClock(lab.NOON)
    )

    async def load() -> None:
        async with Refresher.of(parts) as refresher:
            await refresher.refresh_all()

    asyncio.run(load())
    (root / "run").mkdir()
    return root


@pytest.fixture
def ward(well: Path, tmp_path: Path) -> Ward:
    shutil.copytree(well, tmp_path / "lab")
    return Ward(root=tmp_path / "lab")
