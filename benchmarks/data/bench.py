"""How rows are measured, and the indexes that they share: each size is loaded once."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

from benchmarks.answering.parties import Spell
from benchmarks.cores import Cores
from benchmarks.index_load import Nation, build, memory

__all__ = ["Bench", "Loaded", "watched"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """An index, and what it took to load it."""

    path: Path
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
    shelf: dict[int, Loaded] = field(default_factory=dict)

    def loaded(self, size: int) -> Loaded:
        """Return the index of this size, and load it if need be."""
        if size not in self.shelf:
            self.shelf[size] = _load(self.directory / f"{size}", Nation.of(size))
        return self.shelf[size]


def _load(path: Path, nation: Nation) -> Loaded:
    with watched() as most:
        began = time.monotonic()
        build(path, nation, at=datetime.now(UTC))
        seconds = time.monotonic() - began
    return Loaded(
        path=path,
        nation=nation,
        seconds=seconds,
        resident=most[0],
        octets=(path / "data.mdb").stat().st_size,
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
