"""Answers to questions without a nonce, beside servers that hand out finished octets.

Here our own generator would be the limit, so wrk is the load of all; one figure by our own
generator stands beside, as a check of the two on each other.
"""

import socket
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from benchmarks.answering.authority import KeyType
from benchmarks.answering.figures import Row
from benchmarks.answering.parties import Party, Wrked, measure
from benchmarks.answering.rows.scene import US, Bench, ours, ratios, served
from benchmarks.answering.world import World
from benchmarks.load.deck import Mix, Question, shuffle
from benchmarks.load.envelope import Envelope
from benchmarks.load.framing import Framer
from benchmarks.peers import cfssl, nginx
from benchmarks.peers.process import NotInstalled

__all__ = ["cached"]

MIX = Mix(nonce=0.0, revoked=0.0, distinct=cfssl.ANSWERS)
"""By POST; nginx has no file for a POST, so it is asked by GET with the question behind a `?`."""


def cached(bench: Bench) -> Row:
    """Measure them in turn."""
    with served(bench, KeyType.P256) as (world, service), ExitStack() as opened:
        questions = shuffle(MIX, [world.population], seed=1)
        envelope = Envelope(urlsplit(service.url).netloc, "/ocsp", token=world.token)
        requests = [envelope.wrap(each, b"") for each in questions]
        us = Wrked(
            name=US,
            url=service.url,
            requests=requests,
            directory=world.directory,
            process=service.workers[0],
        )
        parties, missing = list[Party]([us]), list[str]()
        for start in (_cfssl, _nginx):
            try:
                parties += start(opened, us, questions, world, bench)
            except NotInstalled as hint:
                missing.append(f"left out: {hint}")
        check = ours(world, service, MIX, name=f"{US} by our own generator")
        figures = measure([*parties, check], bench.spell)
    return Row(
        name="cached",
        work=f"no nonce, {MIX.distinct:,} certificates in turn, authorised, metered; load by wrk",
        figures=figures,
        demands=ratios(figures, {"cfssl": 2.0, "nginx, file": 1.0, "nginx, return": 0.55}),
        notes=missing,
    )


def _cfssl(
    opened: ExitStack, us: Wrked, _: list[Question], world: World, bench: Bench
) -> list[Wrked]:
    at, core = datetime.now(UTC).replace(microsecond=0), bench.cores.service
    started = cfssl.responder(world.directory, world.authority, core=core, at=at)
    url, population, process = opened.enter_context(started)
    envelope = Envelope(urlsplit(url).netloc, "/")
    requests = [envelope.wrap(each, b"") for each in shuffle(MIX, [population], seed=1)]
    us = replace(us, name="cfssl", url=url, process=process, lacks=cfssl.LACKS)
    return [replace(us, requests=requests)]


def _nginx(
    opened: ExitStack, us: Wrked, questions: list[Question], world: World, bench: Bench
) -> list[Wrked]:
    answer = _one_answer(us)
    started = nginx.server(world.directory, answer, core=bench.cores.service)
    url, process = opened.enter_context(started)
    return [
        replace(
            us,
            name=f"nginx, {name}",
            url=url,
            requests=[_behind(place, url, each) for each in questions],
            process=process,
            lacks=nginx.LACKS,
        )
        for name, place in (("file", "/file"), ("return", "/memory"))
    ]


def _behind(place: str, url: str, question: Question) -> bytes:
    wrapped = Envelope(urlsplit(url).netloc, "").wrap(question._replace(get=True), b"")
    return wrapped.replace(b"GET /", f"GET {place}?".encode(), 1)


def _one_answer(us: Wrked) -> bytes:
    """Ask one question, and return the octets of the answer."""
    where, framer, data = urlsplit(us.url), Framer(), b""
    with socket.create_connection((where.hostname, where.port), 10) as channel:
        channel.sendall(us.requests[0])
        while (head := framer.head(data)) is None or len(data) < head.size + head.length:
            data += channel.recv(1 << 16)
    return data[head.size :]
