"""Compromised keys on their way from the book to the workers: one small file, replaced whole.

    tashika-compromises 1 SHA-256 of the next line
    {"compromised": [{"id": "K-000001", "fingerprint": "...", "since": "...", ...}]}

A worker looks whether the file is another one before each turn, so a declaration acts on the
next answer of every worker, on living connections too. A file that cannot be read changes
nothing; where there has never been one that could, nothing is said of any certificate.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tashika.pki.crl import CrlEntry
from tashika.pki.errors import TashikaError
from tashika.pki.standing import Reason
from tashika_server.agreements.codec import read_moment
from tashika_server.durable import write_atomically
from tashika_server.log import get_log

__all__ = [
    "COMPROMISE_FILE",
    "FEED_FILE",
    "PAGE_FILE",
    "STATUS_FILE",
    "CompromiseFile",
    "Compromised",
    "CompromisesUnreadable",
    "write_compromises",
]

COMPROMISE_FILE = "compromises"
FEED_FILE, PAGE_FILE, STATUS_FILE = "notices.atom", "notices.html", "status.html"
"""In the run directory: what workers obey, and what they show to everybody."""
_MAGIC = b"tashika-compromises 1 "

log = get_log()


class CompromisesUnreadable(TashikaError):
    """Nobody can tell whether a key is compromised: the file was never there, or is spoiled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compromised:
    """What a worker has to know of one compromised key."""

    id: str
    fingerprint: bytes
    """Of the issuer's name and key."""
    since: datetime

    def condemn(self, serial: int, entry: CrlEntry | None) -> CrlEntry:
        """Say of a certificate under the key, listed as `entry` or not at all, how it is revoked.

        A revocation of an earlier date stays as it is, since a later one would make signatures
        good that were not; a hold of an earlier date keeps that date and becomes final.
        """
        if entry is None or entry.revoked_at > self.since:
            return CrlEntry(serial, self.since, Reason.CA_COMPROMISE, None)
        if entry.reason is Reason.CERTIFICATE_HOLD:
            return entry._replace(reason=Reason.CA_COMPROMISE)
        return entry


def write_compromises(path: Path, found: Iterable[Compromised]) -> None:
    """Replace the file at `path` by what stands now, durably. Raises OSError."""
    rows = [
        {
            "id": each.id,
            "fingerprint": each.fingerprint.hex(),
            "since": each.since.astimezone(UTC).isoformat(),
        }
        for each in found
    ]
    line = json.dumps({"compromised": rows}, sort_keys=True).encode() + b"\n"
    write_atomically(path, _MAGIC + _digest(line) + b"\n" + line, mode=0o640)


class CompromiseFile:
    """What the file at a path says now. For one thread; a look that finds no change is a stat."""

    def __init__(self, path: Path) -> None:
        self._path, self._name = path, str(path)
        self._seen: tuple[int, ...] | None = None
        self._complained_of: tuple[int, ...] | None = None
        self._known: Mapping[bytes, Compromised] | None = None
        self._trouble = f"{path} is not there; see that the office lives"

    def current(self) -> Mapping[bytes, Compromised]:
        """Return the compromised keys by fingerprint, the same object until they change.

        Raises CompromisesUnreadable while there has never been a good file.
        """
        try:
            found = os.stat(self._name)  # noqa: PTH116 - half the time of Path.stat, each turn
        except OSError:
            # The office renews what is gone; what was known until then still holds.
            return self._or_unreadable()
        stamp = found.st_ino, found.st_size, found.st_mtime_ns
        if stamp != self._seen:
            self._seen = stamp
            self._load(stamp)
        return self._or_unreadable()

    def _or_unreadable(self) -> Mapping[bytes, Compromised]:
        if self._known is None:
            raise CompromisesUnreadable(self._trouble)
        return self._known

    def _load(self, stamp: tuple[int, ...]) -> None:
        try:
            self._known = _read(self._path.read_bytes())
        except (OSError, ValueError, LookupError, TypeError) as wrong:
            self._trouble = f"{self._path}: {wrong}"
            if stamp != self._complained_of:
                log.error("compromises_refused", reason=self._trouble)  # noqa: TRY400 - said in full
            self._complained_of = stamp
            if isinstance(wrong, OSError):  # no descriptor to be had, say: tried again
                self._seen = None


def _read(content: bytes) -> Mapping[bytes, Compromised]:
    head, _, line = content.partition(b"\n")
    if head != _MAGIC + _digest(line):
        raise ValueError("not a file of compromises of this version, or cut off or altered")
    rows = (
        Compromised(
            id=row["id"],
            fingerprint=bytes.fromhex(row["fingerprint"]),
            since=read_moment(row["since"]),
        )
        for row in json.loads(line)["compromised"]
    )
    return {each.fingerprint: each for each in rows}


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()
