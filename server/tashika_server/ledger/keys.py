"""The ledger's key as a file: made once, kept by its owner alone, shown by its public half."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from tashika.pki.algorithms import algorithm_for
from tashika.pki.errors import PkiError
from tashika_server.certificate_file import BadFile
from tashika_server.durable import write_new

__all__ = ["make_key", "public_pem", "read_public_key"]

OWNER_ONLY = 0o600


def make_key(file: Path) -> None:
    """Make a P-256 key in a new file that its owner alone can read; raises BadFile."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    try:
        write_new(file, pem, mode=OWNER_ONLY)
    except FileExistsError:
        raise BadFile(file, "is there already", "a key is never overwritten") from None
    except OSError as wrong:
        raise BadFile(file, f"cannot be written: {wrong.strerror}", "name another") from wrong


def read_public_key(file: Path) -> bytes:
    """Read a public key in PEM, as roots carry it (SubjectPublicKeyInfo in DER); raises BadFile."""
    try:
        key = load_pem_public_key(file.read_bytes())
        algorithm_for(key)
    except OSError as wrong:
        raise BadFile(file, f"cannot be read: {wrong.strerror}", "name a readable file") from wrong
    except (ValueError, UnsupportedAlgorithm, PkiError) as wrong:
        remedy = "`tashika-server ledger key` prints one"
        raise BadFile(file, "is no public key in PEM that signs ledgers", remedy) from wrong
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def public_pem(key: bytes) -> str:
    """Write a public key as others need it to verify."""
    loaded = load_der_public_key(key)
    return loaded.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
