"""Whether the index says of each certificate what the CRLs said that it was made of (T7).

Counts can be right while entries are wrong. So every file that speaks is read again from the
archive, by the checks of intake, and compared entry by entry. Changes nothing.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from tashika_server.files.archive import Archive
from tashika_server.files.errors import FileDamaged
from tashika_server.files.facts import Kept, Kind
from tashika_server.index import Changes, Entry, Mark, Snapshot
from tashika_server.refresh import source as refreshed
from tashika_server.refresh.accept import AcceptedCrl, Reading, ReadingLimits, accept
from tashika_server.refresh.cell import Cell
from tashika_server.refresh.diff import diff, follow
from tashika_server.refresh.fetch import Fetched, Validators
from tashika_server.refresh.heads import NotNews
from tashika_server.refresh.marks import mark_of_complete
from tashika_server.refresh.room import Room
from tashika_server.refresh.source import NotTaken, Source

__all__ = ["Audit", "Audited"]

SECOND = timedelta(seconds=1)
UNSAID = Validators(etag=None, last_modified=None)
Listing = dict[int, Entry | None]
"""What is listed of some serials; None is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """How one partition stands."""

    issuer: str
    partition: str
    entries: int
    differ: int
    """Certificates of which the index says another thing; those are left out that a push feed has
    spoken of since."""
    trouble: str | None = None
    """Why it cannot be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit is made with."""

    view: Snapshot
    archive: Archive
    cell: Cell
    spool: Path
    """For files while they are read."""

    def of(self, source: Source) -> Audited:
        """Compare one partition; what stands in the way is told. Raises OSError."""
        place = source.fingerprint, source.partition.name
        named = Audited(
            issuer=source.issuer.name,
            partition=source.partition.name,
            entries=self.view.count(*place),
            differ=0,
        )
        if (mark := self.view.mark(*place)) is None:
            return replace(named, trouble="no CRL of it was taken in")
        try:
            files = _spoken(self.archive.catalog.of(*place), mark)
            ours, theirs = self._compared(source, files)
        except (FileDamaged, LookupError, NotNews, NotTaken) as wrong:
            return replace(named, trouble=str(wrong) or "its files do not follow on each other")
        fed = self.view.fed(*place, since=mark.number)
        return replace(named, differ=sum(ours[each] != theirs[each] for each in ours.keys() - fed))

    def _compared(self, source: Source, files: list[Kept]) -> tuple[Listing, Listing]:
        """Return what the index lists, and the files, of all that may differ."""
        place = source.fingerprint, source.partition.name
        whole, *deltas = files
        with Room.within(self.spool) as room:
            crl = self._read(source, whole, None, room)
            ours, theirs = _sides(diff(self.view.packed(*place), crl, room))
            mark = mark_of_complete(crl, _fetched(whole, room), "", last=None)

        def find(serials: list[int]) -> dict[int, Entry]:
            """Return what the files so far list, which is what the index does unless known."""
            listed = self.view.entries_of(*place, serials)
            for serial in serials:
                ours[serial] = listed.get(serial)
                theirs.setdefault(serial, ours[serial])
            return {serial: entry for serial in serials if (entry := theirs[serial])}

        for each in deltas:
            with Room.within(self.spool) as room:
                delta = self._read(source, each, mark, room)
                theirs.update(_sides(follow(find, delta, room))[1])
                mark = replace(mark, number=delta.number, this_update=delta.this_update)
        return ours, theirs

    def _read(self, source: Source, file: Kept, mark: Mark | None, room: Room) -> AcceptedCrl:
        with room.file.open("wb") as target:
            target.writelines(self.archive.content(file))
        is_whole = file.kind is Kind.CRL
        return accept(
            _fetched(file, room),
            source,
            mark,
            Reading(cell=self.cell, room=room, limits=ReadingLimits()),
            kind=refreshed.Kind.COMPLETE if is_whole else refreshed.Kind.DELTA,
            at=min(file.received_at, file.next_update - SECOND),  # a clock may have been put back
        )


def _spoken(files: list[Kept], mark: Mark) -> list[Kept]:
    """Return the complete CRL that a mark is of, and the deltas since; raises LookupError."""
    digests = [each.sha256 for each in files]
    last = mark.delta.sha256 if mark.delta else mark.sha256
    if mark.sha256 not in digests or last not in digests:
        raise LookupError("the archive has not the CRL that it was made of")
    begin, end = digests.index(mark.sha256), digests.index(last)
    since = files[begin + 1 : end + 1]
    return [files[begin], *(each for each in since if each.kind is Kind.DELTA)]


def _sides(changes: Changes) -> tuple[Listing, Listing]:
    before: Listing = {each.serial: None for each in changes.added}
    after: Listing = {each.serial: each for each in changes.added}
    for old, new in changes.changed:
        before[old.serial], after[new.serial] = old, new
    for each in changes.removed:
        before[each.serial], after[each.serial] = each, None
    return before, after


def _fetched(file: Kept, room: Room) -> Fetched:
    return Fetched(path=room.file, sha256=file.sha256, validators=UNSAID)
