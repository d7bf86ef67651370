"""What every row begins with: a world that is served, and ourselves as the first party.

Figures of one row are taken in turn in the same run; those of different rows are not to be
divided by each other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.answering.authority import KeyType
from benchmarks.answering.figures import Demand, Figure, times
from benchmarks.answering.parties import Loaded, Spell
from benchmarks.answering.service import Service
from benchmarks.answering.world import World, WorldOrder, make_world
from benchmarks.cores import Cores
from benchmarks.load.deck import Mix
from benchmarks.load.run import Order

__all__ = ["NONCED", "US", "Bench", "asking", "ours", "ratios", "served"]

US = "tashika"
NONCED = Mix(nonce=1.0, revoked=0.05)
"""One certificate a question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """How rows are measured."""

    cores: Cores
    spell: Spell
    entries: int
    """Revoked certificates in the index, where their number is not the point."""
    sizes: Sequence[int]
    """Those numbers, where it is."""


@contextmanager
def served(
    bench: Bench,
    key: KeyType,
    *,
    entries: int | None = None,
    workers: int = 1,
    prepare: Callable[[World], None] = lambda _: None,
) -> Iterator[tuple[World, Service]]:
    """Make a world, `prepare` it and serve it; it is gone afterwards."""
    order = WorldOrder(key=key, entries=entries or bench.entries, workers=workers)
    with TemporaryDirectory(prefix="tashika-bench-") as directory:
        world = make_world(Path(directory), order, at=datetime.now(UTC))
        prepare(world)
        with Service(world, cores=bench.cores) as service:
            yield world, service


def ours(world: World, service: Service, mix: Mix = NONCED, *, name: str = US) -> Loaded:
    """Return the service of a world as a party, asked by token."""
    return Loaded(
        name=name,
        order=Order(url=service.url, mix=mix, tokens=[world.token]),
        populations=[world.population],
        processes=service.workers,
    )


def ratios(figures: Sequence[Figure], bounds: Mapping[str, float]) -> list[Demand]:
    """Demand that the first figure be so many times others; of those that are there."""
    us, *others = figures
    return [times(us, other, bounds[other.of]) for other in others if other.of in bounds]


def asking(party: Loaded, cert_ids: int) -> Loaded:
    """Return the same service, asked so much at once, about as many certificates in all."""
    mix = replace(NONCED, cert_ids=cert_ids, distinct=NONCED.distinct // cert_ids)
    name = f"{cert_ids} CertID{'s' * (cert_ids > 1)}"
    return replace(party, name=name, order=replace(party.order, mix=mix))
