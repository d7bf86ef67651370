"""The index as it is to be read while an issuer's key is compromised (art. 14, 33; RFC 6960 2.7).

Everything under such a key is revoked, what no CRL lists and what was never issued alike: a
forged certificate is just that. CRLs that the same key has signed prove nothing any more, so
neither their absence nor their age keeps the answer back.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tashika_server.agreements.compromise_file import (
    Compromised,
    CompromiseFile,
    CompromisesUnreadable,
)
from tashika_server.clock import Clock
from tashika_server.index import Change, Coverage, Finding, IndexMissing
from tashika_server.responder.sight import Index, View

__all__ = ["CompromiseView", "HeedingIndex", "condemned"]

HOLDS = timedelta(minutes=5)
"""How long such an answer holds: a withdrawal is to be heard soon."""
RENEWED = timedelta(minutes=1)
"""How often whoever keeps findings has to look again, so that none they keep has run out."""


def condemned(finding: Finding, serial: int, compromised: Compromised, *, at: datetime) -> Finding:
    """Say of any certificate under a compromised key that it is revoked."""
    entry = compromised.condemn(serial, finding.entry)
    coverage = Coverage(number=None, this_update=at, next_update=at + HOLDS)
    return Finding(entry, coverage, finding.issued)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompromiseView:
    """One generation of the index, with compromised keys heeded."""

    view: View
    known: Mapping[bytes, Compromised]
    lineage: object
    at: datetime

    @property
    def generation(self) -> int:
        """Return the number of the last change of the index."""
        return self.view.generation

    def find(self, fingerprint: bytes, serial: int) -> Finding:
        """Look one certificate up; under a compromised key it is revoked."""
        finding = self.view.find(fingerprint, serial)
        compromised = self.known.get(fingerprint)
        return condemned(finding, serial, compromised, at=self.at) if compromised else finding

    def changes(self, *, after: int) -> Sequence[Change] | None:
        """Return what changed in the index; a change of the compromises is another lineage."""
        return self.view.changes(after=after)


@dataclass(slots=True, kw_only=True)
class HeedingIndex:
    """An index that heeds the file of compromises at each snapshot. For one thread.

    While no key is compromised, snapshots are the index's own.
    """

    index: Index
    file: CompromiseFile
    clock: Clock
    _lineage: object = None
    _of: tuple[object, object] = (None, None)
    """The lineage of the index, and the compromises, that `_lineage` stands for."""
    _renew_at: datetime | None = field(default=None)

    def snapshot(self) -> AbstractContextManager[View]:
        """Open the newest generation; raises IndexMissing while the file cannot be believed."""
        try:
            known = self.file.current()
        except CompromisesUnreadable as unreadable:
            raise IndexMissing(str(unreadable)) from unreadable
        return self._open(known) if known else self.index.snapshot()

    @contextmanager
    def _open(self, known: Mapping[bytes, Compromised]) -> Iterator[View]:
        with self.index.snapshot() as view:
            yield self._heeding(view, known)

    def _heeding(self, view: View, known: Mapping[bytes, Compromised]) -> View:
        at, of = self.clock.now(), (view.lineage, known)
        same = self._of[0] is of[0] and self._of[1] is of[1]
        if not same or self._renew_at is None or not at < self._renew_at <= at + RENEWED:
            self._lineage, self._of, self._renew_at = object(), of, at + RENEWED
        return CompromiseView(view=view, known=known, lineage=self._lineage, at=at)
