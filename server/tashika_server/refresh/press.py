"""What is ready is published together: one commit, however many partitions came meanwhile.

A commit costs a sync of the index and one of the history; a nation's round has 11,000 partitions.
Not for what makes a file ready (`taking`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import BinaryIO

from tashika_server.index import IndexWriter, Publication, SerialTaken
from tashika_server.refresh.gathering import Gathering
from tashika_server.refresh.source import Check, NotTaken

__all__ = ["Press"]

MOST_TOGETHER = 500_000
"""Changes after which a commit takes no further partition. Partitions share the pages of the
index, so the more go together, the less is written: each page once."""


Place = tuple[bytes, str]
"""A partition: the fingerprint of its issuer, and its name."""


@dataclass(frozen=True, slots=True)
class Press:
    """Publications that wait, each under a key of its owner's; all on the bench but `withdraw`.

    What waits was compared with the index as it is. Whoever changes entries in another way calls
    `publish_all` before it looks at them.
    """

    writer: IndexWriter
    _waiting: dict[object, Publication] = field(default_factory=dict)
    _became: dict[object, int | SerialTaken | OSError] = field(default_factory=dict)
    _gathering: dict[bytes, Gathering] = field(default_factory=dict)
    _blocked: dict[Place, set[Place]] = field(default_factory=dict)
    """What could not go in, by what is in the way."""
    _freed: set[Place] = field(default_factory=set)
    _busy: Lock = field(default_factory=Lock)

    def gather(self, fingerprint: bytes, file: BinaryIO) -> None:
        """Let all that is added of an issuer wait for `load`, its entries in this empty file."""
        self._gathering[fingerprint] = Gathering(self.writer, file)

    def gathers(self, fingerprint: bytes) -> bool:
        """Tell whether what is added of an issuer waits for `load`."""
        return fingerprint in self._gathering

    def load(self, fingerprint: bytes) -> dict[str, tuple[Publication, int]]:
        """Publish what was gathered of an issuer; return what could be, with its generation."""
        gathering = self._gathering.pop(fingerprint)
        gathering.publish()
        return gathering.published

    def gather_no_more(self) -> None:
        """Let go of what was gathered and never loaded."""
        self._gathering.clear()

    def add(self, key: object, publication: Publication) -> None:
        """Let a publication wait; unless it is gathered, its owner publishes or withdraws it."""
        if gathering := self._gathering.get(publication.fingerprint):
            gathering.add(publication)
        else:
            self._waiting[key] = publication

    def publish(self, key: object) -> int:
        """Publish what waits, this one at any rate, and return its generation.

        Raises NotTaken, and OSError where its own files fail.
        """
        with self._busy:
            while key in self._waiting:
                self._commit()
        became = self._became.pop(key)
        if isinstance(became, SerialTaken):
            raise NotTaken(Check.ENTRIES, f"{became}; ask the issuer") from became
        if isinstance(became, OSError):
            raise became
        return became

    def publish_all(self) -> None:
        """Publish all that waits."""
        with self._busy:
            while self._waiting:
                self._commit()

    def withdraw(self, key: object) -> None:
        """Let go of a publication, if it still waits; from any thread, waits for a commit."""
        if key in self._waiting:
            with self._busy:
                self._waiting.pop(key, None)
        self._became.pop(key, None)

    def free(self, places: Iterable[Place]) -> None:
        """Note that these, which were in the way, have been published."""
        for place in places:
            self._freed.update(self._blocked.pop(place, ()))

    @property
    def has_freed(self) -> bool:
        """Tell whether `freed` has something to return. From any thread."""
        return bool(self._freed)

    def freed(self) -> set[Place]:
        """Return, once, what could not go in, and what was in the way was published since.

        Its certificate has moved, and may be listed nowhere now. From any thread.
        """
        freed = set[Place]()
        while self._freed:
            freed.add(self._freed.pop())
        return freed

    def _commit(self) -> None:
        some = self._first()
        try:
            last = self.writer.publish_all(list(some.values()))
        except (SerialTaken, OSError):
            self._publish_singly(some)
        else:
            self._became.update(zip(some, range(last - len(some) + 1, last + 1), strict=True))
        for key, each in some.items():
            del self._waiting[key]
            if not isinstance(self._became[key], Exception):
                self.free([(each.fingerprint, each.partition)])

    def _first(self) -> dict[object, Publication]:
        """Return those that have waited longest, as many as go together."""
        some, changes = dict[object, Publication](), 0
        for key, publication in self._waiting.items():
            changes += publication.changes.count
            if some and changes > MOST_TOGETHER:
                break
            some[key] = publication
        return some

    def _publish_singly(self, some: dict[object, Publication]) -> None:
        """Publish several of which one cannot be: the others must not suffer for it."""
        became = {key: self._alone(each) for key, each in some.items()}
        for key, each in some.items():
            if isinstance(became[key], SerialTaken):
                # A certificate of it may have moved, out of one that went in behind it.
                became[key] = self._alone(each)
            if isinstance(taken := became[key], SerialTaken):
                holder = each.fingerprint, taken.holder
                self._blocked.setdefault(holder, set()).add((each.fingerprint, each.partition))
        self._became.update(became)

    def _alone(self, publication: Publication) -> int | SerialTaken | OSError:
        try:
            return self.writer.publish_all([publication])
        except (SerialTaken, OSError) as wrong:
            return wrong
