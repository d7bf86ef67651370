"""A directory with the files of a moment and their signed manifest, for whoever takes it along."""

from pathlib import Path

from tashika.pki.algorithms import PrivateKey
from tashika.pki.errors import TashikaError
from tashika_server.durable import write_atomically
from tashika_server.files.archive import Archive
from tashika_server.files.manifest import Manifest, sign_text

__all__ = ["write_bundle"]


def write_bundle(archive: Archive, manifest: Manifest, key: PrivateKey, directory: Path) -> int:
    """Write a new directory and return how many files it has; the manifest comes last.

    Raises TashikaError where it cannot be written, FileDamaged where a content is not right.
    """
    kept = {each.sha256: each for each in manifest.files if each.kept}
    try:
        directory.mkdir()
        for digest, each in kept.items():
            with (directory / f"{digest.hex()}.crl").open("wb") as target:
                target.writelines(archive.content(each))
        write_atomically(directory / "manifest.sig", sign_text(manifest.text, key))
        write_atomically(directory / "manifest.json", manifest.text)
    except OSError as wrong:
        raise TashikaError(f"{directory} cannot be written: {wrong}; name a new one") from wrong
    return len(kept)
