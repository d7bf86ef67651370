"""A CA of its own for each world, with a responder that it has delegated to and its CRLs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from tashika.pki import der
from tashika.pki.algorithms import ECDSA_SHA256, RSA_SHA256, PrivateKey, sign
from tashika.pki.certid import IssuerIdentity
from tashika.pki.profile_shape import key_usage
from tashika_server.index import Entry

__all__ = ["Authority", "KeyType", "entries", "new_key", "pem_of_key", "revoked_at"]

YEAR = timedelta(days=365)
FIRST_SERIALS = 1 << 40
"""Of the CA's own certificates, beyond all that are asked about."""


class KeyType(StrEnum):
    """What answers are signed with, and the CA's own key."""

    P256 = "p256"
    RSA2048 = "rsa2048"

    @property
    def label(self) -> str:
        """Return what people call it."""
        return {"p256": "P-256", "rsa2048": "RSA-2048"}[self]


def new_key(kind: KeyType) -> PrivateKey:
    """Make a key."""
    if kind is KeyType.RSA2048:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def pem_of_key(key: PrivateKey) -> bytes:
    """Write a key in the form that every peer reads: SEC 1 or PKCS#1, unencrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A CA."""

    certificate: x509.Certificate
    key: PrivateKey

    @classmethod
    def found(cls, kind: KeyType, *, at: datetime) -> "Authority":
        """Make one that began a year ago."""
        key, name = new_key(kind), x509.Name.from_rfc4514_string("CN=Benchmark CA,O=JPKI-SIM,C=JP")
        builder = _blank(name, name, key, FIRST_SERIALS, (at - YEAR, at + 10 * YEAR))
        for extension, critical in (
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (key_usage("key_cert_sign", "crl_sign"), True),
        ):
            builder = builder.add_extension(extension, critical)
        return cls(certificate=builder.sign(key, SHA256()), key=key)

    @property
    def identity(self) -> IssuerIdentity:
        """Return what it is known by."""
        return IssuerIdentity.of(self.certificate)

    def delegate(self, kind: KeyType, *, at: datetime) -> tuple[x509.Certificate, PrivateKey]:
        """Certify a responder, with a key for it."""
        key, name = new_key(kind), x509.Name.from_rfc4514_string("CN=Benchmark OCSP,O=JPKI-SIM")
        life = at - YEAR / 12, at + YEAR / 12
        builder = _blank(self.certificate.subject, name, key, FIRST_SERIALS + 1, life)
        for extension, critical in (
            (key_usage("digital_signature"), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False),
            (x509.OCSPNoCheck(), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False),
        ):
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, SHA256()), key

    def leaf(self, serial: int, *, at: datetime) -> x509.Certificate:
        """Issue the certificate of this serial, for peers that want to see one."""
        key, name = new_key(KeyType.P256), x509.Name.from_rfc4514_string("CN=Holder,O=JPKI-SIM")
        builder = _blank(self.certificate.subject, name, key, serial, (at - YEAR / 12, at + YEAR))
        return builder.sign(self.key, SHA256())

    def crl(self, number: int, serials: Iterable[int], *, at: datetime) -> bytes:
        """Write the complete CRL with these serials, as of `at`, good for a day."""
        algorithm = RSA_SHA256 if isinstance(self.key, rsa.RSAPrivateKey) else ECDSA_SHA256
        date = _utc_time(revoked_at(at))
        listed = der.sequence(*(der.sequence(der.integer(each), date) for each in serials))
        number_extension = der.sequence(der.oid("2.5.29.20"), der.octet_string(der.integer(number)))
        tbs = der.sequence(
            der.integer(1),
            algorithm.der,
            self.identity.name,
            _utc_time(at),
            _utc_time(at + timedelta(days=1)),
            listed,
            der.wrap(der.explicit(0), der.sequence(number_extension)),
        )
        return der.sequence(tbs, algorithm.der, der.bit_string(sign(self.key, algorithm, tbs)))

    def write(self, directory: Path, kind: KeyType, *, at: datetime) -> None:
        """Write ca.pem, ca.key, signer.pem and signer.key."""
        certificate, key = self.delegate(kind, at=at)
        directory.joinpath("ca.pem").write_bytes(self.certificate.public_bytes(Encoding.PEM))
        directory.joinpath("ca.key").write_bytes(pem_of_key(self.key))
        directory.joinpath("signer.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        directory.joinpath("signer.key").write_bytes(pem_of_key(key))


def revoked_at(at: datetime) -> datetime:
    """Return when all that is revoked was: at the midnight before yesterday's."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


def entries(serials: Iterable[int], *, at: datetime) -> Iterator[Entry]:
    """Give the entries that such a CRL has."""
    date = revoked_at(at)
    return (Entry(each, date) for each in serials)


def _blank(
    issuer: x509.Name,
    subject: x509.Name,
    key: PrivateKey,
    serial: int,
    life: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    begin, end = life
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), serial, begin, end)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(identifier, critical=False)


def _utc_time(at: datetime) -> bytes:
    return der.wrap(der.UTC_TIME, at.astimezone(UTC).strftime("%y%m%d%H%M%SZ").encode())
