"""The revocation index: which certificates are revoked, by which CRL, as of which generation.

`reader` and `snapshot` look up, `writer` and `edit` change, `layout` and `records` say how it
lies in LMDB.
Not for deciding what may be taken in (`refresh`) or what an answer says (`responder`).
"""

from tashika_server.index.compacting import compact
from tashika_server.index.errors import (
    IndexBusy,
    IndexForeign,
    IndexMissing,
    IndexWriteFailed,
    SerialTaken,
)
from tashika_server.index.historian import Historian
from tashika_server.index.reader import IndexReader
from tashika_server.index.snapshot import Snapshot
from tashika_server.index.values import (
    Change,
    Changes,
    Coverage,
    DeltaMark,
    Entry,
    FeedMark,
    Finding,
    Mark,
    PackedEntry,
    Publication,
    Pushed,
    Quarantined,
    RegisterMark,
    Vanished,
)
from tashika_server.index.writer import IndexWriter

__all__ = [
    "Change",
    "Changes",
    "Coverage",
    "DeltaMark",
    "Entry",
    "FeedMark",
    "Finding",
    "Historian",
    "IndexBusy",
    "IndexForeign",
    "IndexMissing",
    "IndexReader",
    "IndexWriteFailed",
    "IndexWriter",
    "Mark",
    "PackedEntry",
    "Publication",
    "Pushed",
    "Quarantined",
    "RegisterMark",
    "SerialTaken",
    "Snapshot",
    "Vanished",
    "compact",
]
