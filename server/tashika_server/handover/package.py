"""The form of a hand-over: a directory, a manifest with the hash of every file, a signature.

    manifest.json   one line: what it is, of which issuer, by whom, and every file with its hash
    manifest.sig    the signature of these bytes, in hexadecimal
    PART/...        what each store has handed over

Reading trusts nothing: a file that was changed, is missing, is listed twice or was put in is
refused, and so is a signature by any other key than those that the reader was told of.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path, PurePosixPath
from typing import Any

from cryptography.hazmat.primitives.serialization import load_der_public_key

from tashika.pki import algorithms
from tashika.pki.algorithms import PrivateKey
from tashika.pki.errors import PkiError, TashikaError
from tashika_server.book.plain import canonical, from_plain
from tashika_server.durable import sync_directory, write_new

__all__ = ["HandoverRefused", "Listed", "Manifest", "read_package", "seal_package"]

FORMAT = "tashika-handover 1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
MAX_MANIFEST_BYTES = 1 << 26
"""A nation's archive of ten years has some 400,000 files of 150 octets each in the list."""


class HandoverRefused(TashikaError):
    """The hand-over cannot be made or taken; nothing was changed. Says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One file of a hand-over."""

    path: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is handed over."""

    format: str
    issuer: str
    """Its name in the giver's configuration."""
    fingerprint: bytes
    """Of the issuer's name and key."""
    operator: str | None
    """The operator of record that gives it away."""
    given_at: datetime
    parts: tuple[str, ...]
    files: tuple[Listed, ...]

    @property
    def digest(self) -> bytes:
        """What the ledgers of both sides call this hand-over: SHA-256 of the manifest."""
        return sha256(f"{canonical(self)}\n".encode()).digest()


def seal_package(
    folder: Path,
    key: PrivateKey,
    *,
    issuer: str,
    fingerprint: bytes,
    operator: str | None,
    parts: tuple[str, ...],
    at: datetime,
) -> Manifest:
    """List, hash and sign everything in a folder; on return all of it survives a power cut."""
    files = tuple(_listed(folder, path) for path in sorted(_files(folder)))
    manifest = Manifest(
        format=FORMAT,
        issuer=issuer,
        fingerprint=fingerprint,
        operator=operator,
        given_at=at,
        parts=parts,
        files=files,
    )
    line = f"{canonical(manifest)}\n".encode()
    signature = algorithms.sign(key, algorithms.algorithm_for(key.public_key()), line)
    write_new(folder / MANIFEST, line, mode=0o644)
    write_new(folder / SIGNATURE, f"{signature.hex()}\n".encode(), mode=0o644)
    for each in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync_directory(each)
    return manifest


def read_package(folder: Path, keys: Collection[bytes]) -> Manifest:
    """Verify a hand-over to the last byte; HandoverRefused names the first thing that is wrong.

    `keys` are the giver's public keys (SubjectPublicKeyInfo in DER), got by another way: any
    of them may have signed.
    """
    manifest = _manifest(folder, keys)
    listed = [each.path for each in manifest.files]
    if len(set(listed)) < len(listed):
        raise HandoverRefused(f"{MANIFEST} lists a file twice; have it made anew")
    found = {path.as_posix() for path in _files(folder)} - {MANIFEST, SIGNATURE}
    for path in sorted(set(listed) - found):
        raise HandoverRefused(f"{path} is missing; have it sent again")
    for path in sorted(found - set(listed)):
        raise HandoverRefused(f"{path} was put in; it is no part of what was handed over")
    for each in manifest.files:
        if _listed(folder, PurePosixPath(each.path)) != each:
            raise HandoverRefused(f"{each.path} was changed; have it sent again")
    return manifest


def _manifest(folder: Path, keys: Collection[bytes]) -> Manifest:
    try:
        with (folder / MANIFEST).open("rb") as opened:
            line = opened.read(MAX_MANIFEST_BYTES + 1)
        signature = bytes.fromhex((folder / SIGNATURE).read_text("ascii").strip())
    except (OSError, ValueError) as wrong:
        raise HandoverRefused(f"{folder} is no hand-over: {wrong}") from wrong
    if not any(_is_signed(line, signature, key) for key in keys):
        raise HandoverRefused(
            f"{MANIFEST} is not signed by that key, or was changed; ask the giver for their key"
        )
    try:
        manifest = from_plain(json.loads(line), Manifest)
    except Exception as wrong:  # whatever it is, it was signed by somebody who may
        raise HandoverRefused(f"{MANIFEST} cannot be read: it is of another version") from wrong
    if manifest.format != FORMAT or f"{canonical(manifest)}\n".encode() != line:
        raise HandoverRefused(f"{MANIFEST} is of another version than {FORMAT}")
    return manifest


def _is_signed(line: bytes, signature: bytes, key: bytes) -> bool:
    public: Any = load_der_public_key(key)
    try:
        algorithms.verify(public, algorithms.algorithm_for(public), signature, line)
    except PkiError:
        return False
    return True


def _files(folder: Path) -> Iterator[PurePosixPath]:
    """Yield every file by its path within; a link or a device is refused."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise HandoverRefused(f"{path} is no plain file; take it out")
        if path.is_file():
            yield PurePosixPath(path.relative_to(folder).as_posix())


def _listed(folder: Path, path: PurePosixPath) -> Listed:
    with (folder / path).open("rb") as opened:
        digest = file_digest(opened, "sha256").digest()
        return Listed(path=str(path), size=opened.tell(), sha256=digest)
