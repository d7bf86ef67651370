"""What a push feed does for freshness, and what a delta by feed does to answers meanwhile."""

import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from benchmarks.answering.authority import KeyType
from benchmarks.answering.figures import Figure, Reading, Row, at_most
from benchmarks.answering.rows.scene import Bench as Answering
from benchmarks.answering.rows.scene import ours, served
from benchmarks.answering.service import Service
from benchmarks.answering.world import World, WorldOrder, make_world
from benchmarks.cores import on_all, urgent
from benchmarks.data.bench import Bench
from benchmarks.data.issuing import Issuing
from benchmarks.index_load import forget
from benchmarks.load.outcome import Outcome

__all__ = ["answers_meanwhile", "freshness", "restart"]

FRESH_SECONDS, RESTART_SECONDS, MOVED = 1.0, 3.0, 1.2
CONNECTIONS = 8
"""Of two workers, one has none of them once in 128 runs."""
CHANGES, IN_A_MESSAGE = 100_000, 20_000
PART = 0.7
"""Of the capacity, measured right before."""
STRETCH = 4
PAIRS = 3
"""Of a quiet run and a disturbed one: a virtual machine's p99 changes by itself."""
PUSHES = 20
"""So many for each time that a row is done."""
NEWS_AFTER = 2.0
"""Seconds into a run."""


def freshness(bench: Bench) -> Row:
    """Push one revocation at a time, and ask on connections to every worker until all know it."""
    with pushed(bench, workers=2) as (world, service, issuing):
        serials = _unasked(world)[: PUSHES * bench.times]
        took = [_spread(world, service, issuing, each) for each in serials]
    p99 = statistics.quantiles(took, n=100)[98]
    readings = [Reading(value=1000 * each) for each in took]
    return Row(
        name="freshness",
        work=f"from the push at the issuer to the right answer on {CONNECTIONS} connections",
        figures=[Figure(of="push to answers", unit="ms", readings=readings)],
        demands=[at_most("push to answers, p99", "s", FRESH_SECONDS, p99)],
        notes=[f"{len(took)} pushes, one at a time; two workers; the issuer is on this machine"],
    )


