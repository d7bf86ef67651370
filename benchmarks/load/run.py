"""One run by an order: makes the questions, connects, drives, and verifies the sample."""

import gc
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.load.deck import Deck, Mix, Question, shuffle
from benchmarks.load.drive import Drive
from benchmarks.load.envelope import Envelope
from benchmarks.load.histogram import Histogram
from benchmarks.load.lines import Service, SocketLines
from benchmarks.load.outcome import Outcome, Stretch
from benchmarks.load.pace import Arrivals, Closed, Open, Pace, moments
from benchmarks.load.population import Population
from benchmarks.load.tally import Slot, Tally
from benchmarks.load.verdict import judge

__all__ = ["ClientTls", "Order", "run"]

SECOND = 1_000_000_000
SLOT = SECOND // 4
"""In which a run is cut; warm-up and duration are rounded to it."""
GRACE = 5 * SECOND
"""How long answers may come in after the last question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls:
    """What a caller over TLS shows and believes, all PEM."""

    ca: Path
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return what connections are made with; TLS 1.3 and nothing older."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What kind of run is wanted."""

    url: str
    mix: Mix
    tokens: Sequence[str] = field(default=(), repr=False)
    """One for each verifier; connections are dealt out to them in turn."""
    tls: ClientTls | None = None
    connections: int = 128
    pipeline: int = 1
    """Questions under way on one connection."""
    rate: float | None = None
    """Questions a second, come what may; None: as many as are answered."""
    arrivals: Arrivals = Arrivals.POISSON
    seconds: float = 10.0
    warm_up: float = 2.0
    seed: int = 1
    sample: int = 100
    """One in so many answers is verified in full."""

    def plain(self) -> dict[str, object]:
        """Return it without secrets, in plain values."""
        return {
            "url": urlsplit(self.url).scheme,
            "verifiers": max(1, len(self.tokens)),
            "client_certificate": bool(self.tls and self.tls.certificate),
            "loop": "closed" if self.rate is None else f"open, {self.arrivals}",
            "rate": self.rate,
            **{name: getattr(self.mix, name) for name in Mix.__dataclass_fields__},
            **{
                name: getattr(self, name)
                for name in ("connections", "pipeline", "seconds", "warm_up", "seed", "sample")
            },
        }


def run(
    order: Order, populations: Sequence[Population], *, told: Callable[[Slot], None] | None = None
) -> Outcome:
    """Do it; NotConnected and Unframed where there is no service to measure.

    `told` hears of every stretch of time once it is over.
    """
    deck = Deck(_questions(order.mix, tuple(populations), order.seed))
    with _lines(order) as lines, _undisturbed():
        begin, worked = time.perf_counter_ns(), time.process_time_ns()
        end = begin + _whole(order.warm_up) + _whole(order.seconds)
        tally = Tally(begin=begin, width=SLOT, told=told or (lambda _: None))
        drive = Drive(
            lines=lines,
            deck=deck,
            pace=_pace(order, begin),
            tally=tally,
            clock=time.perf_counter_ns,
            sample=order.sample,
        )
        drive.run(until=end, grace=GRACE)
        lasted = time.perf_counter_ns() - begin
        busy = (time.process_time_ns() - worked) / lasted
    return _sum_up(
        order, tally, begin=begin, end=end, opened=lines.opened, lasted=lasted, busy=busy
    )


@lru_cache(maxsize=8)
def _questions(mix: Mix, populations: tuple[Population, ...], seed: int) -> Sequence[Question]:
    """Make the questions of a mix, or take those of an earlier run."""
    return shuffle(mix, populations, seed=seed)


def _sum_up(
    order: Order,
    tally: Tally,
    *,
    begin: int,
    end: int,
    opened: int,
    lasted: int,
    busy: float,
) -> Outcome:
    measured = begin + _whole(order.warm_up)
    slots = [each for each in tally.slots if each.begin >= measured]
    return Outcome(
        asked=order.plain(),
        seconds=_whole(order.seconds) / SECOND,
        answers=sum(each.answers for each in slots if each.begin < end),
        cert_ids=order.mix.cert_ids,
        latencies=Histogram.sum(each.latencies for each in slots),
        stretches=[Stretch.of(each, begin=begin, width=SLOT) for each in tally.slots],
        replies=tally.replies,
        wrong=tally.wrong + judge(tally.evidence),
        verified=len(tally.evidence),
        opened=opened,
        lasted=lasted / SECOND,
        busy=busy,
    )


def _whole(seconds: float) -> int:
    """Return nanoseconds, a whole number of slots."""
    return round(seconds * SECOND / SLOT) * SLOT


def _pace(order: Order, begin: int) -> Pace:
    if order.rate is None:
        return Closed()
    return Open(moments(order.rate, order.arrivals, begin=begin, seed=order.seed))


def _lines(order: Order) -> SocketLines:
    where = urlsplit(order.url)
    tls = order.tls.context() if order.tls else None
    port = where.port or (443 if tls else 80)
    tokens = order.tokens or (None,)
    envelopes = [Envelope(where.netloc, where.path or "/", token=each) for each in tokens]
    dealt = [envelopes[number % len(envelopes)] for number in range(order.connections)]
    return SocketLines(
        Service(host=where.hostname or "", port=port, tls=tls), dealt, depth=order.pipeline
    )


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the garbage collector away: the loop makes no cycles, and a collection takes 100 ms."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
