"""What each stage of an answer costs, beside a bare signature and pyca's response builder.

    python benchmarks/hot_path.py [--rounds N] [--loops N]

CPU time of one process, so that a busy machine disturbs less; the median of several rounds.
Not a measurement of the service: there is no HTTP here.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cryptography
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.asking import AT, DAY, NEIGHBOUR, Authority, Counter, ec_key, open_counter, rsa_key
from tashika.pki.algorithms import PrivateKey
from tashika.pki.request import parse_request
from tashika_server.index import Changes, Entry, IndexWriter, Mark, RegisterMark
from tashika_server.responder import answer
from tashika_server.responder.given import Answer
from tashika_server.responder.judge import judge
from tashika_server.signing import Signer, encode_answer

ENTRIES = 100_000
SERIAL = 77_777
NONCE = bytes(range(32))
KEYS: dict[str, Callable[[], PrivateKey]] = {
    "P-256": lambda: ec_key("responder"),
    "RSA-2048": rsa_key,
}

Stages = dict[str, Callable[[], object]]


def main() -> None:
    """Measure and print one table for both keys."""
    options = _options()
    columns = {}
    for name, key in KEYS.items():
        with tempfile.TemporaryDirectory() as directory, _counter(Path(directory), key()) as desk:
            columns[name] = {
                stage: _measure(work, options.rounds, options.loops)
                for stage, work in _stages(desk).items()
            }
    _print(columns)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--loops", type=int, default=1000)
    return parser.parse_args()


@contextmanager
def _counter(directory: Path, key: PrivateKey) -> Iterator[Counter]:
    """Open a desk over an index on disk, with a register, as in production."""
    authority = Authority.make("JPKI for user authentication", ec_key("ca"))
    counter = open_counter(directory, authority=authority, key=key, read_one_in=64)
    mark = counter.issuer.identity.fingerprint
    with IndexWriter.open(directory / "index", 1 << 28) as writer:
        writer.expect(mark, [""])
        entries = [Entry(serial, AT - DAY) for serial in range(1, 2 * ENTRIES, 2)]
        writer.publish(mark, "", Changes(added=entries), _crl(len(entries)))
        register = RegisterMark(sha256=bytes(32), last=2 * ENTRIES)
        writer.load_register(mark, [(1, 2 * ENTRIES)], register)
        counter.desk = replace(counter.desk, index=writer.reader)
        yield counter


def _crl(entries: int) -> Mark:
    return Mark(
        number=1,
        this_update=AT,
        next_update=AT + DAY,
        sha256=bytes(32),
        entries=entries,
        etag=None,
        last_modified=None,
    )


def _stages(counter: Counter) -> Stages:
    desk, question = counter.desk, counter.question(SERIAL, nonce=NONCE)
    said = answer(question, NEIGHBOUR, desk, at=AT)
    if not isinstance(said, Answer):
        raise TypeError("it is asked for the first time, and by nobody who signs")
    request, (cert_id,) = said.question, said.question.cert_ids
    mark, signer, algorithm = said.served.fingerprint, said.signer, said.signer.algorithms[0]
    sign = signer.signing(algorithm)
    with desk.index.snapshot() as view:
        finding = view.find(mark, SERIAL)

    def look_up() -> object:
        with desk.index.snapshot() as view:
            return view.find(mark, SERIAL)

    def encode() -> object:
        return encode_answer(
            said.responses, nonce=NONCE, signer=signer, algorithm=algorithm, produced_at=AT
        )

    return {
        "parse": lambda: parse_request(question, max_cert_ids=16),
        "choose issuer": lambda: desk.directory.speaker(request.cert_ids),
        "choose signer": lambda: desk.shelf.pick(mark, (), at=AT),
        "look up": look_up,
        "judge": lambda: judge(
            cert_id, finding, counter.issuer, signer_end=signer.not_after, at=AT
        ),
        "encode": encode,
        "sign (bare)": lambda: sign(bytes(300)),
        "inspect": lambda: desk.inspection.inspect(said.body, request),
        "whole answer": lambda: answer(question, NEIGHBOUR, desk, at=AT),
        "pyca: parse": lambda: ocsp.load_der_ocsp_request(question).serial_number,
        "pyca: build and sign": _pyca(counter, signer),
    }


def _pyca(counter: Counter, signer: Signer) -> Callable[[], object]:
    issuer = counter.authority.certificate
    leaf = counter.authority.issue(ec_key("leaf"), serial=SERIAL)

    def build() -> object:
        return (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=leaf,
                issuer=issuer,
                algorithm=hashes.SHA256(),
                cert_status=ocsp.OCSPCertStatus.REVOKED,
                this_update=AT,
                next_update=AT + DAY,
                revocation_time=AT - DAY,
                revocation_reason=None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
            .certificates([signer.certificate])
            .add_extension(x509.OCSPNonce(NONCE), critical=False)
            .sign(signer.key, hashes.SHA256())
        )

    return build


def _measure(work: Callable[[], object], rounds: int, loops: int) -> float:
    """Return the median over the rounds of the microseconds that one call takes."""
    work()
    return statistics.median(_round(work, loops) for _ in range(rounds))


def _round(work: Callable[[], object], loops: int) -> float:
    begun = time.process_time()
    for _ in range(loops):
        work()
    return (time.process_time() - begun) / loops * 1e6


def _print(columns: dict[str, dict[str, float]]) -> None:
    print(f"{_machine()}; {ENTRIES:,} entries on disk; µs and times the bare signature\n")
    print(f"{'stage':22}" + "".join(f"{name:>22}" for name in columns))
    for stage in next(iter(columns.values())):
        cells = (
            f"{times[stage]:14.1f} {times[stage] / times['sign (bare)']:7.2f}"
            for times in columns.values()
        )
        print(f"{stage:22}" + "".join(cells))


def _machine() -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return (
        f"{platform.machine()}, Python {platform.python_version()}, "
        f"cryptography {cryptography.__version__}, commit {commit.stdout.strip() or 'none'}"
    )


if __name__ == "__main__":
    main()
