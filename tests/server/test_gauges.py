"""T3, T13: metrics of the data are right whoever is dead, and go to this machine alone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from cryptography.hazmat.primitives.asymmetric import ec
from prometheus_client.parser import text_string_to_metric_families

from support.asking import AT, Authority, ec_key, make_issuer
from support.clock import FakeClock
from support.console import console
from tashika_server.book import Book
from tashika_server.console.application import ConsoleParts, _metrics
from tashika_server.index import (
    Changes,
    FeedMark,
    IndexReader,
    IndexWriter,
    Mark,
    Quarantined,
)
from tashika_server.issuer import PushFeed
from tashika_server.office.gauges import DOCTOR_FILE, GaugeParts, exposition

HOUR = timedelta(hours=1)
KEY = ec_key("feed").public_key()
assert isinstance(KEY, ec.EllipticCurvePublicKey)
ISSUER = replace(
    make_issuer(Authority.make("CA", ec_key("ca"))), feed=PushFeed(url="https://x", key=KEY)
)
CA = ISSUER.identity.fingerprint


@pytest.fixture
def index(tmp_path: Path) -> Iterator[IndexWriter]:
    with IndexWriter.open(tmp_path / "index", 2**24) as writer:
        writer.expect(CA, [""])
        yield writer


def shown(reader: IndexReader, run: Path, *, hours: float = 0) -> dict[str, float]:
    """Scrape, and return what is said of our issuer or of none."""
    parts = GaugeParts(index=reader, issuers=(ISSUER,), run=run, clock=FakeClock(AT + hours * HOUR))
    return {
        " ".join([sample.name.removeprefix("tashika_"), *sorted(sample.labels.values())]): (
            sample.value
        )
        for family in text_string_to_metric_families(exposition(parts).decode())
        for sample in family.samples
    }


def test_t13_the_data_ages_in_the_metrics_with_nobody_to_fetch_it(
    index: IndexWriter, tmp_path: Path
):
    name = ISSUER.name
    assert shown(index.reader, tmp_path)[f"crls_missing {name}"] == 1
    mark = Mark(
        number=1,
        this_update=AT,
        next_update=AT + 48 * HOUR,
        sha256=bytes(32),
        entries=0,
        etag=None,
        last_modified=None,
    )
    index.publish(CA, "", Changes(), mark)
    feed = FeedMark(
        key=bytes(32), sequence=7, digest=bytes(32), this_update=AT, next_update=AT + HOUR
    )
    index.push(CA, [], feed)
    early = shown(index.reader, tmp_path, hours=0.5)
    assert early[f"crls_missing {name}"] == 0
    assert (early[f"feed_sequence {name}"], early[f"feed_late {name}"]) == (7, 0)
    assert early["index_generation"] >= 2
    index.quarantine(CA, Quarantined(partition="", at=AT, check="number", detail=""))
    late = shown(index.reader, tmp_path, hours=36)
    assert late[f"crl_left_seconds {name}"] == 12 * 3600
    assert (late[f"feed_age_seconds {name}"], late[f"feed_late {name}"]) == (36 * 3600, 1)
    assert (late[f"crls_quarantined {name}"], late["index_readable"]) == (1, 1)


def test_an_index_that_cannot_be_read_is_a_metric_too(tmp_path: Path):
    said = shown(IndexReader.open(tmp_path / "none"), tmp_path)
    assert said["index_readable"] == 0
    assert f"crls_missing {ISSUER.name}" not in said


@pytest.mark.parametrize("spoilt", [b"", b"[]", b'{"at": "now", "findings": {}}'])
def test_what_the_doctor_recorded_is_shown_and_what_is_spoilt_is_not(
    index: IndexWriter, tmp_path: Path, spoilt: bytes
):
    file = tmp_path / DOCTOR_FILE
    file.write_text(
        '{"at": "2026-04-01T00:00:00+00:00", "findings": {"ca": {"failure": 2, "warning": 0}}}'
    )
    said = shown(index.reader, tmp_path)
    assert said["doctor_findings ca failure"] == 2
    assert said["doctor_looked_seconds"] == 1775001600
    file.write_bytes(spoilt)
    assert "doctor_looked_seconds" not in shown(index.reader, tmp_path)


async def test_the_metrics_are_served_to_this_machine_without_a_log_in(book: Book):
    async with console(book) as served, served.client.get(f"{served.url}/metrics") as reply:
        assert reply.status == 200
        assert reply.content_type == "text/plain"
        assert "tashika_index_readable 1.0" in await reply.text()


async def test_the_metrics_are_not_for_other_machines():
    parts = ConsoleParts.__new__(ConsoleParts)
    with pytest.raises(web.HTTPForbidden):
        await _metrics(parts, make_mocked_request("GET", "/metrics"))
