"""The certificates and private keys that an operator names by their files.

Not for what an operator hands in as text, nor for what strangers show: that has no file to name.
"""

from enum import Enum
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tashika.pki.algorithms import PrivateKey, algorithm_for
from tashika.pki.certificates import load_certificate
from tashika.pki.errors import PkiError, TashikaError
from tashika.pki.limits import MAX_CERTIFICATE_BYTES

__all__ = ["BadFile", "KeyNumbers", "read_certificate", "read_private_key"]


class KeyNumbers(Enum):
    """Whether an RSA key's numbers are proved to fit each other, which takes 50 ms."""

    CHECKED = "checked"
    """The default: a signature with a damaged key can give the key away."""
    TRUSTED = "trusted"
    """For a key that this program wrote itself and that protects nothing."""


class BadFile(TashikaError):
    """A file does not hold what it should; names it, what is wrong and, after `; `, the remedy."""

    def __init__(self, file: Path, what: str, remedy: str) -> None:
        super().__init__(f"{file} {what}; {remedy}")


def read_certificate(file: Path) -> x509.Certificate:
    """Read the first certificate of a file, PEM or DER; raises BadFile."""
    try:
        return load_certificate(_content(file))
    except PkiError as wrong:
        what = f"holds no usable certificate, PEM or DER ({wrong})"
        raise BadFile(file, what, "export it again") from wrong


def read_private_key(file: Path, *, numbers: KeyNumbers = KeyNumbers.CHECKED) -> PrivateKey:
    """Read a private key in PEM, of a kind and strength that is accepted; raises BadFile."""
    trusted = numbers is KeyNumbers.TRUSTED
    try:
        key = load_pem_private_key(_content(file), None, unsafe_skip_rsa_key_validation=trusted)
        algorithm_for(key.public_key())
    except TypeError as locked:
        raise BadFile(file, "is locked", "write the key without a password") from locked
    except ValueError as wrong:
        raise BadFile(file, "is not a private key in PEM", "export it again") from wrong
    except (PkiError, UnsupportedAlgorithm) as unfit:
        raise BadFile(file, f"cannot be used: {unfit}", "make another key") from unfit
    return cast("PrivateKey", key)


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_CERTIFICATE_BYTES + 1)
    except OSError as wrong:
        raise BadFile(file, f"cannot be read: {wrong.strerror}", "name a readable file") from wrong
