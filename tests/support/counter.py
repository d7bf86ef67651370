"""Where files are handed out to a bank, as the office does, and what its journal says of it."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from support import verifiers
from support.archive import Cellar
from support.clock import FakeClock
from support.crls import AT, DAY
from support.metered import Books, open_books
from tashika.pki.profile import Family
from tashika_server.agreements.compromise_file import (
    COMPROMISE_FILE,
    CompromiseFile,
    write_compromises,
)
from tashika_server.agreements.gatehouse import Gatehouse
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.snapshot import Snapshot, SnapshotWatcher, write_snapshot
from tashika_server.agreements.terms import Environment, Grant, Method, Terms
from tashika_server.certificate_file import read_private_key
from tashika_server.compact import SetSigner
from tashika_server.files.compact_sets import CompactPress, CompactShelf
from tashika_server.files.serving import Provision
from tashika_server.index import IndexWriter
from tashika_server.metering.usage import Delivery, Occasion

FILE = Grant(family=Family.USER_AUTH, method=Method.FILE)
BANK = {"Authorization": "Bearer bank-token", "Accept-Encoding": "identity"}


class Counter:
    """Where files are handed out."""

    def __init__(self, cellar: Cellar, books: Books, buckets: Buckets, writer: IndexWriter) -> None:
        self.cellar, self.books, self.writer = cellar, books, writer
        self.clock = FakeClock(AT + DAY)
        self.group = books.group()
        (issuer,) = cellar.config.issuers
        self.key = read_private_key(cellar.directory / "ledger.key")
        watcher = SnapshotWatcher(cellar.directory / "agreements", max_age=timedelta(days=9))
        self.compromises = cellar.directory / "run" / COMPROMISE_FILE
        self.compromises.parent.mkdir()
        write_compromises(self.compromises, [])
        press = CompactPress(
            archive=cellar.archive, index=writer.reader, signer=SetSigner(self.key)
        )
        self.provision = Provision(
            archive=cellar.archive,
            compact=CompactShelf(press=press, compromises=CompromiseFile(self.compromises)),
            issuers={issuer.name: issuer},
            gatehouse=Gatehouse(watcher, environment=Environment.PRODUCTION, buckets=buckets),
            group=self.group,
            meter=books.meter(self.group),
            key=self.key,
            clock=self.clock,
        )
        self.agree(verifiers.terms(grants=(FILE,)))

    def agree(self, *agreements: Terms) -> None:
        snapshot = Snapshot(compiled_at=self.clock.now(), agreements=agreements)
        write_snapshot(self.cellar.directory / "agreements", snapshot)
        self.clock.advance(timedelta(minutes=1))

    @property
    def given(self) -> int:
        """How many records the journal has so far."""
        return self.group.journal.sequence

    @property
    def records(self) -> list[tuple[Occasion, Delivery, bytes]]:
        self.group.end()
        found = list(self.books.read())
        assert {(each.context.method, each.context.verifier) for each in found} <= {
            ("file", "V-000001")
        }
        return [(each.occasion, each.delivery, each.pseudonym) for each in found]


@contextmanager
def open_counter(directory: Path) -> Iterator[Counter]:
    """Open one in a directory that is empty."""
    cellar = Cellar(directory)
    with (
        IndexWriter.open(directory / "index", 1 << 22) as writer,
        closing(Buckets(directory / "limits", workers=1, monotonic=time.monotonic)) as buckets,
        open_books(directory, *cellar.config.issuers) as books,
    ):
        yield Counter(cellar, books, buckets, writer)
