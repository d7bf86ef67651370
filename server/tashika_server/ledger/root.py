"""The signed root of a day: what commits its maker to every entry up to then.

Not for which entries belong to a day (`roots`), nor for whose key is believed (`verify`).
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from tashika.pki.algorithms import PrivateKey, algorithm_for, sign, verify
from tashika.pki.errors import PkiError
from tashika_server.book.plain import canonical, plain
from tashika_server.ledger.errors import LedgerBroken

__all__ = ["Root", "public_key", "sign_root"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """What is signed of a day's entries; docs/ledger.md has its form."""

    day: date
    """A day of Japan, over when it was closed."""
    first: int
    last: int
    """The numbers of its entries, both included."""
    root: bytes
    """RFC 9162 2.1, over the digests of the entries."""
    previous: bytes
    """SHA-256 of the line of the root before; 32 zero octets before the first."""
    key: bytes
    """SubjectPublicKeyInfo in DER."""
    closed_at: datetime
    signature: bytes = b""

    @property
    def line(self) -> str:
        """The root as it is exported and as the next one digests it."""
        return canonical({"kind": "root", **plain(self)})

    @property
    def digest(self) -> bytes:
        """What the next root names: SHA-256 of the line."""
        return sha256(self.line.encode()).digest()

    @property
    def signed_text(self) -> str:
        """The line without its signature."""
        values = {"kind": "root", **plain(self)}
        del values["signature"]
        return canonical(values)

    def demand_signed(self) -> None:
        """Raise LedgerBroken unless the signature is that of its key over this very root."""
        try:
            key = load_der_public_key(self.key)
            verify(key, algorithm_for(key), self.signature, self.signed_text.encode())
        except (PkiError, ValueError, UnsupportedAlgorithm) as wrong:
            raise LedgerBroken(
                f"the root of {self.day} was changed after it was signed, or never was: {wrong}"
            ) from wrong


def sign_root(root: Root, key: PrivateKey) -> Root:
    """Sign a root that names this key."""
    signature = sign(key, algorithm_for(key.public_key()), root.signed_text.encode())
    return replace(root, signature=signature)


def public_key(key: PrivateKey) -> bytes:
    """Return the public half as roots carry it."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
