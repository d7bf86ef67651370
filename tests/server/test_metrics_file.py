"""What each process counts is shown by the office, by process, and nothing of one that is gone."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from support.asking import AT
from support.clock import FakeClock
from tashika_server import metrics_file
from tashika_server.index import IndexReader
from tashika_server.metrics import Tally
from tashika_server.metrics_file import keep_writing_metrics, write_metrics
from tashika_server.office.gauges import GaugeParts, exposition

NAME = "tashika_test_answers"


def count(run: Path, title: str, by: int, *, age: float = 0) -> None:
    registry = CollectorRegistry()
    Tally(NAME, "Of a test.", label="kind", allowed=("good",), registry=registry).count("good", by)
    write_metrics(run, title, b"# owner\n", registry=registry)
    written = AT.timestamp() - age
    os.utime(run / "metrics" / f"{title}.prom", (written, written))


def shown(run: Path) -> str:
    parts = GaugeParts(
        index=IndexReader.open(run / "none"), issuers=(), run=run, clock=FakeClock(AT)
    )
    return exposition(parts).decode()


def test_the_counters_of_all_processes_are_shown_once_each(tmp_path: Path):
    count(tmp_path, "worker-1", 3)
    count(tmp_path, "worker-2", 4)
    text = shown(tmp_path)
    assert text.count(f"# TYPE {NAME}_total counter") == 1
    (family,) = [each for each in text_string_to_metric_families(text) if each.name == NAME]
    found = {each.labels["process"]: each.value for each in family.samples if each.value}
    assert found == {"worker-1": 3, "worker-2": 4}
    types = [line for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types))


def test_t3_what_a_process_counted_that_hangs_or_is_gone_is_not_shown(tmp_path: Path):
    count(tmp_path, "refresher", 3, age=61)
    (tmp_path / "metrics" / "worker-1.prom").write_bytes(b'half a li{ne="')
    assert NAME not in shown(tmp_path)


async def test_a_process_writes_until_its_successor_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(metrics_file, "WRITE_EVERY", metrics_file.WRITE_EVERY * 0)
    loop, written = asyncio.get_running_loop(), asyncio.Event()

    def write(*args: Any) -> None:
        write_metrics(*args, registry=CollectorRegistry())
        loop.call_soon_threadsafe(written.set)

    monkeypatch.setattr(metrics_file, "write_metrics", write)
    file = tmp_path / "metrics" / "worker-1.prom"
    writing = asyncio.create_task(keep_writing_metrics(tmp_path, "worker-1"))
    await asyncio.wait_for(written.wait(), 10)
    write_metrics(tmp_path, "worker-1", b"# another\n", registry=CollectorRegistry())
    await asyncio.wait_for(writing, 10)
    assert file.read_bytes() == b"# another\n"
