"""The archive: every CRL that was taken in, as it came, to the last byte, and our compact sets.

    archive/
      making/                          compact sets before they are kept
      catalogue.sqlite                 what is kept, see `catalog`
      incoming/                        being written; what is left there goes at a start
      content/ab/cdef...               by SHA-256 of the content, Zstandard (RFC 8878)

**A file is kept once its row is committed.** Its content is durable before that, so a process
killed anywhere has kept the file, or not; a content without a row is overwritten by the same
bytes when the file comes again. Not for what else is done to a CRL (`refresh`).
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Self

from tashika_server.durable import sync_directory
from tashika_server.files.catalog import Catalog
from tashika_server.files.errors import ArchiveFailed, FileDamaged, FileUnknown
from tashika_server.files.facts import Content, Facts, Kept
from tashika_server.files.packing import pack, unpack

__all__ = ["Archive"]


class Archive:
    """A directory of kept files, for any number of processes; see `retention` for the end.

    From any thread. What the disk refuses is ArchiveFailed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.catalog = Catalog(directory / "catalogue.sqlite")

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open the archive in a directory, made if need be."""
        try:
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)
            for name in ("incoming", "content"):
                (directory / name).mkdir(exist_ok=True)
            sync_directory(directory)
        except OSError as wrong:
            raise _failed(directory, wrong) from wrong
        return cls(directory)

    def sweep(self) -> None:
        """Remove what killed processes left half written; others that live go on with theirs."""
        with suppress(OSError):
            for left in (self._directory / "incoming").iterdir():
                if not _is_anothers(left.name):
                    left.unlink()

    @contextmanager
    def making(self) -> Iterator[Path]:
        """Give a place on the same disk to whoever makes files to be kept, one at a time.

        What a killed process has left there goes. Raises ArchiveFailed.
        """
        desk = self._directory / "making"
        try:
            desk.mkdir(exist_ok=True)
            held = os.open(desk, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as wrong:
            raise _failed(self._directory, wrong) from wrong
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            for left in desk.iterdir():
                shutil.rmtree(left)
            yield desk
        finally:
            os.close(held)

    def keep(self, facts: Facts, file: Path, *, at: datetime) -> None:
        """Keep a file that was accepted; on return it survives a power cut.

        Of what is kept already nothing is written. Raises ArchiveFailed, also where the file
        is not the one whose digest the facts have.
        """
        if self.catalog.has(facts):
            return
        try:
            size = self._store(facts.sha256, file)
        except OSError as wrong:
            raise _failed(self._directory, wrong) from wrong
        self.catalog.add(facts, size=size, at=at)

    def adopt(self, file: Kept, packed: Path | None) -> None:
        """Keep a file of another operator's archive as it was kept there; durable on return.

        `packed` is its content as it lay there, whose digest the caller has seen; None for one
        that went. What is kept already is the same file, known since the earlier of both times.
        Raises ArchiveFailed.
        """
        if packed is not None:
            fresh = self._fresh()
            try:
                shutil.copyfile(packed, fresh)
                with fresh.open("rb") as copied:
                    os.fsync(copied.fileno())
                _put(fresh, self._place(file.sha256))
            except OSError as wrong:
                raise _failed(self._directory, wrong) from wrong
        self.catalog.adopt(file)

    def find(self, digest: bytes) -> Kept:
        """Return the file with this SHA-256; raises FileUnknown."""
        rows = self.catalog.by_content(digest)
        kept = next((row for row in rows if row.leaving is None), None)
        if kept:
            return kept
        why = "was kept until its time was over" if rows else "was never kept"
        raise FileUnknown(f"the file {digest.hex()} {why}; `files list` says what there is")

    def packed(self, file: Content) -> Path:
        """Return where the compressed content of a file lies."""
        return self._place(file.sha256)

    def content(self, file: Content) -> Iterator[bytes]:
        """Yield a file as it came, in pieces; raises FileDamaged, at the latest at the end."""
        digest, size = sha256(), 0
        try:
            for piece in unpack(self.packed(file)):
                digest.update(piece)
                size += len(piece)
                if size > file.size:
                    break
                yield piece
        except FileNotFoundError:
            raise FileDamaged(f"the content of {file.sha256.hex()} is missing") from None
        except OSError as wrong:
            raise _failed(self._directory, wrong) from wrong
        if (digest.digest(), size) != (file.sha256, file.size):
            raise FileDamaged(f"the content of {file.sha256.hex()} is another one")

    def remove(self, files: Sequence[Kept]) -> None:
        """Remove the contents of files that are leaving, but for what another row still keeps."""
        for file in files:
            rows = self.catalog.by_content(file.sha256)
            if all(row.leaving for row in rows):
                self.packed(file).unlink(missing_ok=True)
        self.catalog.gone(files)

    def _fresh(self) -> Path:
        """Name a file that is to be written; by its name it is known whose it is."""
        return self._directory / "incoming" / f"{os.getpid()}-{token_hex(8)}"

    def _place(self, digest: bytes) -> Path:
        name = digest.hex()
        return self._directory / "content" / name[:2] / name[2:]

    def _store(self, digest: bytes, file: Path) -> int:
        """Put a content where it belongs and return its size."""
        fresh = self._fresh()
        try:
            with file.open("rb") as source, fresh.open("xb") as packed:
                measured = pack(source, packed)
                packed.flush()
                os.fsync(packed.fileno())
            if measured.sha256 != digest:
                raise ArchiveFailed(f"{file.name} has changed since it was accepted")
            _put(fresh, self._place(digest))
        finally:
            fresh.unlink(missing_ok=True)
        return measured.size


def _is_anothers(name: str) -> bool:
    """Tell whether another process that lives is writing the file of this name."""
    try:
        writer = int(name.partition("-")[0])
        os.kill(writer, 0)
    except PermissionError:
        return True
    except (ValueError, ProcessLookupError):
        return False
    return writer != os.getpid()


def _put(fresh: Path, target: Path) -> None:
    """Give a durable file its name, durably."""
    try:
        target.parent.mkdir()
        sync_directory(target.parent.parent)
    except FileExistsError:
        pass
    fresh.replace(target)
    sync_directory(target.parent)


def _failed(directory: Path, wrong: OSError) -> ArchiveFailed:
    if isinstance(wrong, ArchiveFailed):
        return wrong
    return ArchiveFailed(f"the archive in {directory} cannot be used ({wrong}); look at its disk")
