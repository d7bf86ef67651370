"""A drill: workers and ingesters are killed while verifiers ask, and then everything is counted.
Some workers are not killed but stopped, as if they hung: that is for the supervisor to find out.

    verdict = drill(directory, dsn, Drill(kills=200, minutes=5.0, seed=1))

The service is a real one: supervisor, workers, office, refresher, with its own processes. Beside
its office further ingesters take in the same journals. Whoever is killed is replaced at once.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import StringIO
from itertools import groupby, pairwise
from pathlib import Path
from random import Random

from cryptography import x509

import tashika_server.cli
from drill.askers import Asker, Asking
from drill.verdict import Verdict, judge
from support.lab import FAST
from support.scene import arrange
from support.service import Service, wait_until
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.profile import Family
from tashika_server.lab import Access, World, found_world

PROCESSES = str(Path(__file__).with_name("processes.py"))
VERIFIERS = {"bank": "A-000001", "platform": "A-000003"}
"""Two of the lab, and their agreements."""
HUNG_AFTER = '\nhung_after = "2s"'
START = """\
[metering]
segment = "64KiB"

[index]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """What is to be done."""

    kills: int
    minutes: float
    """Within which all of them must have been killed."""
    seed: int
    workers: int = 3
    ingesters: int = 2
    """Beside the office."""
    connections: int = 4
    """Of each verifier."""
    grace: float = 1.2
    """Seconds after which a process has most likely begun; younger ones are left alone."""
    breath: float = 0.6
    """Seconds between two kills, at most."""
    hangs: int = 0
    """How many workers are stopped on top."""


def found(directory: Path, dsn: str, drill: Drill) -> Path:
    """Make a lab with agreements in this book, whose answers carry receipts."""
    order = replace(FAST, access=Access.CLOSED, book=dsn, seed=drill.seed)
    found_world(directory, order, at=datetime.now(UTC)).close()
    arrange(
        directory,
        ("workers = 1", f"workers = {drill.workers}" + HUNG_AFTER * bool(drill.hangs)),
        # Small files, so that streams go on in a next one as well.
        ("[index]", START),
    )
    config = directory / "tashika.toml"
    for agreement in VERIFIERS.values():
        words = ["agreement", "change", str(config), agreement, "--receipts", "yes"]
        with redirect_stdout(StringIO()):
            assert tashika_server.cli.main(words) == 0
    return config


def drill(config: Path, what: Drill) -> Verdict:
    """Kill, wait for the end of everything, and count."""
    askers = _askers(config.parent, what)
    service = Service(config.parent, command=(PROCESSES, "serve"))
    began = time.monotonic()
    with service, _ingesters(config, what.ingesters) as replaced:
        with Asking(askers, service.url) as asking:
            wait_until(lambda: asking.answers, "the first answer")
            killed = _kill(service, what, replaced)
            for number in range(what.hangs):
                _hang(service, f"worker-{number % what.workers + 1}")
            heard = asking.answers
            wait_until(lambda: asking.answers > heard, "an answer after the last kill")
        assert service.stop() == 0
    return judge(config, askers, killed, seconds=time.monotonic() - began)


def _kill(service: Service, what: Drill, ingesters: "_Ingesters") -> Counter[str]:
    """Kill one after the other, until all are or the time is up."""
    chance, killed = Random(what.seed), Counter[str]()
    deadline, born = time.monotonic() + 60 * what.minutes, dict[int, float]()
    while killed.total() < what.kills and time.monotonic() < deadline:
        ingesters.replace()
        alive = {
            title: pid
            for title, pid in service.children().items()
            if title.startswith(("worker", "office", "ingester"))
        }
        now = time.monotonic()
        ripe = [
            title
            for title, pid in sorted(alive.items())
            if now - born.setdefault(pid, now) > what.grace
        ]
        if not ripe:
            time.sleep(0.02)
            continue
        title = chance.choice(ripe)
        with suppress(KeyError, ProcessLookupError):  # it has ended by itself: not ours to count
            service.kill(title)
            killed[title.partition("-")[0]] += 1
        time.sleep(chance.uniform(0, what.breath))
    return killed


def _hang(service: Service, title: str) -> None:
    """Stop a worker at work, and wait until it is replaced."""
    stopped = wait_until(lambda: _at_work(service, title), f"{title} at work")
    os.kill(stopped, signal.SIGSTOP)
    service.wait_for_successor(title, of=stopped)


def _at_work(service: Service, title: str) -> int | None:
    """Return the process of that title if it lives and has begun a journal."""
    *_, latest = (each for each in service.events("child_started") if each["role"] == title)
    begun = [each for each in service.events("journal_begun") if each["process"] == title]
    has_begun = any(each["timestamp"] > latest["timestamp"] for each in begun)
    pid = service.children().get(title)
    return pid if has_begun and pid == latest["pid"] else None


class _Ingesters:
    """Processes that take in, started again when they have been killed."""

    def __init__(self, config: Path, number: int) -> None:
        self._config = config
        self._running = {f"ingester-{each}": self._start(each) for each in range(1, number + 1)}

    def replace(self) -> None:
        for number, (title, process) in enumerate(list(self._running.items()), 1):
            if process.poll() is not None:
                self._running[title] = self._start(number)

    def end(self) -> None:
        for each in self._running.values():
            each.kill()
            each.wait()

    def _start(self, number: int) -> "subprocess.Popen[bytes]":
        with (self._config.parent / "ingesters.log").open("ab") as log:
            return subprocess.Popen(
                [
                    sys.executable,
                    PROCESSES,
                    "ingest",
                    str(self._config),
                    f"--title=ingester-{number}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


@contextmanager
def _ingesters(config: Path, number: int) -> Iterator[_Ingesters]:
    ingesters = _Ingesters(config, number)
    try:
        yield ingesters
    finally:
        ingesters.end()


def _askers(directory: Path, what: Drill) -> list[Asker]:
    subjects = list(_subjects(directory))
    return [
        Asker(
            name=name,
            token=(directory / "verifiers" / f"{name}.token").read_text().strip(),
            subjects=subjects,
            connections=what.connections,
            seed=what.seed,
        )
        for name in VERIFIERS
    ]


def _subjects(directory: Path) -> Iterator[tuple[CertId, ...]]:
    """Give questions about one certificate, and about two of one issuer."""
    with World.open(directory) as world:
        cards = [one for one in world.certificates() if one.family is Family.USER_AUTH]
        for _, group in groupby(sorted(cards, key=lambda one: one.issuer), lambda one: one.issuer):
            ids = []
            for one in group:
                issuer = world.premises.layout.issuer(one.issuer)
                known = IssuerIdentity.of(x509.load_pem_x509_certificate(issuer.read_bytes()))
                ids.append(CertId.build(known, one.serial, "sha256"))
            yield from ((each,) for each in ids)
            yield from pairwise(ids)
