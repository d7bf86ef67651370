"""Compact revocation sets among the files that are kept: made from the index, given out as any.

| killed                    | kept                | the next time                      |
|---------------------------|---------------------|------------------------------------|
| before the set is kept    | the sets before     | makes it anew, of the same number  |
| before its delta is kept  | the set             | goes on from it; verifiers take    |
|                           |                     | this one set whole                 |

A set is kept before the delta that leads there: of a number nobody can have two. Not for the
format (`compact`), nor for who may have one (`serving`).
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tashika.pki.compact.head import Head
from tashika.pki.compact.head_codec import read_head
from tashika_server.agreements.compromise_file import Compromised, CompromiseFile
from tashika_server.compact import CONDEMNED_HOLDS, Maker, SetSigner
from tashika_server.files.archive import Archive
from tashika_server.files.facts import COMPACT, Facts, Kept, Kind
from tashika_server.index import IndexReader
from tashika_server.issuer import Issuer

__all__ = ["CompactPress", "CompactShelf"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactPress:
    """Makes compact sets and keeps them. For any process; one at a time makes one, others wait."""

    archive: Archive
    index: IndexReader
    signer: SetSigner

    def publish(self, issuer: Issuer, compromised: Compromised | None, *, at: datetime) -> Head:
        """Make the newest set of an issuer and, where there was one before, the delta to it.

        On return both are kept. Raises NotMade, ArchiveFailed, FileDamaged, IndexMissing, OSError.
        """
        with self.archive.making() as desk, TemporaryDirectory(dir=desk) as scrap:
            made, delta = Path(scrap, "set"), Path(scrap, "delta")
            old = self.archive.catalog.newest_set(issuer.identity.fingerprint)
            if old:
                with made.open("wb") as target:
                    target.writelines(self.archive.content(old))
            maker = Maker(issuer=issuer, signer=self.signer, path=made)
            with self.index.snapshot() as view:
                head = maker.make(
                    view, delta=delta if old else None, compromised=compromised, at=at
                )
            self.archive.keep(_facts(head, made, Kind.COMPACT_SET), made, at=at)
            if old:
                self.archive.keep(_facts(head, delta, Kind.COMPACT_DELTA, old), delta, at=at)
        return head

    def agrees(self, kept: Kept, compromised: Compromised | None, *, at: datetime) -> bool:
        """Tell whether a set holds, and says of its issuer's key what is declared of it.

        One that says it is compromised is renewed in half of its time: it is not made by a timer.
        """
        if kept.next_update <= at:
            return False
        head = read_head(next(self.archive.content(kept), b"")).head
        if compromised is None:
            return head.since is None
        return head.since == compromised.since and kept.next_update - at > CONDEMNED_HOLDS / 2


@dataclass(slots=True, kw_only=True)
class CompactShelf:
    """From where sets are given out: only such as hold, and heed the switch for compromised keys.

    For one event loop.
    """

    press: CompactPress
    compromises: CompromiseFile | None
    """None where nobody can declare a compromise."""
    making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def newest(self, issuer: Issuer, *, at: datetime) -> Kept | None:
        """Return the newest set, made now if it does not hold or heed the switch (art. 14, 33).

        None where none was ever made and none has to be. Raises as CompactPress.publish and
        CompromiseFile.current.
        """
        known = self.compromises.current() if self.compromises else {}
        compromised = known.get(issuer.identity.fingerprint)
        found = await asyncio.to_thread(self._look, issuer, compromised, at)
        if not found.agrees:
            async with self.making:
                found = await asyncio.to_thread(self._look, issuer, compromised, at)
                if not found.agrees:  # nobody who waited here before has made it
                    await asyncio.to_thread(self.press.publish, issuer, compromised, at=at)
                    found = await asyncio.to_thread(self._look, issuer, compromised, at)
        return found.kept

    def _look(self, issuer: Issuer, compromised: Compromised | None, at: datetime) -> "_Found":
        kept = self.press.archive.catalog.newest_set(issuer.identity.fingerprint)
        if kept is None:
            return _Found(None, compromised is None)
        return _Found(kept, self.press.agrees(kept, compromised, at=at))


class _Found(NamedTuple):
    """The newest set, and whether it may be given out."""

    kept: Kept | None
    agrees: bool


def _facts(head: Head, file: Path, kind: Kind, base: Kept | None = None) -> Facts:
    with file.open("rb") as opened:
        digest = file_digest(opened, "sha256").digest()
    return Facts(
        kind=kind,
        issuer=head.issuer,
        partition=COMPACT,
        number=head.number,
        base=base.number if base else None,
        this_update=head.this_update,
        next_update=head.next_update,
        sha256=digest,
    )
