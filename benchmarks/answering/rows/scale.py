"""What the rate depends on: how much is revoked, how much is asked, who answers, what is kept."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from benchmarks.answering.authority import KeyType
from benchmarks.answering.figures import Figure, Row, ratio, times
from benchmarks.answering.parties import measure
from benchmarks.answering.rows.scene import NONCED, US, Bench, asking, ours, served
from benchmarks.answering.service import Unmetered

__all__ = ["cert_ids", "metering", "sizes", "workers"]

SPREAD = replace(NONCED, distinct=100_000)
"""So that look-ups go all over the index, and not to pages that are at hand."""
CERT_IDS, WORKERS = (1, 2, 4, 8, 16), (1, 2)


def sizes(bench: Bench) -> Row:
    """Measure with a small index and with large ones, all there at the same time."""
    with ExitStack() as opened:
        parties = [
            ours(
                *opened.enter_context(served(bench, KeyType.P256, entries=each)),
                SPREAD,
                name=f"{each:,} entries",
            )
            for each in bench.sizes
        ]
        figures = _placed(measure(parties, bench.spell), bench.sizes)
    smallest, *larger = figures
    return Row(
        name="sizes",
        work="P-256, nonce, token, metered: by the number of revoked certificates in the index",
        figures=figures,
        demands=[times(each, smallest, 0.9) for each in larger],
        axis="revoked certificates",
    )


def metering(bench: Bench) -> Row:
    """Measure with the meter and without."""
    with (
        served(bench, KeyType.P256) as (world, service),
        Unmetered(world, core=bench.cores.service) as unmetered,
    ):
        us = ours(world, service, name="metered to disk")
        order = replace(us.order, url=unmetered.url)
        without = replace(us, name="not metered", order=order, processes=[unmetered.pid])
        figures = measure([us, without], bench.spell)
    return Row(
        name="metering",
        work="P-256, nonce, token: what it costs to have each answer on the disk before it goes",
        figures=figures,
        notes=[f"metering costs {1 - ratio(*figures):.1%} of the rate"],
    )


def cert_ids(bench: Bench) -> Row:
    """Measure by how many certificates each question is about."""
    with served(bench, KeyType.P256) as (world, service):
        us = ours(world, service)
        parties = [asking(us, each) for each in CERT_IDS]
        figures = _placed(measure(parties, bench.spell), CERT_IDS)
    return Row(
        name="cert-ids",
        work="P-256, nonce, token, metered: by CertIDs in each question, in statuses a second",
        figures=figures,
        axis="CertIDs in a question",
    )


def workers(bench: Bench) -> Row:
    """Measure one worker and two, with RSA, where the load needs little of its own core."""
    with ExitStack() as opened:
        parties = [
            ours(
                *opened.enter_context(served(bench, KeyType.RSA2048, workers=each)),
                name=f"{each} worker{'s' * (each > 1)}",
            )
            for each in WORKERS
        ]
        figures = _placed(measure(parties, bench.spell), WORKERS)
    return Row(
        name="workers",
        work=f"{US}, RSA-2048, nonce, token, metered: by workers, each on a core of its own",
        figures=figures,
        axis="workers",
        notes=["of two cores, the second is the load's as well"],
    )


def _placed(figures: Sequence[Figure], places: Sequence[int]) -> list[Figure]:
    return [replace(one, at=at) for one, at in zip(figures, places, strict=True)]
