"""What keeps a cache's names and values from whoever has not its key; for any Cache."""

import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tashika.errors import WrongUse

_KEY_BYTES = 32
_IV_BYTES = 12


class Seal:
    """Keeps names and values from whoever has not the key, 32 octets; for any Cache.

    Names by HMAC-SHA256, values by AES-256-GCM bound to their name.
    """

    def __init__(self, key: bytes) -> None:
        if not isinstance(key, bytes) or len(key) != _KEY_BYTES:
            raise WrongUse(f"a cache's key has {_KEY_BYTES} random octets; keep it as a secret")
        self._naming = hmac.digest(key, b"tashika cache name 1", "sha256")
        self._sealing = AESGCM(hmac.digest(key, b"tashika cache value 1", "sha256"))

    def name(self, name: bytes) -> bytes:
        """Return what stands for a name."""
        return hmac.digest(self._naming, name, "sha256")

    def seal(self, name: bytes, value: bytes) -> bytes:
        """Return a value that open() alone can read, under this name alone."""
        iv = secrets.token_bytes(_IV_BYTES)
        return iv + self._sealing.encrypt(iv, value, name)

    def open(self, name: bytes, sealed: bytes) -> bytes | None:
        """Return the value, None unless this very seal closed it under this name."""
        try:
            return self._sealing.decrypt(sealed[:_IV_BYTES], sealed[_IV_BYTES:], name)
        except (InvalidTag, ValueError):
            return None
