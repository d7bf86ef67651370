"""How much our own generator can ask, beside wrk: nginx answers both from memory."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from benchmarks.answering.authority import Authority, KeyType
from benchmarks.answering.figures import Reading, Row
from benchmarks.answering.parties import Spell, Wrked, measure
from benchmarks.answering.rows.scene import NONCED, Bench
from benchmarks.load.deck import NONCE_BYTES, shuffle
from benchmarks.load.envelope import Envelope
from benchmarks.load.population import Population, Standing
from benchmarks.load.run import Order, run
from benchmarks.peers import nginx
from benchmarks.peers.process import at_work

__all__ = ["generator"]

OCTETS = 800
"""About as long as an answer signed with P-256."""
NEVER = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """Our generator, with nobody to judge what comes back."""

    url: str
    population: Population
    process: int
    name: str = "our own generator"
    unit: str = "replies/s"
    lacks: str = ""

    def measure(self, spell: Spell) -> Reading:
        """Run once."""
        order = Order(
            url=self.url,
            mix=NONCED,
            seconds=spell.seconds,
            warm_up=spell.warm_up,
            sample=NEVER,
        )
        with at_work([self.process]):
            outcome = run(order, [self.population])
        return Reading(value=outcome.rate, load_busy=outcome.busy)


def generator(bench: Bench) -> Row:
    """Measure what the generator can ask at most."""
    authority = Authority.found(KeyType.P256, at=datetime.now(UTC))
    every = {Standing.GOOD: [range(2, 10**6, 2)], Standing.REVOKED: [range(1, 10**6, 2)]}
    population = Population(issuer=authority.certificate, serials=every)
    work = f"nginx answers {OCTETS} octets from memory; the questions are those of row p256"
    core = bench.cores.service
    with (
        TemporaryDirectory(prefix="tashika-bench-") as directory,
        nginx.server(Path(directory), bytes(OCTETS), core=core) as (base, process),
    ):
        url = f"{base}/memory"
        envelope = Envelope(urlsplit(url).netloc, "/memory")
        by_wrk = Wrked(
            name="wrk",
            unit="replies/s",
            url=url,
            requests=[
                envelope.wrap(each, bytes(NONCE_BYTES))
                for each in shuffle(NONCED, [population], seed=1)
            ],
            directory=Path(directory),
            process=process,
            lacks="no new nonces, no latency by moment due, nothing verified",
        )
        figures = measure(
            [Ceiling(url=url, population=population, process=process), by_wrk], bench.spell
        )
    return Row(name="generator", work=work, figures=figures)
