"""How fast one complete CRL becomes the index: `python benchmarks/crl_load.py [ENTRIES]`.

Prints each step of the first load, of a second CRL with 1 % more and of a delta of 1 %, in time
by the clock and of processors (those of the process that reads for us are in `accept`), the most
memory that either process had, the size of the index, and the time of a look-up. No assertion on
time: compare runs of one machine. The CRL is written to a file piece by piece, so 50 M entries
need 2 GB of disk, and as much again for the index and for the spool.
"""

import hashlib
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from tashika.pki import der
from tashika.pki.algorithms import ECDSA_SHA256
from tashika.pki.certid import IssuerIdentity
from tashika.pki.profile import Family
from tashika_server.index import IndexReader, IndexWriter, Mark
from tashika_server.issuer import Bounds, Issuer, NeverIssued, Partition, WithoutRegister
from tashika_server.refresh.accept import AcceptedCrl, Reading, ReadingLimits, accept
from tashika_server.refresh.cell import Cell, Confinement
from tashika_server.refresh.diff import diff, follow
from tashika_server.refresh.fetch import Fetched, Validators
from tashika_server.refresh.room import Room
from tashika_server.refresh.source import Kind, Source

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
    with tempfile.TemporaryDirectory() as directory, Confinement() as cell:
        path = Path(directory) / "index"
        with IndexWriter.open(path, 64 * entries + 2**26) as writer:
            writer.expect(source.fingerprint, [""])
            load = partial(_refresh, writer, source, key, Path(directory), cell)
            load(rows=range(entries), number=1)
            print(f"index      {(path / 'data.mdb').stat().st_size / entries:9.1f} bytes/entry")
            load(rows=range(entries * 101 // 100), number=2)
            more = range(entries * 101 // 100, entries * 102 // 100)
            load(rows=more, number=3, base=2)
        _look_up(IndexReader.open(path), source.fingerprint, entries)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(
        f"most memory, mapped index included: {own / 1024:,.0f} MB; of the reader: "
        f"{reader / 1024:,.0f} MB"
    )


def _refresh(
    writer: IndexWriter,
    source: Source,
    key: ec.EllipticCurvePrivateKey,
    spool: Path,
    cell: Cell,
    *,
    rows: range,
    number: int,
    base: int | None = None,
) -> None:
    with writer.reader.snapshot() as snapshot:
        mark = snapshot.mark(source.fingerprint, "")
    kind = Kind.COMPLETE if base is None else Kind.DELTA
    with Room.within(spool) as room, writer.reader.snapshot() as before:
        _write_crl(room.file, source.issuer, key, rows=rows, number=number, base=base)
        print(f"{kind} CRL of {room.file.stat().st_size:,} octets")
        fetched = Fetched(
            path=room.file,
            sha256=bytes((number,)) * 32,
            validators=Validators(etag=None, last_modified=None),
        )
        reading = Reading(cell=cell, room=room, limits=ReadingLimits())
        with _timed("accept", len(rows)):
            crl = accept(fetched, source, mark, reading, kind=kind, at=AT)
        with _timed("diff", len(rows)):
            if kind is Kind.COMPLETE:
                changes = diff(before.packed(source.fingerprint, ""), crl, room)
            else:
                changes = follow(partial(before.entries_of, source.fingerprint, ""), crl, room)
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
    began, spent = time.perf_counter(), _processor_seconds()
    yield
    seconds = time.perf_counter() - began
    time.sleep(0.1)  # until a process that has read for us is counted
    spent = _processor_seconds() - spent
    rate = f"{count / seconds:12,.0f} /s {spent / count * 1e6:8.2f} us of processor each"
    print(f"{what:18} {seconds:8.2f} s {rate if count else ''}")


def _processor_seconds() -> float:
    """Return what this process has used, and the confined ones."""
    spent = time.process_time()
    for process in Path("/proc").glob("[0-9]*/stat"):
        fields = process.read_text().rpartition(")")[2].split()
        if int(fields[1]) == os.getpid():
            spent += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return spent


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


def _write_crl(
    path: Path,
    issuer: Issuer,
    key: ec.EllipticCurvePrivateKey,
    *,
    rows: range,
    number: int,
    base: int | None,
) -> None:
    """Write a CRL of every third serial, each revoked for one of the usual reasons."""
    extensions = [_extension("2.5.29.20", der.integer(number))]
    if base is not None:
        extensions.append(_extension("2.5.29.27", der.integer(base)))
    head = (
        der.integer(1)
        + ECDSA_SHA256.der
        + issuer.identity.name
        + _utc_time(AT - DAY)
        + _utc_time(AT + DAY)
    )
    tail = der.wrap(der.explicit(0), der.sequence(*extensions))
    listed = len(_entry(rows[0])) * len(rows)  # one length for all: serials have four octets
    opening = head + _header(listed)
    signed = _header(len(opening) + listed + len(tail))
    digest = hashlib.sha256(signed + opening)
    with path.with_suffix(".tbs").open("wb") as file:
        file.write(signed + opening)
        pieces = map(_entry, rows)
        while piece := b"".join(islice(pieces, 10_000)):
            digest.update(piece)
            file.write(piece)
        digest.update(tail)
        file.write(tail)
        size = file.tell()
    signature = key.sign(digest.digest(), ec.ECDSA(Prehashed(SHA256())))
    closing = ECDSA_SHA256.der + der.bit_string(signature)
    with path.open("wb") as whole, path.with_suffix(".tbs").open("rb") as file:
        whole.write(_header(size + len(closing)))
        while piece := file.read(2**20):
            whole.write(piece)
        whole.write(closing)
    path.with_suffix(".tbs").unlink()


def _header(length: int) -> bytes:
    """Write the header of a SEQUENCE whose content is too long to be at hand."""
    if length < 0x80:
        return bytes((der.SEQUENCE, length))
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((der.SEQUENCE, 0x80 | len(octets))) + octets


def _entry(count: int) -> bytes:
    return der.sequence(
        der.integer(FIRST_SERIAL + 3 * count),
        _utc_time(AT - DAY - timedelta(minutes=count % 500_000)),
        der.sequence(REASONS[count % len(REASONS)]),
    )


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
        entries=crl.listed.count,
        etag=None,
        last_modified=None,
    )


REASONS = [
    _extension("2.5.29.21", der.integer(reason, der.ENUMERATED)) for reason in (1, 3, 4, 5, 6)
]

if __name__ == "__main__":
    main()
