"""A PKI made on the spot: a CA, a certificate of it, and its delegated responder.

P-256 unless told otherwise, since making RSA keys takes time. All names are made up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)


def _p256() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


class Pki:
    """One CA with everything a test of a relying party needs; valid for a year around ``at``."""

    def __init__(
        self,
        *,
        at: datetime | None = None,
        name: str = "Test CA",
        new_key: Callable[[], PrivateKey] = _p256,
    ) -> None:
        self.at = at or datetime.now(UTC)
        self._name = name
        self._new_key = new_key
        self.ca = self.make(name, ca=True)

    def namesake(self) -> "Pki":
        """Make another CA of the same name: the next key generation, or an impostor."""
        return Pki(at=self.at, name=self._name, new_key=self._new_key)

    @property
    def issuer(self) -> x509.Certificate:
        """The CA's certificate, self-signed."""
        return self.ca.certificate

    @cached_property
    def end_entity(self) -> KeyPair:
        """A certificate of the CA, with its key."""
        return self.issue("Test certificate")

    @property
    def certificate(self) -> x509.Certificate:
        """A certificate of the CA to ask about."""
        return self.end_entity.certificate

    @cached_property
    def responder(self) -> KeyPair:
        """The delegated responder: a leaf for OCSP signing alone, with ocsp-nocheck."""
        return self.delegate()

    def issue(
        self,
        name: str,
        *,
        begins: timedelta = -_YEAR / 2,
        ends: timedelta = _YEAR / 2,
        serial: int | None = None,
    ) -> KeyPair:
        """Issue a certificate; its validity is given relative to ``at``."""
        return self.make(name, issuer=self.ca, begins=begins, ends=ends, serial=serial)

    def delegate(
        self,
        *,
        issuer: KeyPair | None = None,
        purposes: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.OCSP_SIGNING,),
        nocheck: bool = True,
        digital_signature: bool = True,
        ca: bool = False,
        begins: timedelta = -_YEAR / 2,
        ends: timedelta = _YEAR / 2,
        extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
    ) -> KeyPair:
        """Make a responder; the defaults make a right one, any other value a wrong one."""
        extensions: list[tuple[x509.ExtensionType, bool]] = [*extra]
        if purposes:
            extensions.append((x509.ExtendedKeyUsage(purposes), False))
        if nocheck:
            extensions.append((x509.OCSPNoCheck(), False))
        return self.make(
            "Test responder",
            issuer=issuer or self.ca,
            ca=ca,
            digital_signature=digital_signature,
            begins=begins,
            ends=ends,
            extensions=extensions,
        )

    def make(
        self,
        name: str,
        *,
        issuer: KeyPair | None = None,
        ca: bool = False,
        digital_signature: bool = True,
        begins: timedelta = -_YEAR / 2,
        ends: timedelta = _YEAR / 2,
        serial: int | None = None,
        extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    ) -> KeyPair:
        """Make any certificate; without an issuer it signs itself."""
        key = self._new_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(self.at + begins)
            .not_valid_after(self.at + ends)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=digital_signature, ca=ca), critical=True)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        signed = builder.sign(issuer.key if issuer else key, hashes.SHA256())
        return KeyPair(certificate=signed, key=key)


def _usage(*, digital_signature: bool, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=not digital_signature,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
