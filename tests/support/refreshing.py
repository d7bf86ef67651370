"""A house: an issuer's files on disk, an index, and the invariants that hold whatever happens.

All of it is on disk and the keys are always the same, so a House of the same directory can be
built in another process, as `support.dying` does.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from support.clock import FakeClock
from support.crls import AT, NAKA, NISHI, Ca, listed
from support.reading import OpenCell
from tashika.pki.standing import Reason
from tashika_server.durable import write_atomically
from tashika_server.index import Entry, Finding, IndexReader, Mark, Quarantined, Snapshot
from tashika_server.issuer import Bounds, Issuer, PushFeed
from tashika_server.refresh import fetch
from tashika_server.refresh.process import Refresher, RefreshParts
from tashika_server.refresh.source import Source

MIB = 2**20


class Shelf:
    """An archive of the simplest kind: files by their digests."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def keep(self, _source: Source, file: Path, *, sha256: bytes, **_said: Any) -> None:
        self.directory.mkdir(exist_ok=True)
        write_atomically(self.path(sha256), file.read_bytes())

    def path(self, digest: bytes) -> Path:
        return self.directory / digest.hex()


class House:
    """One issuer of two partitions whose CRLs are files. Offer, refresh, look, check."""

    def __init__(
        self,
        directory: Path,
        *,
        names: tuple[str, ...] = (NAKA, NISHI),
        size: int = 64 * MIB,
        bounds: Bounds | None = None,
        feed: PushFeed | None = None,
        guarded: frozenset[int] = frozenset(),
    ) -> None:
        self.directory = directory
        self.ca = Ca.found()
        self.clock = FakeClock(AT)
        self.size = size
        self.register = directory / "register.txt"
        self.urls = {name: self._file(name).as_uri() for name in names}
        self.deltas = {
            name: self.delta_file(name).as_uri() for name in names if self.delta_file(name).exists()
        }
        self.mirrors: dict[str, tuple[str, ...]] = {}
        self.bounds = bounds
        self.feed = feed
        self.guarded = guarded
        self.keeper: Any = Shelf(directory / "archive")

    @property
    def issuer(self) -> Issuer:
        register = self.register if self.register.exists() else None
        issuer = self.ca.issuer(self.urls, register=register, bounds=self.bounds)
        partitions = (
            replace(
                each,
                delta=self.deltas.get(each.name),
                mirrors=self.mirrors.get(each.name, ()),
            )
            for each in issuer.partitions
        )
        return replace(issuer, partitions=tuple(partitions), feed=self.feed, guarded=self.guarded)

    @property
    def fingerprint(self) -> bytes:
        return self.issuer.identity.fingerprint

    @property
    def parts(self) -> RefreshParts:
        return RefreshParts(
            issuers=(self.issuer,),
            index=self.directory / "index",
            index_size=self.size,
            run=self.directory / "run",
            every=timedelta(minutes=15),
            lab_base=None,
            clock=self.clock,
            random=Random(1),
            spool=self.directory / "spool",
            keeper=self.keeper,
            confinement=OpenCell,
        )

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Read as another process would; LMDB wants it closed before the writer opens here."""
        reader = IndexReader.open(self.directory / "index")
        with closing(reader), reader.snapshot() as snapshot:
            yield snapshot

    def offer(self, name: str, body: bytes) -> None:
        """Put a file where the issuer publishes this partition, and remember it."""
        write_atomically(self.directory / f"{sha256(body).hexdigest()}.offered", body)
        write_atomically(self._file(name), body)

    def withdraw(self, name: str) -> None:
        """Take a partition's file away."""
        self._file(name).unlink()

    def offer_crl(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Offer a CRL that is in order but for what the keywords say."""
        self.offer(name, self.ca.crl(*args, scope=name, **kwargs))

    def offer_delta(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Offer a delta that is in order but for what the keywords say."""
        self.deltas.setdefault(name, self.delta_file(name).as_uri())
        body = self.ca.crl(*args, scope=name, **kwargs)
        write_atomically(self.directory / f"{sha256(body).hexdigest()}.offered", body)
        write_atomically(self.delta_file(name), body)

    def delta_file(self, name: str) -> Path:
        return self._file(name).with_suffix(".delta")

    def stall(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        """Have the first conditional requests answered with "not modified", rightly or not."""
        real, left = fetch._copy, iter(range(times))

        def stalled(path: Path, known: Any, spool: Any) -> Any:
            if known and next(left, None) is not None:
                return fetch.NotModified()
            return real(path, known, spool)

        monkeypatch.setattr(fetch, "_copy", stalled)

    async def refresh(self) -> dict[str, int]:
        """Refresh everything once, as a process that starts and ends."""
        async with Refresher.of(self.parts) as refresher:
            answer: dict[str, int] = await refresher.refresh_all()
        return answer

    def find(self, serial: int) -> Finding:
        with self.snapshot() as snapshot:
            return snapshot.find(self.fingerprint, serial)

    def listed(self) -> dict[int, Reason | None]:
        """Return everything that is revoked, and why."""
        with self.snapshot() as snapshot:
            return {
                entry.serial: entry.reason
                for name in self.urls
                for entry in snapshot.entries(self.fingerprint, name)
            }

    def marks(self) -> dict[str, Mark]:
        with self.snapshot() as snapshot:
            return snapshot.marks(self.fingerprint)

    def quarantined(self) -> dict[str, Quarantined]:
        with self.snapshot() as snapshot:
            return {each.partition: each for each in snapshot.quarantined(self.fingerprint)}

    def check(self) -> None:
        """Verify every invariant of the index as it lies on disk."""
        with self.snapshot() as snapshot:
            marks = snapshot.marks(self.fingerprint)
            for name in self.urls:
                self._check_partition(snapshot, name, marks.get(name))
            self._check_together(snapshot, marks)
            _check_changes(snapshot)

    def _check_partition(self, snapshot: Snapshot, name: str, mark: Mark | None) -> None:
        """What is published is what the last complete CRL and the deltas since say."""
        entries = list(snapshot.entries(self.fingerprint, name))
        if mark is None:
            assert entries == []
            return
        body = (self.directory / f"{mark.sha256.hex()}.offered").read_bytes()
        assert self.keeper.path(mark.sha256).read_bytes() == body  # first kept, then published
        assert {entry.serial: entry.revoked_at for entry in entries} == listed(body)
        assert len(entries) == mark.entries
        for entry in entries:
            finding = snapshot.find(self.fingerprint, entry.serial)
            assert finding.entry == entry
            assert finding.coverage is not None
            assert finding.coverage.number == mark.number
            assert finding.coverage.this_update == mark.this_update
            assert finding.coverage.next_update == mark.next_update

    def _check_together(self, snapshot: Snapshot, marks: dict[str, Mark]) -> None:
        """The entries are those of the partitions; unlisted serials have the weakest coverage."""
        assert _rows(snapshot, "entries") == sum(mark.entries for mark in marks.values())
        assert _rows(snapshot, "listed") + _rows(snapshot, "listed_long") == _rows(
            snapshot, "entries"
        )
        unlisted = snapshot.find(self.fingerprint, 2**255)
        assert unlisted.entry is None
        if marks.keys() != self.urls.keys():
            assert unlisted.coverage is None
            return
        assert unlisted.coverage is not None
        assert unlisted.coverage.this_update == min(mark.this_update for mark in marks.values())
        assert unlisted.coverage.next_update == min(mark.next_update for mark in marks.values())

    def _file(self, name: str) -> Path:
        return self.directory / f"{sha256(name.encode()).hexdigest()[:8]}.crl"


def _check_changes(snapshot: Snapshot) -> None:
    changes = snapshot.changes(after=0)
    assert changes is not None
    assert [change.generation for change in changes] == list(range(1, snapshot.generation + 1))


def _rows(snapshot: Snapshot, database: str) -> int:
    entries: int = snapshot._transaction.stat(snapshot._databases[database])["entries"]
    return entries


def serials(entries: list[Entry]) -> list[int]:
    return [entry.serial for entry in entries]
