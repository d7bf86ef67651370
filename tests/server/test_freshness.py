"""T3, T13: old revocation data is noticed by a process that does not fetch it."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from prometheus_client import REGISTRY

from support.asking import AT, Authority, ec_key, make_issuer
from support.clock import FakeClock
from tashika_server.agreements.compromise_file import CompromisesUnreadable
from tashika_server.index import Changes, FeedMark, IndexReader, IndexWriter, Mark, Pushed
from tashika_server.issuer import Issuer
from tashika_server.office import freshness
from tashika_server.office.freshness import Age, FreshnessParts, FreshnessWatch, Stage, ages
from tashika_server.office.status_page import status_page

HOUR, LIFE = timedelta(hours=1), timedelta(hours=48)
ISSUER = make_issuer(Authority.make("CA", ec_key("ca")))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[IndexWriter]:
    with IndexWriter.open(tmp_path / "index", 2**24) as writer:
        writer.expect(ISSUER.identity.fingerprint, [""])
        yield writer


@pytest.fixture
def watch(index: IndexWriter) -> FreshnessWatch:
    return watching(index.reader, FakeClock(AT))


def watching(reader: IndexReader, clock: FakeClock, *issuers: Issuer) -> FreshnessWatch:
    parts = FreshnessParts(index=reader, issuers=issuers or (ISSUER,), clock=clock)
    return FreshnessWatch(parts)


def publish(index: IndexWriter, partition: str = "", *, number: int = 1, ago=0 * HOUR, life=LIFE):
    mark = Mark(
        number=number,
        this_update=AT - ago,
        next_update=AT - ago + life,
        sha256=bytes(32),
        entries=0,
        etag=None,
        last_modified=None,
    )
    index.publish(ISSUER.identity.fingerprint, partition, Changes(), mark)


def test_t3_alarms_at_half_of_the_budget_and_once(index: IndexWriter, watch: FreshnessWatch):
    publish(index)
    clock = watch.parts.clock
    assert isinstance(clock, FakeClock)
    with structlog.testing.capture_logs() as logs:
        for hours in (0, 23.9, 24, 30, 47.9, 48, 60):
            clock.at = AT + hours * HOUR
            watch.look()
        publish(index, number=2, ago=-60 * HOUR)
        watch.look()
    events = [(log["log_level"], log["event"]) for log in logs]
    assert events == [
        ("warning", "crls_ageing"),
        ("error", "crls_expired"),
        ("info", "crls_fresh_again"),
    ]


def test_t3_a_push_feed_does_not_hide_that_crls_grow_old(index: IndexWriter, watch: FreshnessWatch):
    publish(index, ago=30 * HOUR)
    news = Pushed(partition="", number=1, this_update=AT, changes=Changes())
    mark = FeedMark(key=b"", sequence=1, digest=b"", this_update=AT, next_update=AT + HOUR)
    index.push(ISSUER.identity.fingerprint, [news], mark)
    (age,) = watch.look()
    assert (age.stage, age.late) == (Stage.AGEING, ("",))


def test_the_metric_is_the_part_that_is_spent(index: IndexWriter, watch: FreshnessWatch):
    publish(index, ago=12 * HOUR)
    watch.look()
    labels = {"issuer": ISSUER.name}
    assert REGISTRY.get_sample_value("tashika_freshness_spent_ratio", labels) == 0.25
    assert REGISTRY.get_sample_value("tashika_crls_late", labels) == 0


def test_t13_a_refresher_that_is_gone_is_noticed(tmp_path: Path):
    """The writer has ended, as a refresher that is dead; only the file is left."""
    with IndexWriter.open(tmp_path / "index", 2**24) as writer:
        writer.expect(ISSUER.identity.fingerprint, [""])
        publish(writer)
    watch = watching(IndexReader.open(tmp_path / "index"), FakeClock(AT + 25 * HOUR))
    (age,) = watch.look()
    assert (age.stage, age.late) == (Stage.AGEING, ("",))
    watch.parts.index.close()


def test_t15_a_partition_that_never_came_is_missing_whatever_the_others(index: IndexWriter):
    index.expect(ISSUER.identity.fingerprint, ["", "second"])
    publish(index, "second")
    with index.reader.snapshot() as view:
        (age,) = ages(view, [ISSUER], at=AT)
    assert (age.stage, age.missing) == (Stage.MISSING, ("",))


def test_lists_of_different_lifetimes_are_not_mixed(index: IndexWriter):
    """Taken together their oldest thisUpdate and first nextUpdate would look late."""
    index.expect(ISSUER.identity.fingerprint, ["", "second"])
    publish(index, "", ago=5 * 24 * HOUR, life=30 * 24 * HOUR)
    publish(index, "second", ago=HOUR)
    with index.reader.snapshot() as view:
        (age,) = ages(view, [ISSUER], at=AT)
    assert (age.stage, age.late) == (Stage.FRESH, ())
    assert age.spent == pytest.approx(5 / 30)


def test_without_an_index_it_is_said_once(tmp_path: Path):
    watch = watching(IndexReader.open(tmp_path / "index"), FakeClock(AT))
    with structlog.testing.capture_logs() as logs:
        assert watch.look() == ()
        assert watch.look() == ()
    assert [log["event"] for log in logs] == ["freshness_unknown"]


def test_the_status_page_says_how_each_issuer_stands(index: IndexWriter, watch: FreshnessWatch):
    publish(index, ago=36 * HOUR)
    text = status_page(watch.look(), at=AT, compromised={}).decode()
    assert ISSUER.name in text
    assert "更新遅延 late" in text
    assert "75%" in text
    assert "2026-04-01 12:00 JST" in text


def test_the_status_page_calls_no_issuer_fresh_whose_key_is_compromised(
    index: IndexWriter, watch: FreshnessWatch
):
    publish(index)
    other = Age(issuer="another", stage=Stage.FRESH, spent=0.1)
    lost = {ISSUER.name: AT - HOUR}
    text = status_page([*watch.look(), other], at=AT, compromised=lost).decode()
    (said,) = (line for line in text.splitlines() if ISSUER.name in line)
    assert "鍵の危殆化" in said
    assert "key compromised: every certificate is revoked" in said
    assert "2026-04-01 11:00 JST" in said
    assert not [word for word in ("fresh", "正常", "%") if word in said]
    assert "正常 fresh" in text  # of the other
    assert 'href="notices"' in text


async def test_each_look_is_shown_whatever_becomes_of_showing(
    index: IndexWriter, monkeypatch: pytest.MonkeyPatch
):
    publish(index)
    monkeypatch.setattr(freshness, "LOOK_EVERY", timedelta(0))
    parts = FreshnessParts(index=index.reader, issuers=(ISSUER,), clock=FakeClock(AT))
    shown: list[tuple[Age, ...]] = []
    enough = asyncio.Event()
    loop = asyncio.get_running_loop()

    def show(ages: tuple[Age, ...]) -> None:
        shown.append(ages)
        if len(shown) > 2:
            loop.call_soon_threadsafe(enough.set)
        raise CompromisesUnreadable("not there") if len(shown) == 1 else OSError("full")

    keeping = asyncio.create_task(
        freshness.keep_watching_freshness(parts, show, sooner=asyncio.Event())
    )
    await asyncio.wait_for(enough.wait(), 30)
    keeping.cancel()
    assert [each.issuer for each in shown[2]] == [ISSUER.name]
