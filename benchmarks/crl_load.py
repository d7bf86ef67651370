"""How fast one complete CRL becomes the index: `python benchmarks/crl_load.py [ENTRIES]`.

Prints each step of the first load and of a second CRL with 1 % more, the size of the index,
and the time of a look-up. No assertion on time: compare runs of one machine.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from tashika.pki import der
from tashika.pki.algorithms import ECDSA_SHA256, sign
from tashika.pki.certid import IssuerIdentity
from tashika.pki.profile import Family
from tashika_server.index import IndexReader, IndexWriter, Mark
from tashika_server.issuer import Bounds, Issuer, NeverIssued, Partition, WithoutRegister
from tashika_server.refresh.accept import AcceptedCrl, accept
from tashika_server.refresh.diff import diff
from tashika_server.refresh.source import Source

AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST_SERIAL = 20_000_000
LOOK_UPS = 200_000


def main() -> None:
    """Measure and print."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = _issuer(key)
    source = Source(issuer, issuer.partitions[0], issuer.identity.fingerprint)
    print(f"{entries:,} entries, {os.cpu_count()} processors, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "index"
        with IndexWriter.open(path, 64 * entries + 2**26) as writer:
            writer.expect(source.fingerprint, [""])
            _refresh(writer, source, _crl(issuer, key, 1, entries), entries)
            print(f"index      {(path / 'data.mdb').stat().st_size / entries:9.1f} bytes/entry")
            _refresh(writer, source, _crl(issuer, key, 2, entries * 101 // 100), entries)
        _look_up(IndexReader.open(path), source.fingerprint, entries)


def _refresh(writer: IndexWriter, source: Source, body: bytes, entries: int) -> None:
    with writer.reader.snapshot() as snapshot:
        mark = snapshot.mark(source.fingerprint, "")
    print(f"CRL of {len(body):,} octets")
    with _timed("accept", entries):
        crl = accept(body, source, mark, at=AT)
    with _timed("diff", entries), writer.reader.snapshot() as before:
        changes = diff(before.entries(source.fingerprint, ""), crl)
    with _timed("publish", len(changes.added)):
        writer.publish(source.fingerprint, "", changes, _mark(crl))


def _look_up(reader: IndexReader, fingerprint: bytes, entries: int) -> None:
    chance = random.Random(1)
    serials = [FIRST_SERIAL + chance.randrange(3 * entries) for _ in range(LOOK_UPS)]
    with reader.snapshot() as snapshot, _timed("look-up", LOOK_UPS):
        for serial in serials:
            snapshot.find(fingerprint, serial)
    with _timed("own snapshot each", LOOK_UPS):
        for serial in serials:
            with reader.snapshot() as snapshot:
                snapshot.find(fingerprint, serial)


@contextmanager
def _timed(what: str, count: int) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds = time.perf_counter() - began
    rate = f"{count / seconds:12,.0f} /s {seconds / count * 1e6:8.2f} us each"
    print(f"{what:18} {seconds:8.2f} s {rate if count else ''}")


def _issuer(key: ec.EllipticCurvePrivateKey) -> Issuer:
    name = x509.Name.from_rfc4514_string("OU=Benchmark,O=JPKI-SIM,C=JP")
    blank = x509.CertificateBuilder(name, name, key.public_key(), 1, AT - 4000 * DAY, AT + DAY)
    certificate = blank.sign(key, SHA256())
    return Issuer(
        name="benchmark",
        family=Family.OTHER,
        certificate=certificate,
        identity=IssuerIdentity.of(certificate),
        partitions=(Partition(name="", url="file:///"),),
        register=None,
        without_register=WithoutRegister.UNKNOWN,
        never_issued=NeverIssued.EXTENDED_REVOKED,
        archive_cutoff=None,
        bounds=Bounds(),
    )


def _crl(issuer: Issuer, key: ec.EllipticCurvePrivateKey, number: int, entries: int) -> bytes:
    """Write a CRL of every third serial, each revoked for one of the usual reasons."""
    reasons = [
        _extension("2.5.29.21", der.integer(reason, der.ENUMERATED)) for reason in (1, 3, 4, 5, 6)
    ]
    listed = (
        der.sequence(
            der.integer(FIRST_SERIAL + 3 * count),
            _utc_time(AT - DAY - timedelta(minutes=count % 500_000)),
            der.sequence(reasons[count % len(reasons)]),
        )
        for count in range(entries)
    )
    tbs = der.sequence(
        der.integer(1),
        ECDSA_SHA256.der,
        issuer.identity.name,
        _utc_time(AT - DAY),
        _utc_time(AT + DAY),
        der.sequence(*listed),
        der.wrap(der.explicit(0), der.sequence(_extension("2.5.29.20", der.integer(number)))),
    )
    return der.sequence(tbs, ECDSA_SHA256.der, der.bit_string(sign(key, ECDSA_SHA256, tbs)))


def _extension(oid: str, value: bytes) -> bytes:
    return der.sequence(der.oid(oid), der.octet_string(value))


def _utc_time(at: datetime) -> bytes:
    return der.wrap(der.UTC_TIME, at.strftime("%y%m%d%H%M%SZ").encode())


def _mark(crl: AcceptedCrl) -> Mark:
    return Mark(
        number=crl.number,
        this_update=crl.this_update,
        next_update=crl.next_update,
        sha256=bytes(32),
        entries=len(crl.entries),
        etag=None,
        last_modified=None,
    )


if __name__ == "__main__":
    main()
