"""What an operator sees, and what no operator may see."""

import io
import json
import sys

import pytest
import structlog
from prometheus_client import CollectorRegistry

from tashika_server.log import WITHHELD, LogFormat, configure_log, get_log
from tashika_server.metrics import OTHER, Tally

log = get_log()


@pytest.fixture(autouse=True)
def _as_before():
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def logged(monkeypatch, form: LogFormat, **fields: object) -> str:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    configure_log(form, process="worker-1")
    log.warning("snapshot_published", **fields)
    return sys.stderr.getvalue()


def test_an_event_is_one_json_line_with_its_process(monkeypatch) -> None:
    (line,) = logged(monkeypatch, LogFormat.AUTO, issuer="root-a", generation=7).splitlines()
    event = json.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "snapshot_published",
        "level": "warning",
        "process": "worker-1",
        "issuer": "root-a",
        "generation": 7,
    }


@pytest.mark.parametrize("form", [LogFormat.JSON, LogFormat.CONSOLE])
@pytest.mark.parametrize("field", sorted(WITHHELD))
def test_what_must_not_be_logged_is_withheld(monkeypatch, form: LogFormat, field: str) -> None:
    line = logged(monkeypatch, form, **{field: "0123456789"})
    assert "(withheld)" in line
    assert "0123456789" not in line


@pytest.mark.parametrize("form", [LogFormat.JSON, LogFormat.CONSOLE])
def test_a_traceback_shows_no_variables(monkeypatch, form: LogFormat) -> None:
    private = "0123456789"
    try:
        raise ValueError(len(private))
    except ValueError as wrong:
        line = logged(monkeypatch, form, exc_info=wrong)
    assert "ValueError" in line
    assert private not in line


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_t32_a_full_log_disk_stops_nobody(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stderr", FullDisk())
    configure_log(LogFormat.JSON, process="worker-1")
    log.error("anything")


def test_t32_a_label_outside_the_list_makes_no_new_series() -> None:
    registry = CollectorRegistry()
    tally = Tally("answers", "Answers.", label="outcome", allowed=["good"], registry=registry)
    for value in ("good", "serial 4711", "serial 4712"):
        tally.count(value)
    (family,) = registry.collect()
    counts = {
        sample.labels["outcome"]: sample.value
        for sample in family.samples
        if sample.name.endswith("_total")
    }
    assert counts == {"good": 1, OTHER: 2}
