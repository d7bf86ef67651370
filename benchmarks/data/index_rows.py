"""What the index costs by its size: the first load, a delta, and a start with a cold cache."""

import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.answering.figures import Figure, Reading, Row, at_most
from benchmarks.data.bench import Bench, Loaded
from benchmarks.index_load import CHANGES, LATE, Nation, crl, forget, revoked
from tashika_server.index import Changes, IndexWriter

__all__ = ["delta", "first_look", "load"]

NATION = 50_000_000
LOAD_SECONDS, RESIDENT_MB, BYTES, DELTA_SECONDS, START_SECONDS = 480.0, 500.0, 40.0, 2.0, 3.0


def load(bench: Bench) -> Row:
    """Take everything in from CRLs once, as a refresher does that finds no index."""
    loads = [bench.taken_in(size) for size in bench.sizes]
    largest = loads[-1]
    speed = _figure(loads, "loaded", "entries/s", lambda each: each.nation.entries / each.seconds)
    resident = _figure(loads, "beside the map", "MB", lambda each: each.resident / 1e6)
    octets = _figure(loads, "in the index", "bytes an entry", _bytes_an_entry)
    bound = LOAD_SECONDS * largest.nation.entries / NATION
    return Row(
        name="load",
        work="first load from CRLs by the refresher, six issuers, partitions as a nation has them",
        figures=[*speed, *resident, *octets],
        demands=[
            at_most(f"seconds for {largest.nation.entries:,}", "s", bound, largest.seconds),
            at_most("resident beside the map", "MB", RESIDENT_MB, largest.resident / 1e6),
            at_most("in the index", "bytes an entry", BYTES, _bytes_an_entry(largest)),
        ],
        notes=[
            "from files: no network; neither archive nor history",
            f"the process that reads for us held {_reader_mb():.0f} MB more at most",
            f"the bound is {LOAD_SECONDS:.0f} s for {NATION:,}, in proportion",
        ],
    )


def delta(bench: Bench) -> Row:
    """Publish changes at random places of one issuer in one commit, again and again."""
    figures, busy, notes = list[Figure](), list[Figure](), list[str]()
    for size in bench.sizes:
        path, nation = bench.index(size), Nation.of(size)
        took = [_publish(path, nation, offset) for offset in (2, 3, 1)]
        name = f"{size:,} entries"
        figures.append(_reading(name, "s", [wall for wall, _ in took], size))
        busy.append(_reading(f"{name}, of the processor", "s", [cpu for _, cpu in took], size))
        grown = (path / "data.mdb").stat().st_size / nation.entries
        notes.append(f"{name}: {grown:.1f} bytes an entry afterwards, free pages included")
    worst = max(each.value for each in figures)
    return Row(
        name="delta",
        work=f"{CHANGES:,} new entries (no more than an issuer has) at random places, one commit",
        figures=[*figures, *busy],
        demands=[at_most("the slowest", "s", DELTA_SECONDS, worst)],
        notes=notes,
    )


def first_look(bench: Bench) -> Row:
    """Start a process with the file out of the page cache, until it has looked something up."""
    figures = []
    for size in bench.sizes:
        path, nation = bench.index(size), Nation.of(size)
        took = [_look(path, nation) for _ in range(bench.times)]
        figures.append(_reading(f"{size:,} entries", "s", took, size))
    worst = max(each.value for each in figures)
    return Row(
        name="first-look",
        work="a new process, the index cold: Python, imports, opening, one look-up",
        figures=figures,
        demands=[at_most("start to first look-up", "s", START_SECONDS, worst)],
    )


def _publish(path: Path, nation: Nation, offset: int) -> tuple[float, float]:
    at = datetime.now(UTC)
    chosen = random.Random(offset).sample(nation.listed, min(CHANGES, nation.revoked))
    added = revoked([serial + offset for serial in sorted(chosen)], at)
    with IndexWriter.open(path, nation.room) as writer:
        began, spent = time.monotonic(), time.process_time()
        mark = crl(len(added), at)
        writer.publish(nation.issuers[-1], LATE, Changes(added=added), mark)
        return time.monotonic() - began, time.process_time() - spent


def _look(path: Path, nation: Nation) -> float:
    forget(path / "data.mdb")
    issuer, serial = nation.issuers[0].hex(), str(nation.listed[-1])
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", _LOOK, path, issuer, serial], check=True)
    return time.monotonic() - began


_LOOK = """
import sys
from pathlib import Path
from tashika_server.index import IndexReader
path, issuer, serial = sys.argv[1:]
with IndexReader.open(Path(path)).snapshot() as view:
    sys.exit(view.find(bytes.fromhex(issuer), int(serial)).entry is None)
"""


def _figure(
    loads: list[Loaded], of: str, unit: str, value: Callable[[Loaded], float]
) -> list[Figure]:
    return [
        _reading(f"{of}, {each.nation.entries:,}", unit, [value(each)], each.nation.entries)
        for each in loads
    ]


def _reading(of: str, unit: str, values: list[float], at: float) -> Figure:
    return Figure(of=of, unit=unit, readings=[Reading(value=each) for each in values], at=at)


def _reader_mb() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def _bytes_an_entry(loaded: Loaded) -> float:
    return loaded.octets / loaded.nation.entries
