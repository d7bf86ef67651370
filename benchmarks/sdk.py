"""What the SDK costs a relying party: `python benchmarks/sdk.py [--certificates N] [--rounds N]`.

CPU time of this process, in the quickest of some rounds: neighbours only add. A remembered check,
an answer verified beside the bare signature verifications in it, the same certificate and answer
through pyhanko-certvalidator, and a batch at the real service with the number of its questions.
How many times the bare verifications an answer costs is the median of rounds that take turns, so
that both meet the same neighbours. Fails above a bound.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asn1crypto.x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko_certvalidator import CertificateValidator, ValidationContext

from benchmarks.answering.authority import Authority, KeyType
from benchmarks.answering.service import Service
from benchmarks.answering.world import WorldOrder, make_world
from tashika import (
    AsyncClient,
    BearerToken,
    CachePolicy,
    Client,
    Policy,
    ask,
    verify_answer,
    verify_issued,
)
from tashika.observing import Event, Happening
from tashika.pki.response import BasicResponse, parse_response
from tashika.testing import FakeResponder, KeyPair, Pki

CACHED = 20.0
"""Microseconds of a remembered check."""
TIMES_BARE = 3.0
SHARE = 0.1
"""Of the questions that single checks would take."""
NewKey = Callable[[], ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]
KEYS: dict[str, NewKey] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RSA-2048": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
}


def main() -> int:
    """Run everything; the exit status tells whether the bounds hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--certificates", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    kept = [_remembered(options.rounds)]
    kept += [_verified(name, new_key, options.rounds) for name, new_key in KEYS.items()]
    kept.append(_batch(options.certificates))
    return not all(kept)


# --- a remembered check ---------------------------------------------------------------------


def _remembered(rounds: int) -> bool:
    responder = FakeResponder()
    given = responder.pki.certificate, responder.pki.issuer
    octets = [each.public_bytes(Encoding.DER) for each in given]
    policy = Policy(cache=CachePolicy())
    with Client(responder.url, transport=responder, policy=policy) as client:
        client.check(*given)
        as_bytes = _cpu(lambda: client.check(*octets), 2_000, rounds)
        as_objects = _cpu(lambda: client.check(*given), 2_000, rounds)

    async def awaited() -> float:
        async with AsyncClient(responder.url, transport=responder, policy=policy) as client:
            await client.check(*octets)
            return min([await _cpu_awaited(client, octets) for _ in range(rounds)])

    worst = max(as_bytes, as_objects, as_awaited := asyncio.run(awaited()))
    print(f"remembered check   {as_bytes:7.1f} µs from bytes, {as_awaited:.1f} awaited,")
    print(f"                   {as_objects:7.1f} from x509.Certificate")
    return _judge(f"{CACHED:.0f} µs", holds=worst < CACHED)


async def _cpu_awaited(client: AsyncClient, octets: Sequence[bytes]) -> float:
    began = time.process_time()
    for _ in range(2_000):
        await client.check(*octets)
    return (time.process_time() - began) / 2_000 * 1e6


# --- an answer verified ---------------------------------------------------------------------


def _verified(name: str, new_key: NewKey, rounds: int) -> bool:
    pki = Pki(new_key=new_key)
    responder, policy, at = FakeResponder(pki), Policy(), datetime.now(UTC)
    question = ask(verify_issued(pki.certificate, pki.issuer, at=at), policy, bytes)
    body = responder.answer(question.body)
    at, bare = datetime.now(UTC), _bare(body, pki)
    turns = [
        (_once(lambda: verify_answer(body, question, policy, at=at), 100), _once(bare, 100))
        for _ in range(rounds)
    ]
    ours, alone = (min(each) for each in zip(*turns, strict=True))
    times = statistics.median(one / other for one, other in turns)
    print(
        f"answer, {name:8} {ours:9.1f} µs, its two signatures {alone:.1f}: {times:.2f} times"
        f" in the median, {ours / alone:.2f} in the quickest rounds"
    )
    holds = _judge(f"{TIMES_BARE:.0f} times", holds=times < TIMES_BARE)
    _peer(pki, body, rounds)
    return holds


