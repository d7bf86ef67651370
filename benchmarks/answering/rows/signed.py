"""Answers that are signed one by one: beside others that do so, over TLS, many at once."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from benchmarks.answering.authority import KeyType
from benchmarks.answering.figures import Row, times
from benchmarks.answering.parties import Loaded, Party, Signing, measure
from benchmarks.answering.rows.scene import NONCED, US, Bench, asking, ours, ratios, served
from benchmarks.answering.world import World
from benchmarks.load.deck import Mix
from benchmarks.load.population import Population
from benchmarks.load.run import ClientTls, Order
from benchmarks.peers import bare, openbao, openssl
from benchmarks.peers.process import NotInstalled

__all__ = ["live_p256", "live_rsa", "many_at_once", "over_tls"]

Started = AbstractContextManager[tuple[str, Population, int]]
"""URL, certificates and process of a responder."""
MANY = 16


def live_p256(bench: Bench) -> Row:
    """Measure P-256 with everything on, beside those that sign each answer too."""
    bounds = {"openssl ocsp": 1.4, "OpenBao": 5.0, "openssl speed": 0.48}
    return _live(bench, KeyType.P256, bounds)


def live_rsa(bench: Bench) -> Row:
    """Measure the same with RSA-2048, where the signature is nearly all of the work."""
    return _live(bench, KeyType.RSA2048, {"bare signatures": 0.9})


def _live(bench: Bench, key: KeyType, bounds: Mapping[str, float]) -> Row:
    with served(bench, key) as (world, service), ExitStack() as opened:
        parties, missing = list[Party]([ours(world, service)]), list[str]()
        for name, (lacks, mix, started) in _responders(world, key, bench).items():
            try:
                url, population, process = opened.enter_context(started)
            except NotInstalled as hint:
                missing.append(f"{name} is left out: {hint}")
                continue
            order = Order(url=url, mix=mix)
            parties.append(
                Loaded(
                    name=name,
                    order=order,
                    populations=[population],
                    processes=[process],
                    lacks=lacks,
                )
            )
        figures = measure([*parties, *_signing(key, bench)], bench.spell)
    return Row(
        name=key,
        work=f"{key.label}, nonce, authorised by token, metered to disk, {bench.entries:,} revoked",
        figures=figures,
        demands=ratios(figures, bounds),
        notes=missing,
    )


def _responders(world: World, key: KeyType, bench: Bench) -> dict[str, tuple[str, Mix, Started]]:
    at, core = datetime.now(UTC).replace(microsecond=0), bench.cores.service
    c = openssl.responder(world.directory, world.authority, core=core, at=at)
    go = openbao.responder(world.directory, key, core=core)
    return {
        "openssl ocsp": (openssl.LACKS, NONCED, c),
        "OpenBao": (openbao.LACKS, replace(NONCED, nonce=0.0), go),
    }


def _signing(key: KeyType, bench: Bench) -> list[Signing]:
    core = bench.cores.service
    by_openssl = partial(openssl.signatures_a_second, key, core=core)
    by_us = partial(bare.signatures_a_second, key, core=core)
    return [
        Signing(name="openssl speed", sign=by_openssl, lacks=openssl.SPEED_LACKS),
        Signing(name="bare signatures", sign=by_us, lacks=bare.LACKS),
    ]


def over_tls(bench: Bench) -> Row:
    """Measure TLS 1.3 with the verifier's own certificate, beside the same with its token."""
    with served(bench, KeyType.P256) as (world, service):
        plain = ours(world, service, name="token, plain")
        shown = ClientTls(
            ca=world.directory / "server.pem",
            certificate=world.directory / "client.pem",
            key=world.directory / "client.key",
        )
        order = replace(plain.order, url=service.tls_url, tokens=(), tls=shown)
        secured = replace(plain, name="client certificate, TLS 1.3", order=order)
        figures = measure([secured, plain], bench.spell)
    return Row(
        name="tls",
        work="P-256 as above, over TLS 1.3 keep-alive, the verifier known by its certificate",
        figures=figures,
        demands=ratios(figures, {plain.name: 0.6}),
    )


def many_at_once(bench: Bench) -> Row:
    """Measure 16 certificates under one RSA signature, beside one."""
    with served(bench, KeyType.RSA2048) as (world, service):
        us = ours(world, service)
        sixteen, single = measure([asking(us, MANY), asking(us, 1)], bench.spell)
    return Row(
        name="many",
        work=f"{US}, RSA-2048: statuses a second with 16 CertIDs in each question",
        figures=[sixteen, single],
        demands=[times(sixteen, single, 10.0)],
    )
