"""What a worker is made of, where neither its own tests nor those of the whole service look."""

from dataclasses import replace
from datetime import UTC, datetime
from os import sched_getaffinity
from pathlib import Path

import pytest

from support.verifiers import terms
from tashika_server.agreements.limits import Allowance, Buckets
from tashika_server.agreements.snapshot import SNAPSHOT_FILE, Snapshot, write_snapshot
from tashika_server.assembly.answering import _admission
from tashika_server.config import Settings
from tashika_server.config.checking import Config
from tashika_server.config.settings import ResponderSettings
from tashika_server.responder import ByAgreement

NOW = datetime.now(UTC)
BURST = 1600


@pytest.fixture
def config(tmp_path: Path) -> Config:
    settings = Settings(run=tmp_path, responder=ResponderSettings(workers=2))
    return Config(file=tmp_path / "tashika.toml", text="", settings=settings, issuers=())


def admission(config: Config) -> ByAgreement:
    made = _admission(config, at=NOW)
    assert isinstance(made, ByAgreement)
    return made


def test_agreements_are_compiled_before_anybody_asks(config: Config) -> None:
    snapshot = Snapshot(compiled_at=NOW, agreements=(terms(),))
    write_snapshot(config.settings.run / SNAPSHOT_FILE, snapshot)
    assert admission(config).gatehouse._compiled == snapshot.agreements


def test_where_there_are_none_yet_a_worker_begins_all_the_same(config: Config) -> None:
    assert not admission(config).gatehouse._compiled


def test_workers_of_two_configurations_together_grant_no_more_than_a_burst(config: Config) -> None:
    allowed, seconds = Allowance(rate=1.0, burst=BURST, daily=None, most=1), [0.0]
    sharers = admission(config).gatehouse._buckets.workers
    opened = [
        Buckets(config.settings.run / "limits", workers=sharers, monotonic=lambda: seconds[0])
        for _ in ("old", "old", "new", "new")
    ]
    buckets = [each.bucket("A-1", allowed) for each in opened]
    for each in buckets:  # each now holds all that it may ahead
        assert each.take(1, NOW) is None
    seconds[0] += BURST  # and what it has drawn is there again
    given = 0
    for each in buckets:
        while each.take(1, NOW) is None:
            given += 1
    assert BURST * 7 / 8 <= given <= BURST


def test_by_default_there_is_a_worker_for_each_core() -> None:
    settings = ResponderSettings()
    assert settings.processes == len(sched_getaffinity(0))
    assert replace(settings, workers=3).processes == 3
