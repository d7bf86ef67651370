"""Who issued a certificate and which one it is: IssuerIdentity and CertID (RFC 6960 4.1.1)."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509

from tashika.pki import der
from tashika.pki.algorithms import HASH_OIDS, digest

_OID_OF_HASH = {name: oid for oid, name in HASH_OIDS.items()}
_ISSUERS = 256
"""Whose hashes are remembered: names and keys of 64 KiB at most, and those of 1 kB as a rule."""
_ALGORITHMS = 4 * len(HASH_OIDS)
"""With and without NULL, and a few that we do not know."""


@dataclass(frozen=True, slots=True)
class IssuerIdentity:
    """One key generation of one CA.

    The name alone says nothing: all generations of a JPKI CA share one DN.
    """

    name: bytes
    """The DER of the subject Name."""
    key: bytes
    """The content of the subjectPublicKey BIT STRING, without the octet of unused bits."""

    @classmethod
    def of(cls, certificate: x509.Certificate) -> "IssuerIdentity":
        """Read the identity of a CA from its certificate, whatever the type of its key.

        Raises Malformed where the key is not of whole octets.
        """
        # From the bytes: parsing and writing again changes keys (a compressed
        # point) and fails where the type of a key is unknown (T27).
        fields = der.Reader(certificate.tbs_certificate_bytes).only(der.SEQUENCE)
        fields.maybe(der.explicit(0))
        for _ in ("serial number", "algorithm", "issuer", "validity"):
            fields.element()
        name = fields.element(der.SEQUENCE)
        key = fields.take(der.SEQUENCE)
        key.take(der.SEQUENCE)
        return cls(name=name, key=key.bits())

    def hashes(self, hash_name: str) -> tuple[bytes, bytes]:
        """Return the hashes of name and key as a CertID states them."""
        return _hashes(self, hash_name)

    @property
    def fingerprint(self) -> bytes:
        """32 bytes that stand for this name and key together."""
        return _fingerprint(self)


# There are few issuers, and each answer wants these of one several times.


@lru_cache(maxsize=_ISSUERS)
def _hashes(issuer: IssuerIdentity, hash_name: str) -> tuple[bytes, bytes]:
    return digest(hash_name, issuer.name), digest(hash_name, issuer.key)


@lru_cache(maxsize=_ISSUERS)
def _fingerprint(issuer: IssuerIdentity) -> bytes:
    return digest("sha256", digest("sha256", issuer.name) + issuer.key)


class CertId(NamedTuple):
    """The question for one certificate, with the very bytes it was asked in.

    An answer echoes ``der``: absent and NULL hash parameters differ on the wire.
    """

    hash_name: str
    """``sha1`` ... ``sha512``; for a hash we do not know, its OID: it matches no issuer."""
    name_hash: bytes
    key_hash: bytes
    serial: int
    der: bytes

    @classmethod
    def build(cls, issuer: IssuerIdentity, serial: int, hash_name: str = "sha256") -> "CertId":
        """Write the CertID of a certificate of this issuer."""
        name_hash, key_hash = issuer.hashes(hash_name)
        encoded = der.sequence(
            der.sequence(der.oid(_OID_OF_HASH[hash_name]), der.NULL),
            der.octet_string(name_hash),
            der.octet_string(key_hash),
            der.integer(serial),
        )
        return cls(hash_name, name_hash, key_hash, serial, encoded)

    @property
    def issuer_key(self) -> tuple[str, bytes, bytes]:
        """What an issuer is looked up by."""
        return self.hash_name, self.name_hash, self.key_hash

    def names(self, issuer: IssuerIdentity, serial: int) -> bool:
        """Tell whether this is that certificate: name, key and serial, all three (C3)."""
        return (
            self.serial == serial
            and self.hash_name in _OID_OF_HASH
            and (self.name_hash, self.key_hash) == issuer.hashes(self.hash_name)
        )


def read_cert_id(parent: der.Reader) -> CertId:
    """Read the CertID that comes next in ``parent``."""
    begun = parent.at
    fields = parent.take(der.SEQUENCE)
    hash_name = _hash_name(fields.element(der.SEQUENCE))
    name_hash, key_hash = fields.octets(), fields.octets()
    serial = fields.natural()
    fields.done()
    raw = parent.data[begun : parent.at]
    return CertId(hash_name, name_hash, key_hash, serial, raw)


@lru_cache(maxsize=_ALGORITHMS)
def _hash_name(identifier: bytes) -> str:
    algorithm = der.Reader(identifier).only(der.SEQUENCE)
    oid = algorithm.oid()
    if algorithm.more:
        algorithm.null()
    algorithm.done()
    return HASH_OIDS.get(oid, oid)
