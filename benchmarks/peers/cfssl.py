"""cfssl: Cloudflare's responder in Go, which hands out answers that were signed beforehand."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import ocsp

from benchmarks.answering.authority import Authority
from benchmarks.load.population import Population, Standing
from benchmarks.peers.process import find, free_port, listens, running

__all__ = ["ANSWERS", "LACKS", "responder"]

REMEDY = "get it with: apt-get install golang-cfssl"
LACKS = "no authorisation, no metering, no signing: 1,000 answers from memory"
ANSWERS = 1000


@contextmanager
def responder(
    directory: Path, authority: Authority, *, core: int, at: datetime
) -> Iterator[tuple[str, Population, int]]:
    """Run `cfssl ocspserve` for a CA whose files are in `directory`; URL, serials, process."""
    port, answers = free_port(), directory / "cfssl-answers"
    command = [find("cfssl", REMEDY), "ocspserve", "-address", "127.0.0.1", "-port", str(port)]
    serials = range(2, 2 * ANSWERS + 1, 2)
    signed = (_answer(directory, authority, each, at) for each in serials)
    answers.write_text("\n".join(b64encode(each).decode() for each in signed))
    population = Population(issuer=authority.certificate, serials={Standing.GOOD: [serials]})
    words = [*command, "-responses", answers, "-loglevel", "5"]
    log, ready = directory / "cfssl.log", partial(listens, port)
    with running(words, core=core, log=log, ready=ready) as process:
        yield f"http://127.0.0.1:{port}/", population, process


def _answer(directory: Path, authority: Authority, serial: int, at: datetime) -> bytes:
    signer = x509.load_pem_x509_certificate((directory / "signer.pem").read_bytes())
    key = load_pem_private_key((directory / "signer.key").read_bytes(), None)
    name_hash, key_hash = authority.identity.hashes("sha256")
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
        issuer_name_hash=name_hash,
        issuer_key_hash=key_hash,
        serial_number=serial,
        algorithm=SHA256(),
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=at.replace(tzinfo=None),
        next_update=at.replace(tzinfo=None) + timedelta(days=1),
        revocation_time=None,
        revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer)
    return builder.certificates([signer]).sign(key, SHA256()).public_bytes(Encoding.DER)  # type: ignore[arg-type]
