"""Files that are named on the command line; what cannot be read is named with the reason."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tashika.cli.output import Phrase, misuse
from tashika.pki.limits import MAX_CERTIFICATE_BYTES

UNREADABLE = Phrase("cannot read {path}: {why}", "{path} を読み取れません: {why}")
_EMPTY = Phrase("there is no file in {path}", "{path} にファイルがありません")


def read_file(path: Path, limit: int) -> bytes:
    """Return at most ``limit`` + 1 bytes of a file; raises WrongUse."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as wrong:
        raise misuse(UNREADABLE, path=path, why=wrong.strerror) from wrong


def files_among(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield files, and those of directories by their names, hidden ones aside; raises WrongUse."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        try:
            listed = sorted(path.iterdir())
        except OSError as wrong:
            raise misuse(UNREADABLE, path=path, why=wrong.strerror) from wrong
        found = [each for each in listed if each.is_file() and not each.name.startswith(".")]
        if not found:
            raise misuse(_EMPTY, path=path)
        yield from found


def read_certificate(path: Path) -> bytes:
    """Return the bytes of what should be a certificate; raises WrongUse."""
    return read_file(path, MAX_CERTIFICATE_BYTES)
