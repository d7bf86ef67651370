"""The metrics of the data, made from the index at each scrape: no process has to keep them.

Whether the refresher's work is done, the index says, so these are right even while it hangs or
is dead (T3, T13). With them go the counters of the office itself and of the other processes, and
what `doctor --record` found last.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tashika_server.clock import Clock
from tashika_server.index import IndexMissing, IndexReader, Snapshot
from tashika_server.issuer import Issuer
from tashika_server.metrics_file import merged, metrics_of_others
from tashika_server.office.freshness import ages

__all__ = ["DOCTOR_FILE", "GaugeParts", "exposition"]

DOCTOR_FILE = "doctor.json"
"""In the run directory: when the doctor looked last, and how many findings of each gravity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeParts:
    """What is measured."""

    index: IndexReader
    issuers: tuple[Issuer, ...]
    run: Path
    clock: Clock


def exposition(parts: GaugeParts) -> bytes:
    """Write all metrics as they are now, in the text format of Prometheus."""
    everything = CollectorRegistry()
    everything.register(_Gauges(parts))
    everything.register(_Counters(parts))
    return generate_latest(everything)


class _Counters(Collector):
    """What processes count, this one and the others; a process that counts has the label."""

    def __init__(self, parts: GaugeParts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        now = self._parts.clock.now().timestamp()
        yield from merged(chain(REGISTRY.collect(), metrics_of_others(self._parts.run, now=now)))


class _Gauges(Collector):
    def __init__(self, parts: GaugeParts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """Yield what the index says, or that it cannot be read, and what the doctor said."""
        at = self._parts.clock.now()
        readable = GaugeMetricFamily(
            "tashika_index_readable", "1 where the index can be read, else 0."
        )
        try:
            with self._parts.index.snapshot() as view:
                yield from self._of_index(view, at)
        except IndexMissing:
            readable.add_metric([], 0)
        else:
            readable.add_metric([], 1)
        yield readable
        yield from _of_doctor(self._parts.run / DOCTOR_FILE)

    def _of_index(self, view: Snapshot, at: datetime) -> Iterator[Metric]:
        left = _by_issuer("crl_left_seconds", "Until the first CRL of an issuer runs out.")
        missing = _by_issuer("crls_missing", "Configured CRLs that have never arrived (T15).")
        waiting = _by_issuer("crls_quarantined", "CRLs and push feeds that are set aside.")
        sequence = _by_issuer("feed_sequence", "Number of the last message of a push feed.")
        silent = _by_issuer("feed_age_seconds", "Since the last message of a push feed was made.")
        late = _by_issuer("feed_late", "1 where a push feed has not said what it promised by now.")
        for age, issuer in zip(
            ages(view, self._parts.issuers, at=at), self._parts.issuers, strict=True
        ):
            name, fingerprint = [issuer.name], issuer.identity.fingerprint
            missing.add_metric(name, len(age.missing))
            waiting.add_metric(name, len(view.quarantined(fingerprint)))
            if age.next_update:
                left.add_metric(name, (age.next_update - at).total_seconds())
            if issuer.feed and (mark := view.feed(fingerprint)):
                sequence.add_metric(name, mark.sequence)
                silent.add_metric(name, (at - mark.this_update).total_seconds())
                late.add_metric(name, at >= mark.next_update)
        yield from (left, missing, waiting, sequence, silent, late)
        generation = GaugeMetricFamily("tashika_index_generation", "The index's last change.")
        generation.add_metric([], view.generation)
        yield generation


def _by_issuer(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"tashika_{name}", text, labels=["issuer"])


def _of_doctor(file: Path) -> Iterator[Metric]:
    """Yield what was recorded; nothing where nothing was, or it cannot be read."""
    try:
        said = json.loads(file.read_bytes())
        looked = GaugeMetricFamily(
            "tashika_doctor_looked_seconds", "When `doctor --record` looked last, since 1970."
        )
        looked.add_metric([], datetime.fromisoformat(said["at"]).timestamp())
        found = GaugeMetricFamily(
            "tashika_doctor_findings", "What it found.", labels=["subject", "gravity"]
        )
        for subject, counts in said["findings"].items():
            for gravity, count in counts.items():
                found.add_metric([subject, gravity], int(count))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return
    yield looked
    yield found
