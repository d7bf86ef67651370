"""Archive and history as parts of a hand-over: so as-of answers are the same at the next operator.

An operator that keeps neither gives them empty; one that keeps neither cannot take them.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from tashika.pki.errors import TashikaError
from tashika_server.book.plain import canonical, from_plain
from tashika_server.files.archive import Archive
from tashika_server.files.facts import Kept
from tashika_server.files.packing import unpack
from tashika_server.handover.package import HandoverRefused
from tashika_server.history.portable import give_history
from tashika_server.history.store import connect
from tashika_server.history.taking import check_history, take_history
from tashika_server.index import IndexReader
from tashika_server.issuer import Issuer

__all__ = ["ArchivePart", "HistoryPart"]

CATALOGUE, HISTORY = "catalogue.jsonl", "history.jsonl"
NOWHERE = "add the table [files] to the configuration, to have a place for it"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePart:
    """Every file that is kept of an issuer, compressed as it lies, and the rows of all that was."""

    archive: Archive | None
    name: str = "archive"

    def give(self, issuer: Issuer, folder: Path) -> None:
        """Copy contents, by their digests, and write the rows; a content that is spoilt refuses."""
        if self.archive is None:
            return
        with (folder / CATALOGUE).open("wb") as rows:
            for file in self._rows(issuer.identity.fingerprint):
                rows.write(f"{canonical(file)}\n".encode())
                if file.leaving is None:
                    copy = _content(folder, file)
                    shutil.copyfile(self.archive.packed(file), copy)
                    _require_content(file, copy)

    def check(self, fingerprint: bytes, folder: Path) -> None:
        """Refuse another issuer's file, a content that is not its row's, and one too many."""
        found = {CATALOGUE}
        for file in _read_rows(folder):
            if self.archive is None:
                raise HandoverRefused(f"it has an archive; {NOWHERE}")
            if file.issuer != fingerprint:
                raise HandoverRefused(f"{CATALOGUE} has a file of another issuer")
            if file.leaving is None:
                found.add(_content(folder, file).name)
                _require_content(file, _content(folder, file))
        if more := {each.name for each in folder.iterdir()} - found:
            raise HandoverRefused(f"no row tells of {', '.join(sorted(more))}")

    def take_in(self, _fingerprint: bytes, folder: Path) -> None:
        """Keep every file with the time at which it once came."""
        for file in _read_rows(folder):
            if self.archive:
                packed = _content(folder, file) if file.leaving is None else None
                self.archive.adopt(file, packed)

    def _rows(self, fingerprint: bytes) -> Iterator[Kept]:
        assert self.archive is not None  # noqa: S101 - asked by `give` alone
        with self.archive.catalog.kept_open() as catalog:
            for issuer, partition in catalog.places():
                if issuer == fingerprint:
                    yield from catalog.of(issuer, partition)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPart:
    """What happened to each certificate, and what the index lists beside that."""

    file: Path | None
    index: IndexReader | None
    """The giver's."""
    at: datetime
    name: str = "history"

    def give(self, issuer: Issuer, folder: Path) -> None:
        """Write all that is remembered; raises HandoverRefused where that is not all."""
        if self.file is None or self.index is None:
            return
        try:
            with self.index.snapshot() as view, (folder / HISTORY).open("wb") as target:
                target.writelines(
                    give_history(self.file, view, issuer.identity.fingerprint, at=self.at)
                )
        except TashikaError as wrong:
            raise HandoverRefused(f"the history cannot be given: {wrong}") from wrong

    def check(self, _fingerprint: bytes, folder: Path) -> None:
        """Read all of it."""
        if not (folder / HISTORY).exists():
            return
        if self.file is None:
            raise HandoverRefused(f"it has a history; {NOWHERE}")
        try:
            with (folder / HISTORY).open("rb") as lines:
                check_history(lines)
        except TashikaError as wrong:
            raise HandoverRefused(str(wrong)) from wrong

    def take_in(self, fingerprint: bytes, folder: Path) -> None:
        """Enter it as an epoch of another operator, in one transaction."""
        if self.file is None or not (folder / HISTORY).exists():
            return
        with closing(connect(self.file)) as connection, (folder / HISTORY).open("rb") as lines:
            source = file_digest(lines, "sha256").digest()
            lines.seek(0)
            take_history(self.file, connection, fingerprint, lines, source=source)


def _read_rows(folder: Path) -> Iterator[Kept]:
    if not (folder / CATALOGUE).exists():
        return
    with (folder / CATALOGUE).open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                said: Any = json.loads(line)
                yield from_plain(said, Kept)
            except Exception as wrong:  # whatever it is, it was signed by somebody who may
                raise HandoverRefused(f"{CATALOGUE} line {number} cannot be read") from wrong


def _content(folder: Path, file: Kept) -> Path:
    return folder / f"{file.sha256.hex()}.zst"


def _require_content(file: Kept, packed: Path) -> None:
    digest, size = sha256(), 0
    try:
        for piece in unpack(packed):
            digest.update(piece)
            size += len(piece)
            if size > file.size:
                break
    except (TashikaError, OSError) as wrong:
        raise HandoverRefused(f"{packed.name} cannot be read: {wrong}") from wrong
    if (digest.digest(), size) != (file.sha256, file.size):
        raise HandoverRefused(f"{packed.name} has another content than its row says")
