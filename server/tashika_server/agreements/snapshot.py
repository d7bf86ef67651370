"""Agreements on their way from the book to the workers: one file, replaced whole.

    tashika-agreements 1 SHA-256 of the next line
    {"compiled_at": "2026-04-01T00:00:00+00:00", "agreements": "SHA-256 of all that follows"}
    {"agreement": "A-000001", ...}        one line for each version of an agreement

Whoever reads it keeps the last good one in mind: an unreadable file, or one that has lost every
agreement, is reported and changes nothing (T24, T40). A file that is not renewed in time is not
believed for ever either (T4). A file that was only renewed costs two lines of reading, and a
suspension among 10,000 agreements costs one line of parsing.

The digest finds accidents; against malice the permissions of the run directory help.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tashika.pki.errors import TashikaError
from tashika_server.agreements.codec import read_moment, read_terms, write_terms
from tashika_server.agreements.refusals import AgreementsMissing, AgreementsTooOld
from tashika_server.agreements.terms import Terms
from tashika_server.durable import write_atomically
from tashika_server.log import get_log

__all__ = [
    "SNAPSHOT_FILE",
    "Snapshot",
    "SnapshotRefused",
    "SnapshotUnread",
    "SnapshotWatcher",
    "write_lines",
    "write_snapshot",
]

SNAPSHOT_FILE = "agreements"
"""In the run directory."""

LOOK_EVERY = timedelta(milliseconds=250)
"""A suspension bites within two seconds; the office may take most of them to compile it."""

MAX_LINE_BYTES = 4096
"""The first two lines have under 300 bytes."""

_MAGIC = b"tashika-agreements 1 "

log = get_log()


class SnapshotRefused(TashikaError):
    """The file of agreements cannot be believed; says why, and names the file."""


class SnapshotUnread(SnapshotRefused):
    """The file could not be opened or read: it may be as good as ever, and is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All agreements as they were compiled at one moment."""

    compiled_at: datetime
    agreements: tuple[Terms, ...]


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Replace the file at `path`; the same agreements give the same lines. Raises OSError."""
    write_lines(path, map(write_terms, snapshot.agreements), compiled_at=snapshot.compiled_at)


def write_lines(path: Path, lines: Iterable[bytes], *, compiled_at: datetime) -> None:
    """Replace the file at `path` by lines of `write_terms`. Raises OSError."""
    body = b"".join(lines)
    fields = {"compiled_at": compiled_at.astimezone(UTC).isoformat(), "agreements": _digest(body)}
    head = json.dumps(fields).encode() + b"\n"
    first = _MAGIC + _digest(head).encode() + b"\n"
    write_atomically(path, first + head + body, mode=0o640)


class SnapshotWatcher:
    """The newest good snapshot of one file, for one process. Not for several threads."""

    def __init__(self, path: Path, *, max_age: timedelta) -> None:
        self._path = path
        self._max_age = max_age
        self._snapshot: Snapshot | None = None
        self._digest = ""
        self._known: dict[bytes, Terms] = {}
        self._agreements: tuple[Terms, ...] = ()
        self._seen: tuple[int, ...] | None = None
        self._complained_of: tuple[int, ...] | None = ()
        self._too_old_at = self._looked_at = self._look_at = datetime.min.replace(tzinfo=UTC)

    def current(self, at: datetime) -> Snapshot:
        """Return the newest good snapshot, looking for a new file every LOOK_EVERY.

        Raises AgreementsMissing while there has never been one, AgreementsTooOld when the
        newest was compiled too long ago.
        """
        if not self._looked_at <= at < self._look_at:  # also when the clock was put back
            self.look(at)
        if self._snapshot is None:
            raise AgreementsMissing
        if at >= self._too_old_at:
            raise AgreementsTooOld
        return self._snapshot

    def look(self, at: datetime) -> None:
        """Look now, as on a signal; what is wrong with a new file is logged once."""
        self._looked_at, self._look_at = at, at + LOOK_EVERY
        if (found := self._stat()) == self._seen:
            return
        self._seen = found
        try:
            self.load(at)
        except SnapshotRefused as refused:
            if found != self._complained_of:
                log.error("agreements_refused", reason=str(refused))  # noqa: TRY400 - no traceback
            self._complained_of = found
            if isinstance(refused, SnapshotUnread):  # no descriptor to be had, say
                self._seen = None

    def load(self, at: datetime) -> Snapshot:
        """Read the file whatever was seen before; raises SnapshotRefused and changes nothing."""
        try:
            with self._path.open("rb") as file:
                head = _read_head(file)
                if self._snapshot is None or head.agreements != self._digest:
                    self._replace(file.read(), head.agreements)
        except OSError as wrong:
            raise SnapshotUnread(f"{self._path}: {wrong}") from wrong
        except (ValueError, LookupError, TypeError) as wrong:
            raise SnapshotRefused(f"{self._path}: {wrong}") from wrong
        # A compiler whose clock runs ahead does not lengthen what a snapshot is good for.
        self._too_old_at = min(head.compiled_at, at) + self._max_age
        self._snapshot = Snapshot(compiled_at=head.compiled_at, agreements=self._agreements)
        return self._snapshot

    def _replace(self, body: bytes, digest: str) -> None:
        if _digest(body) != digest:
            raise ValueError("cut off or altered")
        lines = body.splitlines()
        if self._known and not lines:
            raise ValueError("all agreements are gone, which is not believed")
        self._known = {line: self._known.get(line) or read_terms(line) for line in lines}
        self._agreements = tuple(self._known.values())
        self._digest = digest

    def _stat(self) -> tuple[int, ...] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


class _Head(NamedTuple):
    compiled_at: datetime
    agreements: str


def _read_head(file: BinaryIO) -> _Head:
    first, head = file.readline(MAX_LINE_BYTES), file.readline(MAX_LINE_BYTES)
    if first != _MAGIC + _digest(head).encode() + b"\n":
        raise ValueError("not a file of agreements of this version, or cut off or altered")
    fields = json.loads(head)
    return _Head(read_moment(fields["compiled_at"]), fields["agreements"])


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
