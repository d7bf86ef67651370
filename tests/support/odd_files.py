"""Files that are nearly a certificate or a key: what operators and users hand in by mistake."""

from base64 import encodebytes
from collections.abc import Callable
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from support.mutations import Node, plant
from tashika.pki import der
from tashika.pki.algorithms import PrivateKey, algorithm_for, sign

NO_SUCH_OID = der.oid("1.3.6.1.4.1.99999.1")
_VERSION, _KEY, _EXTENSIONS = 0, 6, -1
"""Where they stand in a TBSCertificate of version 3."""


def spell(file: Path, content: bytes | None) -> Path:
    """Put something odd in the place of a file; None is a directory."""
    file.unlink(missing_ok=True)
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    return file


def pem(data: bytes, label: str = "CERTIFICATE") -> bytes:
    return f"-----BEGIN {label}-----\n{encodebytes(data).decode()}-----END {label}-----\n".encode()


def strange(which: str, certificate: x509.Certificate, issuer: PrivateKey) -> bytes:
    """Write a certificate in PEM with one of STRANGE in it, signed anew."""
    root = plant(certificate.public_bytes(Encoding.DER))
    STRANGE[which](root.children[0].children)
    signature = sign(issuer, algorithm_for(issuer.public_key()), root.children[0].encode())
    root.children[2].content = b"\x00" + signature
    return pem(root.encode())


def _version_4(fields: list[Node]) -> None:
    fields[_VERSION].children[0].content = b"\x03"


def _unknown_key(fields: list[Node]) -> None:
    fields[_KEY].children[0].children[0] = plant(NO_SUCH_OID)


def _ed448_key(fields: list[Node]) -> None:
    key = ed448.Ed448PrivateKey.generate().public_key()
    fields[_KEY] = plant(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _broken_extension(fields: list[Node]) -> None:
    (first, *_) = fields[_EXTENSIONS].children[0].children
    first.children[-1] = Node(bytes((der.OCTET_STRING,)), b"\x05\x00")


def _repeated_extension(fields: list[Node]) -> None:
    listed = fields[_EXTENSIONS].children[0].children
    listed.append(listed[0])


UNREADABLE: dict[str, bytes | None] = {
    "empty": b"",
    "a directory": None,
    "not UTF-8": b"\xff\xfe\x00\x80",
    "text": b"Dear operator, please find enclosed\n",
    "PEM cut off": b"-----BEGIN CERTIFICATE-----\nMIIB",
    "PEM of nothing": pem(b""),
    "endless": bytes(1 << 17),
}
"""Neither certificates nor keys."""

STRANGE: dict[str, Callable[[list[Node]], None]] = {
    "version 4": _version_4,
    "key of an unknown kind": _unknown_key,
    "Ed448 key": _ed448_key,
    "broken extension": _broken_extension,
    "repeated extension": _repeated_extension,
}
"""What can be strange about the fields of a certificate that is right otherwise."""


@cache
def odd_keys() -> dict[str, bytes]:
    """Write private keys in PEM that a responder with another certificate cannot use."""
    sound = ec.generate_private_key(ec.SECP256R1())
    curve, other = der.oid("1.2.840.10045.3.1.7"), der.oid("1.2.840.10045.3.1.99")
    return {
        "encrypted": _written(sound, BestAvailableEncryption(b"password")),
        "unknown curve": pem(
            _written(sound, encoding=Encoding.DER).replace(curve, other), "PRIVATE KEY"
        ),
        "Ed448": _written(ed448.Ed448PrivateKey.generate()),
        "DSA": _written(dsa.generate_private_key(1024)),  # noqa: S505 - weak on purpose
        "of another certificate": _written(sound),
    }


def _written(
    key: PrivateKeyTypes,
    lock: KeySerializationEncryption = NoEncryption(),  # noqa: B008 - immutable
    encoding: Encoding = Encoding.PEM,
) -> bytes:
    return key.private_bytes(encoding, PrivateFormat.PKCS8, lock)