def _bare(body: bytes, pki: Pki) -> Callable[[], object]:
    """Verify the two signatures of an answer and nothing else."""
    answer = parse_response(body)
    if not isinstance(answer, BasicResponse):
        raise TypeError("no answer")
    signed = (
        (pki.responder, answer.signature, answer.tbs),
        (
            pki.ca,
            pki.responder.certificate.signature,
            pki.responder.certificate.tbs_certificate_bytes,
        ),
    )
    checks = [_check_of(pair, signature, data) for pair, signature, data in signed]
    return lambda: [each() for each in checks]


def _check_of(pair: KeyPair, signature: bytes, data: bytes) -> Callable[[], None]:
    key = pair.key.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return lambda: key.verify(signature, data, padding.PKCS1v15(), SHA256())
    return lambda: key.verify(signature, data, ec.ECDSA(SHA256()))


def _peer(pki: Pki, body: bytes, rounds: int) -> None:
    """Do the same from bytes: certificate, issuer and answer in, a verdict out."""
    certificate, issuer = (
        each.public_bytes(Encoding.DER) for each in (pki.certificate, pki.issuer)
    )
    policy, at = Policy(), datetime.now(UTC)

    def ours() -> None:
        subject = verify_issued(certificate, issuer, at=at)
        verify_answer(body, ask(subject, policy, bytes), policy, at=at)

    async def theirs() -> None:
        context = ValidationContext(
            trust_roots=[asn1crypto.x509.Certificate.load(issuer)],
            ocsps=[body],
            revocation_mode="hard-fail",
            moment=at,
        )
        leaf = asn1crypto.x509.Certificate.load(certificate)
        await CertificateValidator(leaf, validation_context=context).async_validate_path()

    peer = _cpu(lambda: asyncio.run(theirs()), 10, rounds)
    loop = _cpu(lambda: asyncio.run(asyncio.sleep(0)), 10, rounds)
    print(
        f"  with the certificate {_cpu(ours, 100, rounds):.1f} µs;"
        f" pyhanko-certvalidator {peer - loop:.1f} µs"
    )


# --- a batch --------------------------------------------------------------------------------


@dataclass
class _Questions:
    """An observer that counts."""

    asked: int = 0
    certificates: int = 0

    def note(self, event: Event) -> None:
        if event.what is Happening.ANSWERED:
            self.asked += 1
            self.certificates += event.certificates


def _batch(number: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="tashika-") as directory:
        world = make_world(
            Path(directory), WorldOrder(key=KeyType.P256, entries=number), at=datetime.now(UTC)
        )
        certificates = _issued(world.authority, number)
        heard = _Questions()
        with Service(world, cores=[0]) as service:
            url = f"{service.url.rstrip('/')}/ocsp"
            credential = BearerToken(world.token)
            with Client(url, credential=credential, observer=heard) as client:
                began, cpu = time.perf_counter(), time.process_time()
                reports = client.check_many(certificates, world.authority.certificate)
                cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    right = [bool(each) for each in reports] == [serial % 2 == 0 for serial in range(1, number + 1)]
    print(
        f"batch of {number:,}  {heard.asked:,} questions, {cpu / number * 1e6:.1f} µs of CPU a"
        f" certificate, {wall:.1f} s on the clock, {'all right' if right else 'WRONG'}"
    )
    return _judge(f"{SHARE:.0%} of the questions", holds=right and heard.asked <= number * SHARE)


def _issued(authority: Authority, number: int) -> list[bytes]:
    """Issue certificates in the order of their serials; the odd ones are revoked."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    at = datetime.now(UTC)
    blank = (
        x509.CertificateBuilder()
        .issuer_name(authority.certificate.subject)
        .subject_name(x509.Name.from_rfc4514_string("CN=Somebody,O=JPKI-SIM,C=JP"))
        .public_key(key)
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=365))
    )
    return [
        blank.serial_number(serial).sign(authority.key, SHA256()).public_bytes(Encoding.DER)
        for serial in range(1, number + 1)
    ]


# --- measuring ------------------------------------------------------------------------------


def _cpu(work: Callable[[], object], times: int, rounds: int) -> float:
    """Return microseconds a time, of the quickest round."""
    return min(_once(work, times) for _ in range(rounds))


def _once(work: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times * 1e6


def _judge(bound: str, *, holds: bool) -> bool:
    print(f"  bound {bound}: {'kept' if holds else 'BROKEN'}")
    return holds


if __name__ == "__main__":
    sys.exit(main())
