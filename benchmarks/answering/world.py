"""A world to be measured: one issuer, one verifier under agreement, and an index of some size.

Made by the service's own commands, as an operator would. Only the index is filled past them, by
its writer: reading a CRL of millions is another benchmark (`benchmarks/index_load.py`). The CRL
file beside it is the one that the index says it has, so the refresher leaves it as it is.
"""

import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from benchmarks.answering.authority import Authority, KeyType, revoked_at
from benchmarks.index_load import Alike
from benchmarks.load.population import Population, Standing, write_populations
from tashika.pki.profile import Family
from tashika_server.cli import main as tashika_server
from tashika_server.index import Changes, IndexWriter, Mark
from tashika_server.lab.layout import write_certificate, write_key
from tashika_server.lab.transport import ClientAuthority, server_pair
from tashika_server.refresh.register import read_register

__all__ = ["World", "WorldOrder", "make_world"]

AT_ONCE = 500_000
"""Entries to a transaction: about what one CRL of a nation brings."""
PLENTY = 10**9
"""Of a limit that is not to be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldOrder:
    """What kind of world is wanted."""

    key: KeyType
    entries: int
    """Revoked certificates; as many more are in force."""
    workers: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A world on disk, ready to be served."""

    directory: Path
    order: WorldOrder
    authority: Authority
    token: str

    @property
    def configuration(self) -> Path:
        """Return what `serve` is given."""
        return self.directory / "tashika.toml"

    @property
    def population(self) -> Population:
        """Return the certificates to be asked about: the odd serials are revoked."""
        return Population(issuer=self.authority.certificate, serials=_serials(self.order.entries))

    def publish(self, more: int, *, number: int, at: datetime) -> None:
        """Write a CRL with so many entries more, on certificates that nobody asks about."""
        revoked = self.population.serials[Standing.REVOKED][0]
        added = range(revoked.stop + 1, revoked.stop + 1 + 2 * more, 2)
        _crl_file(self.directory).write_bytes(self.authority.crl(number, [*revoked, *added], at=at))


def make_world(directory: Path, order: WorldOrder, *, at: datetime) -> World:
    """Make one in an empty directory."""
    authority = Authority.found(order.key, at=at)
    authority.write(directory, order.key, at=at)
    pair = server_pair(at=at)
    write_certificate(directory / "server.pem", pair.certificate)
    write_key(directory / "server.key", pair.key)
    _crl_file(directory).write_bytes(b"the index is filled already\n")
    directory.joinpath("register.txt").write_text(f"1-{4 * order.entries}\n")
    configuration = directory / "tashika.toml"
    configuration.write_text(
        _CONFIGURATION.format(
            order=order, size=_index_bytes(order) >> 20, crl=_crl_file(directory).as_uri()
        )
    )
    token = _agree(configuration, at)
    world = World(directory=directory, order=order, authority=authority, token=token)
    _fill(world, at)
    write_populations(directory / "population.json", {"ca.pem": _serials(order.entries)})
    return world


def _serials(entries: int) -> dict[Standing, list[range]]:
    return {
        Standing.GOOD: [range(2, 2 * entries + 1, 2)],
        Standing.REVOKED: [range(1, 2 * entries, 2)],
        Standing.UNKNOWN: [range(10 * entries, 11 * entries)],
    }


def _index_bytes(order: WorldOrder) -> int:
    return 2**28 + 128 * order.entries


def _crl_file(directory: Path) -> Path:
    return directory / "issuer.crl"


def _agree(configuration: Path, at: datetime) -> str:
    """Register a verifier that may ask without limit; returns its token."""
    _do("book", "upgrade", configuration)
    named = "--name", "Benchmark Bureau (simulated)", "--category", "administrative-organ"
    verifier = _made("verifier", configuration, *named)
    _do("verifier", "notify", configuration, verifier, "--family", Family.SIGNATURE)
    limits = "--rate", PLENTY, "--burst", PLENTY, "--daily", "none"
    granted = "--grant", f"{Family.SIGNATURE}:ocsp"
    agreement = _made("agreement", configuration, verifier, *granted, *limits)
    for step in ("notify", "agree", "activate"):
        _do("agreement", "advance", configuration, agreement, step)
    client = ClientAuthority.found(at=at).certify("benchmark", at=at)
    certificate = configuration.with_name("client.pem")
    write_certificate(certificate, client.certificate)
    write_key(certificate.with_suffix(".key"), client.key)
    shown = "--kind", "mtls-key", "--label", "client", "--certificate", certificate
    _do("credential", "add", configuration, agreement, *shown)
    issued = _do("credential", "add", configuration, agreement, "--kind", "token", "--label", "t")
    return str(issued["secret"])


def _made(noun: str, *words: object) -> str:
    """Add something; returns its number."""
    return str(_do(noun, "add", *words)["changes"][0]["subject"])


def _do(noun: str, verb: str, *words: object) -> dict[str, Any]:
    """Give a command of `tashika-server`; returns the value that it prints."""
    printed = StringIO()
    json_too = ["--json"] if (noun, verb) != ("book", "upgrade") else []
    with redirect_stdout(printed):
        status = tashika_server([noun, verb, *map(str, words), *json_too])
    if status:
        raise RuntimeError(f"tashika-server {noun} {verb} ended with {status}")
    return json.loads(printed.getvalue()) if json_too else {}


def _fill(world: World, at: datetime) -> None:
    path, size = world.directory / "index", _index_bytes(world.order)
    fingerprint = world.authority.identity.fingerprint
    revoked = world.population.serials[Standing.REVOKED][0]
    turns = [(revoked_at(at), None)]
    register = read_register(world.directory / "register.txt", None)
    with IndexWriter.open(path, size) as writer:
        writer.expect(fingerprint, [""])
        for start in range(0, len(revoked), AT_ONCE):
            added = Alike(revoked[start : start + AT_ONCE], turns)
            writer.publish(fingerprint, "", Changes(added=added), _mark(world, at))
        if register:
            writer.load_register(fingerprint, register.ranges, register.mark)


def _mark(world: World, at: datetime) -> Mark:
    """Say that the CRL file is the one that has been taken in."""
    found = _crl_file(world.directory).stat()
    return Mark(
        number=1,
        this_update=at.replace(microsecond=0),
        next_update=at.replace(microsecond=0) + timedelta(days=1),
        sha256=bytes(32),
        entries=world.order.entries,
        etag=f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}",
        last_modified=None,
    )


_CONFIGURATION = """\
access = "closed"

[log]
format = "json"

[responder]
listen = "127.0.0.1:0"
workers = {order.workers}

[tls]
listen = "127.0.0.1:0"
certificate = "server.pem"
key = "server.key"

[index]
size = "{size}MiB"

[refresh]
max_size = "4GiB"

[[issuer]]
name = "benchmark"
family = "signature"
certificate = "ca.pem"
crl = "{crl}"
register = "register.txt"
signers = [{{ certificate = "signer.pem", key = "signer.key" }}]
"""
