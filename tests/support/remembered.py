"""An index whose history is kept: publish CRLs of two partitions, look back, die, start anew."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from support.clock import FakeClock
from support.crls import AT, DAY, HOUR, Ca
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.history.look_back import look_back
from tashika_server.history.story import Story
from tashika_server.history.telling import Teller
from tashika_server.index import Changes, Entry, IndexReader, IndexWriter, Mark
from tashika_server.issuer import Issuer

A, B = "partition A", "partition B"
Listing = Mapping[int, Entry]


def revoked(serial: int, *, at: datetime = AT - DAY, reason: Reason | None = None) -> Entry:
    return Entry(serial, at, reason)


def held(serial: int, *, at: datetime = AT - DAY) -> Entry:
    return Entry(serial, at, Reason.CERTIFICATE_HOLD)


class Memory:
    """Each publication is an hour after the one before."""

    def __init__(
        self, directory: Path, *, family: Family = Family.USER_AUTH, keeps: bool = False
    ) -> None:
        self.directory = directory
        self.clock = FakeClock(AT)
        self.family = family
        self.keeps = keeps
        self.partitions = [A, B]

    @property
    def issuer(self) -> Issuer:
        issuer = Ca.found().issuer(dict.fromkeys(self.partitions, "file:///nowhere"))
        cutoff = DAY if self.keeps else None
        return replace(issuer, family=self.family, archive_cutoff=cutoff)

    @property
    def fingerprint(self) -> bytes:
        return self.issuer.identity.fingerprint

    @contextmanager
    def writing(self) -> Iterator[IndexWriter]:
        """Open the index as the refresher does."""
        with IndexWriter.open(self.directory / "index", 2**26) as writer:
            teller = Teller.begin(
                self.directory / "history.sqlite", writer.reader, [self.issuer], self.clock
            )
            try:
                writer.historian = teller
                writer.expect(self.fingerprint, self.partitions)
                yield writer
            finally:
                teller.close()

    def publish(self, writer: IndexWriter, partition: str, *listed: Entry) -> datetime:
        """Publish the next CRL of a partition, an hour later; returns when."""
        at = self.clock.advance(HOUR)
        with writer.reader.snapshot() as snapshot:
            before = {each.serial: each for each in snapshot.entries(self.fingerprint, partition)}
            last = snapshot.mark(self.fingerprint, partition)
        after = {each.serial: each for each in sorted(listed, key=lambda each: each.serial)}
        changes = Changes(
            added=[each for serial, each in after.items() if serial not in before],
            changed=[
                (before[serial], each)
                for serial, each in after.items()
                if before.get(serial, each) != each
            ],
            removed=[each for serial, each in before.items() if serial not in after],
        )
        number = 1 + (last.number if last else 0)
        writer.publish(
            self.fingerprint, partition, changes, mark(number, partition, at, len(after))
        )
        return at

    def story(self, serial: int, writer: IndexWriter | None = None) -> Story:
        """Look back; in the process that writes, with its reader."""
        reader = writer.reader if writer else IndexReader.open(self.directory / "index")
        try:
            with reader.snapshot() as snapshot:
                file = self.directory / "history.sqlite"
                return look_back(file, snapshot, self.fingerprint, serial)
        finally:
            if writer is None:
                reader.close()


def mark(number: int, partition: str, at: datetime, entries: int) -> Mark:
    return Mark(
        number=number,
        this_update=at,
        next_update=at + DAY,
        sha256=sha256(f"{partition} {number} {at}".encode()).digest(),
        entries=entries,
        etag=None,
        last_modified=None,
    )
