"""A bundle of files and the signed list of them: what was known of issuers at one moment.

The list, `manifest.json`, is the canonical JSON of a Manifest in one line; `manifest.sig` is the
signature over its octets and names no algorithm but the key's own. Pure; see docs/files.md.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from tashika.pki.algorithms import PrivateKey, algorithm_for, sign, verify
from tashika.pki.errors import PkiError, TashikaError
from tashika_server.book.plain import canonical
from tashika_server.files.catalog import Catalog
from tashika_server.files.facts import Kept

__all__ = [
    "BadManifest",
    "Listed",
    "Manifest",
    "compile_manifest",
    "public_der",
    "read_manifest",
    "sign_text",
]


class BadManifest(TashikaError):
    """A manifest is not what its maker signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One file of a bundle."""

    issuer: str
    """Its name in the configuration."""
    issuer_fingerprint: bytes
    partition: str
    kind: str
    number: int
    base: int | None
    this_update: datetime
    next_update: datetime
    received_at: datetime
    sha256: bytes
    """Of the content, which is the name of the file too."""
    size: int
    kept: bool
    """False where its time was over and the content is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What was known at a moment."""

    kind: str = "files"
    """What this key signs; it signs the days of the ledger too."""
    version: int = 1
    as_of: datetime
    made_at: datetime
    files: tuple[Listed, ...]
    missing: tuple[tuple[str, str], ...]
    """Issuers and partitions of which nothing had come by then; missing is not empty (T15)."""
    key: bytes
    """SubjectPublicKeyInfo of the signer, DER."""

    @property
    def text(self) -> bytes:
        """The octets that are signed."""
        return canonical(self).encode()


def compile_manifest(
    catalog: Catalog,
    issuers: Mapping[bytes, str],
    places: Collection[tuple[bytes, str]],
    *,
    as_of: datetime | None,
    at: datetime,
    key: bytes,
) -> Manifest:
    """List what spoke for each of these partitions at a moment, or now, or that nothing did."""
    files: list[Listed] = []
    missing: list[tuple[str, str]] = []
    for fingerprint, partition in places:
        known = catalog.known(fingerprint, partition, as_of)
        files += (_listed(each, issuers[fingerprint]) for each in known)
        if not known:
            missing.append((issuers[fingerprint], partition))
    return Manifest(
        as_of=as_of or at, made_at=at, files=tuple(files), missing=tuple(missing), key=key
    )


def sign_text(text: bytes, key: PrivateKey) -> bytes:
    """Sign the octets of a manifest."""
    return sign(key, algorithm_for(key.public_key()), text)


def read_manifest(text: bytes, signature: bytes, *, trusted: bytes) -> dict[str, Any]:
    """Read a manifest that the trusted key (DER) has signed; raises BadManifest."""
    try:
        key = load_der_public_key(trusted)
        verify(key, algorithm_for(key), signature, text)
        said: dict[str, Any] = json.loads(text)
    except (PkiError, ValueError, UnsupportedAlgorithm) as wrong:
        raise BadManifest(f"the manifest is not what this key signed: {wrong}") from wrong
    return said


def public_der(key: PrivateKey) -> bytes:
    """Return the public half as manifests carry it."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _listed(file: Kept, issuer: str) -> Listed:
    return Listed(
        issuer=issuer,
        issuer_fingerprint=file.issuer,
        partition=file.partition,
        kind=file.kind,
        number=file.number,
        base=file.base,
        this_update=file.this_update,
        next_update=file.next_update,
        received_at=file.received_at,
        sha256=file.sha256,
        size=file.size,
        kept=file.leaving is None,
    )
