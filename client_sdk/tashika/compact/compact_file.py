"""The compact set at a path, whichever is there: for services that run on while newer ones come."""

import logging
import os
from datetime import datetime
from pathlib import Path
from threading import Lock

from tashika.compact.compact_set import CompactSet
from tashika.compact.trust import Trust
from tashika.errors import CompactRefused
from tashika.issuance import Subject
from tashika.ocsp import CheckedAnswer
from tashika.pki.compact.faults import Fault
from tashika.policy import Policy

_log = logging.getLogger(__name__)

_Stamp = tuple[int, int, int] | None


class CompactFile:
    """A source for a client that takes up what `install` and `apply_delta` put in its place.

    Before each answer it looks whether another file is there, which is then opened and checked
    as the first one was; that answer waits for it. One that is refused, or of a lower number,
    is logged and left alone, and the old set speaks on until it is stale; one that cannot be
    read is looked at again. For any number of threads.
    """

    def __init__(self, path: str | os.PathLike[str], *, trust: Trust, at: datetime) -> None:
        """Open what is there now; raises CompactRefused."""
        self._path, self._trust = Path(path), trust
        self._opening = Lock()
        self._stamp = self._told = _stamp(self._path)
        self.current = CompactSet.open(path, trust=trust, at=at)
        """The set that speaks."""

    @property
    def source(self) -> str:
        """What reports name as the source of an answer."""
        return self.current.source

    def answer(self, subject: Subject, policy: Policy, *, at: datetime) -> CheckedAnswer:
        """Answer as the newest set does; raises AnswerRefused."""
        if _stamp(self._path) != self._stamp:
            with self._opening:
                self._look(at)
        return self.current.answer(subject, policy, at=at)

    def _look(self, at: datetime) -> None:
        # Before opening: what is put there in between is seen the next time.
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return  # another thread has seen to it
        before, self._stamp = self._stamp, stamp
        try:
            fresh = CompactSet.open(self._path, trust=self._trust, at=at)
            if fresh.head.number < self.current.head.number:
                raise CompactRefused(Fault.ROLLBACK, "an older set took the place of a newer one")
        except CompactRefused as refused:
            if stamp != self._told:
                _log.error("a compact set is not taken up: %s: %s", refused.fault, refused)
            self._told = stamp
            if stamp and refused.fault is Fault.UNREADABLE:
                self._stamp = before  # it may be readable in a moment, by its mode or for memory
            return
        # The old one is not closed: somebody may be looking something up in it.
        self.current = fresh


def _stamp(path: Path) -> _Stamp:
    """Tell one file from any other that exists at the same time."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns
