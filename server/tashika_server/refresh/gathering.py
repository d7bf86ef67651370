"""The first CRLs of an issuer wait for each other, and go into the index together.

The serials of its partitions are mixed. Loaded a few partitions at a time, they would share pages
that fill little by little and stay half empty; together they go in by one commit, in the order of
their serials. Not for whose turn it is (`first_load`).
"""

from dataclasses import dataclass, field, replace
from typing import BinaryIO

from tashika_server.index import Changes, IndexWriter, Publication, SerialTaken
from tashika_server.log import get_log
from tashika_server.refresh.records import Records

__all__ = ["Gathering"]

log = get_log()

MOST_GATHERED = 9_000_000
"""Entries that go in by one commit, whose pages LMDB holds in 300 MB until then; of a nation's 50
million, each of six issuers has fewer."""


@dataclass(slots=True)
class Gathering:
    """What has come of one issuer; on the bench only."""

    writer: IndexWriter
    file: BinaryIO
    """Empty at first; the entries are in it, for the rooms that they came from do not last."""
    published: dict[str, tuple[Publication, int]] = field(default_factory=dict)
    """What went in, with its generation, by partition."""
    _waiting: list[Publication] = field(default_factory=list)
    _entries: int = 0

    def add(self, publication: Publication) -> None:
        """Let the first CRL of a partition wait; raises OSError."""
        added = publication.changes.added
        if isinstance(added, Records):
            added = added.copied(self.file)
        self._waiting.append(replace(publication, changes=Changes(added=added)))
        self._entries += len(added)
        if self._entries >= MOST_GATHERED:
            self.publish()

    def publish(self) -> None:
        """Publish all; where one of them cannot be, all but that one. Raises IndexWriteFailed."""
        left, self._waiting, self._entries = [self._waiting], [], 0
        while left:
            some = left.pop()
            try:
                last = self.writer.publish_all(some) if some else 0
            except (SerialTaken, OSError) as wrong:
                log.warning("first_load_divided", partitions=len(some), reason=str(wrong))
                half = len(some) // 2
                if half:
                    left += [some[half:], some[:half]]
                continue
            for generation, each in enumerate(some, last - len(some) + 1):
                self.published[each.partition] = each, generation
