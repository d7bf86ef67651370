"""What each process counts is shown by the office, by process, and nothing of one that is gone."""

import asyncio
import itertools
import os
from datetime import timedelta
from pathlib import Path

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
    write_metrics(run, title, 1, registry=registry)
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
    monkeypatch.setattr(metrics_file, "WRITE_EVERY", timedelta(0))
    (tmp_path / "metrics").mkdir()
    file = tmp_path / "metrics" / "worker-1.prom"
    file.write_text("# 5\n")  # of the one before
    calls = itertools.count(1)

    def write(run: Path, title: str, begun: int) -> None:
        write_metrics(run, title, begun + (next(calls) == 3), registry=CollectorRegistry())

    monkeypatch.setattr(metrics_file, "write_metrics", write)
    await asyncio.wait_for(keep_writing_metrics(tmp_path, "worker-1"), 10)
    assert next(calls) == 4
    assert int(file.read_bytes().removeprefix(b"# ")) > 5
