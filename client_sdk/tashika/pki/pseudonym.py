"""Pseudonyms of certificates: what usage records hold in place of serial numbers.

JPKI serials are small and follow one another, so a bare hash of one is undone by trying them
all. The key makes it a secret, and each verifier has a key of its own: a verifier finds its
own certificates again in its statement, and nobody else's.
"""

import hmac
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from tashika.pki.errors import Unsupported

KEY_BYTES = 32
PSEUDONYM_BYTES: Final = 16

_KEY_LABEL = b"tashika usage key 1\x00"


def derive_key(master: bytes, verifier: str) -> bytes:
    """Return a verifier's own key, 32 octets: HMAC-SHA256(master, label || id in UTF-8).

    Raises Unsupported for a master key under 32 octets.
    """
    if len(master) < KEY_BYTES:
        raise Unsupported(f"a master key for usage needs {KEY_BYTES} octets, not {len(master)}")
    return hmac.digest(master, _KEY_LABEL + verifier.encode(), "sha256")


def pseudonym(key: bytes, issuer_fingerprint: bytes, serial: int) -> bytes:
    """Return the 16 octets that stand for one certificate towards one verifier.

    HMAC-SHA256(key, fingerprint || serial), cut to its first half; the fingerprint is
    IssuerIdentity's, 32 octets, and the serial unsigned, highest octet first, as short as can be.
    Raises Unsupported for a key that derive_key() cannot have made.
    """
    return Pseudonyms(key, issuer_fingerprint).of(serial)


class Pseudonyms:
    """The pseudonyms of one issuer's certificates towards one verifier, for who needs many.

    Goes on from what is common to all, after the key and the fingerprint: a quarter of the time
    of hmac.digest(), which sets up the key anew each time.
    """

    __slots__ = ("_begun",)

    def __init__(self, key: bytes, issuer_fingerprint: bytes) -> None:
        """Take a key of derive_key(), and a fingerprint; raises Unsupported for another key."""
        if len(key) != KEY_BYTES:
            raise Unsupported(f"a usage key has {KEY_BYTES} octets, not {len(key)}")
        self._begun = HMAC(key, hashes.SHA256())
        self._begun.update(issuer_fingerprint)

    def of(self, serial: int) -> bytes:
        """Return the pseudonym of one certificate."""
        mac = self._begun.copy()
        mac.update(serial.to_bytes((serial.bit_length() + 7) // 8, "big"))
        return mac.finalize()[:PSEUDONYM_BYTES]
