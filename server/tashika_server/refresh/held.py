"""Files that wait for two persons: kept as they came, and let through by their digest alone.

Not for who may release one: that is in the book, and comes here as a list in a file.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path

from tashika_server.durable import write_atomically
from tashika_server.log import get_log
from tashika_server.refresh.fetch import PIECE, Fetched
from tashika_server.refresh.source import Check, NotTaken, Source

__all__ = ["RELEASED_FILE", "Held", "HeldFiles"]

log = get_log()

RELEASED_FILE = "released-files"
"""In the folder of a running service: a digest a line, written by the office."""
KEPT = 16
"""Files that are kept at most, the newest; each may be half a gigabyte."""
MODE = 0o640


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A file that waits, and why."""

    sha256: str
    issuer: str
    partition: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFiles:
    """The files of one index that wait, as SHA-256.crl with SHA-256.json beside each."""

    directory: Path
    released: Path

    @contextmanager
    def unless_released(self, source: Source, fetched: Fetched) -> Iterator[None]:
        """Keep a file that is beyond its bounds in this block, unless it was released.

        Raises NotTaken as the block does, with the command that releases the file; OSError.
        """
        digest = fetched.sha256.hex()
        try:
            yield
        except NotTaken as wrong:
            if wrong.check is not Check.BOUNDS:
                raise
            if digest in self._released():
                log.warning("crl_released", issuer=source.issuer.name, sha256=digest)
                return
            detail = f"{wrong.detail}; or have two persons release it: index release {digest}"
            self._keep(source, fetched.path, digest, detail)
            raise NotTaken(Check.BOUNDS, detail) from wrong

    def waiting(self) -> list[Held]:
        """Return the files that wait, newest first."""
        found: list[tuple[int, Held]] = []
        for file in self.directory.glob("*.json"):
            with suppress(FileNotFoundError):  # it is taken in at this moment
                found.append((file.stat().st_mtime_ns, Held(**json.loads(file.read_bytes()))))
        return [each for _, each in sorted(found, key=itemgetter(0), reverse=True)]

    def forget(self, sha256: bytes) -> None:
        """Let go of a file that is taken in, if it has waited."""
        for file in self._files(sha256.hex()):
            file.unlink(missing_ok=True)

    def _released(self) -> frozenset[str]:
        try:
            return frozenset(self.released.read_text().split())
        except FileNotFoundError:
            return frozenset()

    def _keep(self, source: Source, file: Path, digest: str, detail: str) -> None:
        held = Held(
            sha256=digest,
            issuer=source.issuer.name,
            partition=source.partition.name,
            detail=detail,
        )
        crl, note = self._files(digest)
        if note.exists():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        # The note last: a file that is listed is there.
        with file.open("rb") as spooled:
            write_atomically(crl, iter(partial(spooled.read, PIECE), b""), mode=MODE)
        write_atomically(note, json.dumps(asdict(held)).encode(), mode=MODE)
        for each in self.waiting()[KEPT:]:
            self.forget(bytes.fromhex(each.sha256))

    def _files(self, digest: str) -> tuple[Path, Path]:
        return self.directory / f"{digest}.crl", self.directory / f"{digest}.json"
