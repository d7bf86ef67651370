"""How rows are measured, and the indexes that they share: each size is loaded once."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

from benchmarks.answering.parties import Spell
from benchmarks.cores import Cores, on_all
from benchmarks.data.lists import publish, take_in
from benchmarks.index_load import Nation, build, memory

__all__ = ["Bench", "Loaded", "watched"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What it took to load an index, which is gone."""

    nation: Nation
    seconds: float
    resident: int
    """Octets beside the map, at most."""
    octets: int
    """Of the file, right after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """How rows are measured."""

    directory: Path
    """Where indexes lie; gone afterwards."""
    sizes: Sequence[int]
    """Revoked certificates."""
    times: int
    """How often what is quick is done."""
    cores: Cores
    spell: Spell
    """Of each run under load."""
    shelf: dict[int, Path] = field(default_factory=dict)

    def index(self, size: int) -> Path:
        """Return an index of this size, and build it past all CRLs if need be."""
        if size not in self.shelf:
            self.shelf[size] = self.directory / f"{size}"
            build(self.shelf[size], Nation.of(size), at=datetime.now(UTC))
        return self.shelf[size]

    def taken_in(self, size: int) -> Loaded:
        """Take in a nation of this size from its CRLs, on all cores; all of it is gone then."""
        with TemporaryDirectory(dir=self.directory) as directory, on_all(self.cores):
            return _taken_in(Path(directory), Nation.of(size))


def _taken_in(directory: Path, nation: Nation) -> Loaded:
    issuers = publish(directory / "lists", nation, at=datetime.now(UTC))
    with watched() as most:
        began = time.monotonic()
        published = take_in(issuers, directory / "index", nation)
        seconds = time.monotonic() - began
    if published != len(nation.issuers) * len(nation.partitions):
        raise RuntimeError("not all of the CRLs were taken in; the log says why")
    return Loaded(
        nation=nation,
        seconds=seconds,
        resident=most[0],
        octets=(directory / "index" / "data.mdb").stat().st_size,
    )


@contextmanager
def watched() -> Iterator[list[int]]:
    """Lend a list whose one number becomes the most memory that was held beside what is mapped."""
    most, over = [memory()], Event()

    def watch() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], memory())

    thread = Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()
