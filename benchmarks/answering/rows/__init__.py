"""The rows of the table: what is measured, against whom, and what it must come to."""

from collections.abc import Callable, Mapping

from benchmarks.answering.figures import Row
from benchmarks.answering.rows.cached import cached
from benchmarks.answering.rows.generator import generator
from benchmarks.answering.rows.latency import latency
from benchmarks.answering.rows.scale import cert_ids, metering, sizes, workers
from benchmarks.answering.rows.scene import Bench
from benchmarks.answering.rows.signed import live_p256, live_rsa, many_at_once, over_tls

__all__ = ["ROWS", "Bench"]

ROWS: Mapping[str, Callable[[Bench], Row]] = {
    "p256": live_p256,
    "rsa2048": live_rsa,
    "cached": cached,
    "tls": over_tls,
    "many": many_at_once,
    "latency": latency,
    "sizes": sizes,
    "metering": metering,
    "cert-ids": cert_ids,
    "workers": workers,
    "generator": generator,
}
"""By the names that the command line knows, in the order of the table."""
