"""What the history costs: `python benchmarks/history.py [--events N] [--day N] [--serials N]`.

Tells it of random holds, releases and revocations, a day in one generation, as the index's writer
would (the index itself is left out), and prints octets and CPU time an event and a look-up as it
grows. No assertion on time: compare runs of one machine.
"""

import argparse
import random
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from tashika.pki.certid import IssuerIdentity
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.clock import SystemClock
from tashika_server.history.look_back import look_back
from tashika_server.history.telling import Teller
from tashika_server.index import Changes, Entry, IndexWriter, Mark, Publication
from tashika_server.issuer import Bounds, Issuer, NeverIssued, Partition, WithoutRegister

AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LOOK_UPS = 2_000
STEPS = 4


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--day", type=int, default=20_000, help="events of one generation")
    parser.add_argument("--serials", type=int, default=10_000_000)
    options = parser.parse_args()
    # It alarms of what random dates do, as it should.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    issuer = _issuer()
    with TemporaryDirectory() as name, IndexWriter.open(Path(name) / "index", 2**26) as writer:
        writer.expect(issuer.identity.fingerprint, [""])
        file = Path(name) / "history.sqlite"
        with closing(Teller.begin(file, writer.reader, [issuer], SystemClock())) as teller:
            _grow(teller, file, writer, issuer, options)


def _grow(
    teller: Teller, file: Path, writer: IndexWriter, issuer: Issuer, options: argparse.Namespace
) -> None:
    dice = random.Random(1)
    listed: dict[int, Entry] = {}
    generation, told = 2, 0
    teller.keep(generation, [_published(issuer, generation, Changes())])
    spent = 0.0
    for step in range(1, STEPS + 1):
        while told < options.events * step // STEPS:
            changes = _day(dice, listed, options)
            generation += 1
            begin = time.process_time()
            teller.keep(generation, [_published(issuer, generation, changes)])
            spent += time.process_time() - begin
            told += options.day
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = sum(each.stat().st_size for each in file.parent.glob("history.sqlite*"))
        begin = time.process_time()
        with writer.reader.snapshot() as snapshot:
            for _ in range(LOOK_UPS):
                serial = dice.randrange(options.serials)
                look_back(file, snapshot, issuer.identity.fingerprint, serial)
        look = (time.process_time() - begin) / LOOK_UPS
        print(
            f"{told:12,} events  {size / told:6.1f} octets an event  {spent / told * 1e6:6.1f} us "
            f"CPU to tell one  {look * 1e6:6.0f} us CPU to look one certificate up"
        )


def _day(dice: random.Random, listed: dict[int, Entry], options: argparse.Namespace) -> Changes:
    """Hold, revoke and release at random."""
    added: dict[int, Entry] = {}
    changed: dict[int, tuple[Entry, Entry]] = {}
    for serial in {dice.randrange(options.serials) for _ in range(options.day)}:
        reason = dice.choice([Reason.CERTIFICATE_HOLD, Reason.SUPERSEDED])
        entry = Entry(serial, AT, reason)
        if serial in listed:
            changed[serial] = (listed[serial], entry)
        else:
            added[serial] = entry
        listed[serial] = entry
    return Changes(
        added=[added[serial] for serial in sorted(added)],
        changed=[changed[serial] for serial in sorted(changed)],
    )


def _published(issuer: Issuer, number: int, changes: Changes) -> Publication:
    mark = Mark(
        number=number,
        this_update=AT,
        next_update=AT + DAY,
        sha256=number.to_bytes(32, "big"),
        entries=0,
        etag=None,
        last_modified=None,
    )
    return Publication(
        fingerprint=issuer.identity.fingerprint, partition="", changes=changes, mark=mark
    )


def _issuer() -> Issuer:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, AT, AT + DAY)
    certificate = builder.sign(key, SHA256())
    return Issuer(
        name="benchmark",
        family=Family.USER_AUTH,
        certificate=certificate,
        identity=IssuerIdentity.of(certificate),
        partitions=(Partition(name="", url="file:///nowhere"),),
        register=None,
        without_register=WithoutRegister.UNKNOWN,
        never_issued=NeverIssued.EXTENDED_REVOKED,
        archive_cutoff=None,
        bounds=Bounds(),
    )


if __name__ == "__main__":
    main()
