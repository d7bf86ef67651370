"""Key pairs of the simulated world: which kind, made ahead of time, kept in files of mode 0600.

Making keys is not reproducible on purpose: a seed that yields private keys is one more secret.
"""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tashika.pki.algorithms import PrivateKey
from tashika_server.certificate_file import KeyNumbers, read_private_key

__all__ = ["Algorithm", "KeyStock", "key_pem", "read_key", "signing_hash"]


class Algorithm(StrEnum):
    """The keys of CAs, holders and first responders.

    The default is what the user terms, section 11(2), require.
    """

    RSA2048 = "rsa2048"
    P384 = "p384"

    @property
    def label(self) -> str:
        """How people are told of it: P-384 is announced for the next card, not yet lawful."""
        return {"rsa2048": "RSA-2048/SHA-256", "p384": "P-384/SHA-384 (hypothetical)"}[self]


class KeyStock:
    """Makes key pairs, some of them ahead in threads: generating RSA holds no lock."""

    def __init__(self, algorithm: Algorithm) -> None:
        self._algorithm = algorithm
        self._threads = ThreadPoolExecutor(thread_name_prefix="lab-keys")
        self._ready: deque[Future[PrivateKey]] = deque()

    def prepare(self, count: int) -> None:
        """Begin to make `count` keys that are going to be wanted."""
        self._ready.extend(self._threads.submit(_generate, self._algorithm) for _ in range(count))

    def take(self) -> PrivateKey:
        """Return a key that nobody else gets."""
        return self._ready.popleft().result() if self._ready else _generate(self._algorithm)

    def close(self) -> None:
        """Let the threads go; keys not taken are forgotten."""
        self._threads.shutdown(cancel_futures=True)


def signing_hash(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384:
    """Return the hash that a CA key signs with."""
    is_p384 = isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size > 256  # noqa: PLR2004
    return hashes.SHA384() if is_p384 else hashes.SHA256()


def key_pem(key: PrivateKey) -> bytes:
    """Write a private key as unencrypted PKCS#8: it protects nothing real."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def read_key(path: Path) -> PrivateKey:
    """Read a private key that this lab wrote; raises BadFile."""
    return read_private_key(path, numbers=KeyNumbers.TRUSTED)


def _generate(algorithm: Algorithm) -> PrivateKey:
    if algorithm is Algorithm.P384:
        return ec.generate_private_key(ec.SECP384R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
