"""What a client tells of its work: enough to run it by, and nothing about anybody."""

import asyncio
import logging
import re
import sys
from datetime import timedelta

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry

from support.party import ONE, TWO, Party
from tashika import BreakerLimits, CachePolicy, Cause, HedgePolicy, Policy
from tashika.errors import WrongUse
from tashika.observing import Event, Happening
from tashika.observing.opentelemetry import OpenTelemetryObserver
from tashika.observing.prometheus import PrometheusObserver
from tashika.testing import Fault

SECRET = "https://two.test/t/s3cret/ocsp"
CACHE = CachePolicy(refresh_ahead=0.5, failures=timedelta(seconds=1))


async def a_busy_day(here: Party) -> None:
    """Everything that there is to tell of."""
    await here.check()
    await here.check()
    here.advance(minutes=50)
    await here.check()
    await asyncio.gather(*here.client._desk.renewals)
    here.responder.order(Fault.DISCONNECT)
    for each in here.issue(4):
        await here.check(each)
    here.responder.order(None)
    await here.client.check_many(here.issue(3), here.pki.issuer)
    await here.client.check(b"rubbish", here.pki.issuer)


def busy(**parts: object) -> Party:
    policy = Policy(
        cache=CACHE, breaker=BreakerLimits(failures=2), hedge=HedgePolicy(after=CACHE.max_age)
    )
    return Party(ONE, SECRET, policy=policy, **parts)


async def test_events_tell_what_happened_with_origins_causes_and_durations() -> None:
    here = Party(ONE, TWO)
    here.responder.order(Fault.STALE, url=ONE)
    await here.check()
    failed, answered, checked = here.heard.events
    assert failed[:3] == (Happening.FAILED, "http://one.test", Cause.STALE)
    assert answered[:2] == (Happening.ANSWERED, "https://two.test")
    assert checked[:3] == (Happening.CHECKED, "https://two.test", Cause.GOOD)
    assert answered.seconds is not None
    assert checked.seconds is not None
    assert 0 <= answered.seconds <= checked.seconds


async def test_a_busy_day_is_told_in_full() -> None:
    here = busy()
    await a_busy_day(here)
    told = {each.what for each in here.heard.events}
    assert told == {*Happening} - {Happening.RETRIED, Happening.HEDGED}


async def test_nothing_personal_is_in_an_event_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    here = busy()
    await a_busy_day(here)
    certificates = [here.pki.certificate, *here.issue(4)]
    said = caplog.text + repr(here.heard.events)
    said += repr([vars(each) for each in caplog.records if each.name.startswith("tashika")])
    for each in certificates:
        serial = each.serial_number
        for trace in (str(serial), f"{serial:x}", each.subject.rfc4514_string()):
            if serial > 2000 or "=" in trace:
                assert trace not in said
    assert not re.search(r"\b100[0-3]\b", re.sub(r"\d*\.\d+(e-\d+)?|lineno.*", "", caplog.text))
    assert "s3cret" not in said
    assert "/ocsp" not in said
    assert "Test CA" not in said


async def test_logs_are_constant_names_with_fields(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="tashika")
    here = Party(ONE, policy=Policy(breaker=BreakerLimits(failures=1)))
    await here.check()
    here.responder.order(Fault.DISCONNECT)
    await here.check()
    ours = [each for each in caplog.records if each.name == "tashika"]
    assert [(each.levelname, vars(each)["tashika"]["what"]) for each in ours] == [
        ("DEBUG", "answered"),
        ("DEBUG", "checked"),
        ("WARNING", "left_alone"),
        ("INFO", "failed"),
        ("DEBUG", "checked"),
    ]
    assert vars(ours[3])["tashika"] == {
        "what": "failed",
        "source": "http://one.test",
        "cause": "unreachable",
        "certificates": 1,
    }
    assert ours[3].getMessage() == "failed source=http://one.test cause=unreachable certificates=1"


async def test_an_observer_that_raises_costs_no_check(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def note(self, event: Event) -> None:
            raise RuntimeError(event.what)

    here = Party(observer=Broken())
    assert await here.check()
    assert "observer_failed error=RuntimeError" in caplog.text


async def test_prometheus_counts_and_times() -> None:
    registry = CollectorRegistry()
    here = busy(observer=PrometheusObserver(registry))
    await a_busy_day(here)
    labels = {"what": "answered", "source": "http://one.test"}
    assert registry.get_sample_value("tashika_seconds_count", labels) == 2
    count = {"what": "checked", "source": "", "cause": "certificate_malformed"}
    assert registry.get_sample_value("tashika_events_total", count) == 1
    left = {"what": "left_alone", "source": "https://two.test", "cause": ""}
    assert registry.get_sample_value("tashika_events_total", left) == 1


def test_a_second_observer_in_a_registry_is_wrong_use() -> None:
    registry = CollectorRegistry()
    PrometheusObserver(registry)
    with pytest.raises(WrongUse, match="the same one to every client"):
        PrometheusObserver(registry)


async def test_opentelemetry_counts_and_times() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    here = Party(ONE, TWO, observer=OpenTelemetryObserver(provider.get_meter("test")))
    here.responder.order(Fault.STALE, url=ONE)
    await here.client.check_many(here.issue(5), here.pki.issuer)
    found = reader.get_metrics_data()
    assert found
    metrics = {
        each.name: each.data.data_points
        for each in found.resource_metrics[0].scope_metrics[0].metrics
    }
    counts = {
        tuple(sorted((point.attributes or {}).items())): point.value  # type: ignore[union-attr]
        for point in metrics["tashika.events"]
    }
    address = ("server.address", "https://two.test")
    assert counts[address, ("tashika.what", "answered")] == 5
    stale = (("server.address", "http://one.test"), ("tashika.cause", "stale"))
    assert counts[*stale, ("tashika.what", "failed")] == 5
    (timed,) = metrics["tashika.duration"]
    assert timed.count == 1  # type: ignore[union-attr]
    provider.shutdown()


@pytest.mark.parametrize(
    ("package", "observer"),
    [
        ("prometheus_client", PrometheusObserver),
        ("opentelemetry.metrics", OpenTelemetryObserver),
    ],
)
def test_a_missing_extra_says_what_to_install(
    package: str,
    observer: type[PrometheusObserver | OpenTelemetryObserver],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(WrongUse, match=r"pip install 'tashika\["):
        observer()
