"""Writing the index: one process, one transaction at a time; a generation is one partition's.

Entries, marks, coverage and the list of changes move together or not at all. The commit is
the only durable step there is, so a writer killed anywhere has either published or not, and
recovering is opening the index again.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import lmdb

from tashika_server.durable import sync_directory
from tashika_server.index.edit import Edit
from tashika_server.index.errors import IndexBusy, IndexForeign, IndexWriteFailed
from tashika_server.index.historian import Historian
from tashika_server.index.reader import IndexReader
from tashika_server.index.store import Store, create_store
from tashika_server.index.values import (
    Changes,
    Entry,
    FeedMark,
    Mark,
    Publication,
    Pushed,
    Quarantined,
    RegisterMark,
)

__all__ = ["IndexWriter", "lock"]

MOST_LISTED = 250_000
"""Changes of one commit whose serials are listed: more than a nation has in a day. The lists of a
first load would take the place of all others, and leave as many pages free."""


class IndexWriter:
    """The one writer of an index; not for two threads at once.

    What a method did is durable when it returns. Each raises IndexWriteFailed when the disk
    or the map is full or fails; the last generation then stays as it was, this writer is dead
    and every further call fails too: its process must end.
    """

    historian: Historian | None = None
    """Told of each generation before it is committed."""

    def __init__(self, path: Path, store: Store, held: int) -> None:
        self.reader = IndexReader(path, store=store)
        """For reading in the writer's own process, where there may be no other."""
        self._path = path
        self._store = store
        self._lock = held
        self._dead: str | None = None

    @classmethod
    def open(cls, path: Path, size: int) -> Self:
        """Open the index in the directory `path`, made if need be, with room for `size` bytes.

        The room takes no disk before it is used and may differ from one start to the next.
        Raises IndexBusy, IndexForeign and IndexWriteFailed.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            held = lock(path)
        except OSError as failure:
            raise IndexWriteFailed(_explain(path, failure)) from failure
        try:
            store = create_store(path, size)
            sync_directory(path)
        except BaseException as failure:
            os.close(held)
            if isinstance(failure, lmdb.InvalidError | lmdb.VersionMismatchError):
                raise IndexForeign(f"{path} holds something else: {failure}; move it") from failure
            if isinstance(failure, lmdb.Error | OSError):
                raise IndexWriteFailed(_explain(path, failure)) from failure
            raise
        return cls(path, store, held)

    def close(self) -> None:
        """Close the index and let another writer in."""
        self._store.environment.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def expect(self, fingerprint: bytes, partitions: Iterable[str]) -> None:
        """Make exactly these the partitions of an issuer; others go with their entries."""
        wanted = set(partitions)
        leaving = self._leaving(fingerprint, wanted) if self.historian else {}
        with self._edit() as edit:
            if edit.expect(fingerprint, wanted):
                generation = edit.record(fingerprint, None, None)
                if self.historian:
                    self.historian.expect(generation, fingerprint, wanted, leaving)

    def publish(self, fingerprint: bytes, partition: str, changes: Changes, mark: Mark) -> int:
        """Take one CRL in and return its generation; raises SerialTaken, changing nothing."""
        publication = Publication(
            fingerprint=fingerprint, partition=partition, changes=changes, mark=mark
        )
        return self.publish_all([publication])

    def publish_all(self, publications: Sequence[Publication]) -> int:
        """Take CRLs of different partitions in by one commit; return the last generation.

        There is at least one. Each is a generation of its own, in this order. What a push feed
        has said since a CRL was made stays said. Raises SerialTaken, changing nothing.
        """
        with self._edit() as edit:
            told = [edit.unsaid(each) for each in publications]
            edit.apply(told)
            for each in told:
                edit.mark(each.fingerprint, each.partition, each.mark)
            return self._conclude(edit, told)

    def push(self, fingerprint: bytes, pushed: Sequence[Pushed], mark: FeedMark) -> int | None:
        """Take a message of a push feed in by one commit; None where it changes nothing.

        Each partition is a generation of its own. Raises SerialTaken, changing nothing.
        """
        with self._edit() as edit:
            told = [
                Publication(
                    fingerprint=fingerprint,
                    partition=each.partition,
                    changes=each.changes,
                    mark=edit.known(fingerprint, each.partition),
                    pushed_at=mark.this_update,
                )
                for each in pushed
            ]
            edit.apply(told)
            for each in pushed:
                edit.hear(fingerprint, each.partition, each.number, each.changes)
                edit.freshen(fingerprint, each.partition, each.this_update)
            edit.feed(fingerprint, mark)
            return self._conclude(edit, told) if told else None

    def quarantine_feed(self, fingerprint: bytes, quarantined: Quarantined) -> None:
        """Note why a push feed is not followed, until its next message is."""
        with self._edit() as edit:
            edit.quarantine_feed(fingerprint, quarantined)

    def load_register(
        self, fingerprint: bytes, ranges: Iterable[tuple[int, int]], mark: RegisterMark
    ) -> int:
        """Replace the issued register of an issuer; ranges, first to last serial, ascend."""
        with self._edit() as edit:
            edit.register(fingerprint, ranges, mark)
            return self._conclude_register(edit, fingerprint)

    def extend_register(
        self, fingerprint: bytes, ranges: Iterable[tuple[int, int]], mark: RegisterMark
    ) -> int:
        """Add ranges behind those of the issued register; costs what is added."""
        with self._edit() as edit:
            edit.extend_register(fingerprint, ranges, mark)
            return self._conclude_register(edit, fingerprint)

    def drop_register(self, fingerprint: bytes) -> None:
        """Let an issuer have no issued register, if it has one."""
        with self.reader.snapshot() as snapshot:
            if snapshot.register(fingerprint) is None:
                return
        with self._edit() as edit:
            edit.drop_register(fingerprint)
            self._conclude_register(edit, fingerprint)

    def quarantine(self, fingerprint: bytes, quarantined: Quarantined) -> None:
        """Note why the newest file of a partition is not taken in; no generation of its own."""
        with self._edit() as edit:
            edit.quarantine(fingerprint, quarantined)

    def release(self, fingerprint: bytes, partition: str) -> None:
        """End the quarantine of a partition whose newest file is the accepted one again."""
        with self._edit() as edit:
            edit.release(fingerprint, partition)

    def _conclude(self, edit: Edit, told: Sequence[Publication]) -> int:
        """Say what partitions say together, record each change, and tell all to the historian."""
        for fingerprint in {each.fingerprint for each in told}:
            edit.cover(fingerprint)
        is_listed = sum(each.changes.count for each in told) <= MOST_LISTED
        generations = [
            edit.record(each.fingerprint, each.partition, each.changes if is_listed else None)
            for each in told
        ]
        if self.historian:
            self.historian.keep(generations[-1], told)
        return generations[-1]

    def _conclude_register(self, edit: Edit, fingerprint: bytes) -> int:
        generation = edit.record(fingerprint, None, None)
        if self.historian:
            self.historian.keep(generation, [])
        return generation

    def _leaving(self, fingerprint: bytes, wanted: set[str]) -> dict[str, list[Entry]]:
        with self.reader.snapshot() as snapshot:
            return {
                name: list(snapshot.entries(fingerprint, name))
                for name in snapshot.marks(fingerprint)
                if name not in wanted
            }

    @contextmanager
    def _edit(self) -> Iterator[Edit]:
        if self._dead:
            raise IndexWriteFailed(self._dead)
        try:
            # Slots of readers that were killed keep old pages from being used again.
            self._store.environment.reader_check()
            with self._store.environment.begin(write=True) as transaction:
                yield Edit(self._store, transaction, spare=self._path)
        except lmdb.Error as failure:
            self._dead = _explain(self._path, failure)
            raise IndexWriteFailed(self._dead) from failure


def lock(path: Path) -> int:
    """Keep every other writer out until the descriptor is closed; raises IndexBusy, OSError."""
    descriptor = os.open(path / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise IndexBusy(f"another process writes the index in {path}; stop it first") from None
    return descriptor


def _explain(path: Path, failure: Exception) -> str:
    if isinstance(failure, lmdb.MapFullError):
        return f"the index in {path} is full; give [index] a larger size"
    return f"the index in {path} cannot be written ({failure}); look at the space on its disk"
