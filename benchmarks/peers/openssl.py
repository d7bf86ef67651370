"""OpenSSL: its OCSP responder, in C, and its bare signatures."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.request import urlopen

from benchmarks.answering.authority import Authority, KeyType
from benchmarks.cores import on_core
from benchmarks.load.population import Population, Standing
from benchmarks.peers.process import PeerFailed, find, free_port, running
from tashika.pki.certid import CertId
from tashika.pki.request import build_request

__all__ = ["LACKS", "OCSP_ENTRIES", "SPEED_LACKS", "responder", "signatures_a_second"]

REMEDY = "get it with: apt-get install openssl"
LACKS = (
    "no authorisation, no metering, no keep-alive: a connection for each question; "
    "10,000 certificates, half of them revoked"
)
SPEED_LACKS = "signs, and does nothing else"
OCSP_ENTRIES = 10_000
"""In its index, a text file that it reads into memory as a whole."""
ALGORITHMS = {KeyType.P256: "ecdsap256", KeyType.RSA2048: "rsa2048"}


@contextmanager
def responder(
    directory: Path, authority: Authority, *, core: int, at: datetime
) -> Iterator[tuple[str, Population, int]]:
    """Run `openssl ocsp` for a CA whose files are in `directory`; gives URL, serials, process.

    It cannot be told an address and listens on all of them.
    """
    port, index = free_port(), directory / "openssl-index.txt"
    index.write_text("".join(_line(serial, at) for serial in range(1, OCSP_ENTRIES + 1)))
    options = {
        "-index": index,
        "-port": port,
        "-CA": directory / "ca.pem",
        "-rsigner": directory / "signer.pem",
        "-rkey": directory / "signer.key",
        "-ndays": 1,
    }
    words = [str(word) for pair in options.items() for word in pair]
    command = [find("openssl", REMEDY), "ocsp", *words, "-ignore_err"]
    population = Population(
        issuer=authority.certificate,
        serials={
            Standing.GOOD: [range(2, OCSP_ENTRIES + 1, 2)],
            Standing.REVOKED: [range(1, OCSP_ENTRIES + 1, 2)],
        },
    )
    url = f"http://127.0.0.1:{port}/"
    ready = partial(_ask, url, build_request([CertId.build(population.identity, 2)]))
    # It writes a line for each question, which nobody is to wait for.
    with running(command, core=core, log=Path(os.devnull), ready=ready) as process:
        yield url, population, process


def _ask(url: str, question: bytes) -> None:
    """Ask: a connection without a question, to see whether it listens, would occupy it for good."""
    with urlopen(url, data=question, timeout=5) as reply:  # noqa: S310 - loopback
        reply.read()


def _line(serial: int, at: datetime) -> str:
    """Write one line of the format that `openssl ca` keeps; the odd serials are revoked."""
    end, begin = (f"{at + days:%y%m%d%H%M%SZ}" for days in (timedelta(365), timedelta(-1)))
    digits = f"{serial:X}"
    number = digits.zfill(len(digits) + len(digits) % 2)
    state = f"R\t{end}\t{begin}" if serial % 2 else f"V\t{end}\t"
    return f"{state}\t{number}\tunknown\t/CN={serial}\n"


def signatures_a_second(kind: KeyType, seconds: int, *, core: int) -> float:
    """Return what `openssl speed` signs on this core."""
    command = [find("openssl", REMEDY), "speed", "-mr", "-seconds", str(seconds), ALGORITHMS[kind]]
    with on_core(core):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    # +F2 (RSA) and +F4 (ECDSA) lines: index, bits, signatures a second, verifications a second
    found = re.search(r"^\+F[24]:\d+:\d+:([\d.]+):", done.stdout, re.MULTILINE)
    if found is None:
        raise PeerFailed(f"openssl speed said something else: {done.stdout!r}")
    return float(found[1])