def answers_meanwhile(bench: Bench) -> Row:
    """Measure p99 with nothing else going on, and while a delta comes by feed, in turn."""
    quiet, disturbed, took = list[Outcome](), list[Outcome](), list[float]()
    changes = min(CHANGES, bench.sizes[-1] // (4 * PAIRS))
    with pushed(bench, workers=1) as (world, service, issuing):
        us, unasked = ours(world, service), _unasked(world)
        for pair in range(PAIRS):
            order = replace(
                us.order,
                rate=PART * us.measure(bench.spell).value,
                seconds=STRETCH * bench.spell.seconds,
                warm_up=bench.spell.warm_up,
            )
            news = _News(world, service, issuing, unasked[pair * changes : (pair + 1) * changes])
            with urgent():
                quiet.append(us.run(order)[0])
                with news.spread(took):
                    disturbed.append(us.run(order)[0])
    runs = {"quiet": quiet, f"{changes:,} changes by feed": disturbed}
    moved = statistics.median(
        after.milliseconds(99) / before.milliseconds(99)
        for before, after in zip(quiet, disturbed, strict=True)
    )
    return Row(
        name="meanwhile",
        work=f"p99 at 70 % of capacity, {bench.sizes[-1]:,} entries",
        figures=[_p99(name, outcomes) for name, outcomes in runs.items()],
        demands=[at_most("p99 during the delta / quiet", "times", MOVED, moved)],
        notes=[
            f"{changes:,} changes, {IN_A_MESSAGE:,} in a message",
            f"all of them known after {', '.join(f'{each:.1f}' for each in took)} s",
        ],
        runs={name: outcomes[-1] for name, outcomes in runs.items()},
    )


def restart(bench: Bench) -> Row:
    """Start the service again and again, until it has answered."""
    order = WorldOrder(key=KeyType.P256, entries=bench.sizes[-1])
    took = list[float]()
    with TemporaryDirectory(prefix="tashika-bench-") as directory, on_all(bench.cores):
        world = make_world(Path(directory), order, at=datetime.now(UTC))
        address = _listen(world)
        with Service(world, cores=[bench.cores.service]):
            pass  # the agreements are compiled: what follows are starts again
        for _ in range(bench.times):
            forget(Path(directory) / "index" / "data.mdb")
            asking = Thread(target=_ask_until_answered, args=(address, world, took))
            asking.start()
            # Ready only once the CRLs were looked at; it answers before.
            with Service(world, cores=[bench.cores.service]):
                asking.join()
    readings = [Reading(value=each) for each in took]
    figure = Figure(of="start to first answer", unit="s", readings=readings)
    return Row(
        name="restart",
        work=f"the whole service on all cores, {bench.sizes[-1]:,} entries, the index cold",
        figures=[figure],
        demands=[at_most("start to first answer", "s", RESTART_SECONDS, figure.value)],
    )


@contextmanager
def pushed(bench: Bench, *, workers: int) -> Iterator[tuple[World, Service, Issuing]]:
    """Serve a world whose issuer pushes; the service has heard of it."""
    entries, found = bench.sizes[-1], list[Issuing]()
    answering = Answering(cores=bench.cores, spell=bench.spell, entries=entries, sizes=bench.sizes)

    def prepare(world: World) -> None:
        issuing = opened.enter_context(Issuing(world.authority, entries=entries))
        issuing.write_key(world.directory / "feed.pem")
        with world.configuration.open("a") as configuration:
            configuration.write(f'feed = {{ url = "{issuing.url}", key = "feed.pem" }}\n')
        found.append(issuing)

    with ExitStack() as opened:
        serving = served(answering, KeyType.P256, workers=workers, prepare=prepare)
        world, service = opened.enter_context(serving)
        found[0].push(())
        yield world, service, found[0]


def _spread(world: World, service: Service, issuing: Issuing, serial: int) -> float:
    with _connected(service, CONNECTIONS) as connections:
        began = time.monotonic()
        issuing.push([serial])
        for connection in connections:
            while _ask(connection, world, serial) is not ocsp.OCSPCertStatus.REVOKED:
                time.sleep(0.001)
        return time.monotonic() - began


def _listen(world: World) -> str:
    """Have a world's service listen where it can be asked before it says so."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    text = world.configuration.read_text()
    world.configuration.write_text(text.replace("127.0.0.1:0", address, 1))
    return address


def _ask_until_answered(address: str, world: World, took: list[float]) -> None:
    began = time.monotonic()
    while True:
        # A reply without a status is no answer yet.
        refused = suppress(OSError, HTTPException, ValueError)
        with refused, closing(HTTPConnection(address)) as connection:
            _ask(connection, world, 1)
            took.append(time.monotonic() - began)
            return
        time.sleep(0.01)


class _News:
    """What is published while the service is under load."""

    def __init__(
        self, world: World, service: Service, issuing: Issuing, serials: Sequence[int]
    ) -> None:
        self._world, self._service, self._issuing = world, service, issuing
        self._last = serials[-1]
        # Signed beforehand: it is done in the process that asks, which would wait for it.
        self._messages = [
            issuing.message(serials[start : start + IN_A_MESSAGE])
            for start in range(0, len(serials), IN_A_MESSAGE)
        ]

    @contextmanager
    def spread(self, took: list[float]) -> Iterator[None]:
        """Publish all of it meanwhile, and add how long it took until it was known."""
        thread = Thread(target=self._publish, args=(took,))
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def _publish(self, took: list[float]) -> None:
        time.sleep(NEWS_AFTER)
        with _connected(self._service) as (connection,):
            began = time.monotonic()
            for each in self._messages:
                self._issuing.publish(each)
            while _ask(connection, self._world, self._last) is not ocsp.OCSPCertStatus.REVOKED:
                time.sleep(0.01)
            took.append(time.monotonic() - began)


def _unasked(world: World) -> range:
    """Return serials that are issued and in force, and that the load does not ask about."""
    last = 2 * world.order.entries
    return range(last + 1, 2 * last, 2)


@contextmanager
def _connected(service: Service, count: int = 1) -> Iterator[list[HTTPConnection]]:
    with ExitStack() as opened:
        address = urlsplit(service.url).netloc
        yield [opened.enter_context(closing(HTTPConnection(address))) for _ in range(count)]


def _ask(connection: HTTPConnection, world: World, serial: int) -> ocsp.OCSPCertStatus:
    name, key = world.authority.identity.hashes("sha256")
    request = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name, key, serial, SHA256()).build()
    connection.request(
        "POST",
        "/ocsp",
        request.public_bytes(Encoding.DER),
        {"Authorization": f"Bearer {world.token}", "Content-Type": "application/ocsp-request"},
    )
    return ocsp.load_der_ocsp_response(connection.getresponse().read()).certificate_status


def _p99(name: str, outcomes: Sequence[Outcome]) -> Figure:
    readings = [Reading(value=each.milliseconds(99), load_busy=each.busy) for each in outcomes]
    return Figure(of=f"p99, {name}", unit="ms", readings=readings)
