"""The simulated CAs: one key generation, its self-signed certificate and what it signs.

Shape as published for the real ones: one DN for all generations, no AKI, no policies, the
distribution point naming the CA itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from tashika.pki.algorithms import PrivateKey, PublicKey
from tashika.pki.profile import Family
from tashika.pki.profile_shape import (
    Extension,
    authority_extensions,
    extended,
    key_identifiers,
    simulated_name_in_japanese,
)
from tashika_server.lab.days import authority_end
from tashika_server.lab.keys import signing_hash
from tashika_server.lab.naming import authority_name

__all__ = ["Authority", "Extensions", "authority_certificate"]

Extensions = Iterable[Extension]
"""Extensions in the order they are written, each with its criticality."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """One key generation of a CA, able to sign."""

    name: str
    """The issuer's name in files and configuration, as `signature-g3`."""
    family: Family
    certificate: x509.Certificate
    key: PrivateKey

    @property
    def key_identifier_only(self) -> x509.AuthorityKeyIdentifier:
        """The key id without the rest, as RFC 5280 5.2.1 has it for a CRL."""
        return x509.AuthorityKeyIdentifier(_key_id(self.certificate), None, None)

    def certify(
        self,
        subject: x509.Name,
        public_key: PublicKey,
        *,
        serial: int,
        at: datetime,
        not_after: datetime,
        extensions: Extensions,
    ) -> x509.Certificate:
        """Sign a certificate with these extensions and, after them, AKI and SKI."""
        own = key_identifiers(self.certificate, public_key)
        builder = _blank(subject, public_key, serial=serial, at=at, not_after=not_after)
        builder = builder.issuer_name(self.certificate.subject)
        return extended(builder, [*extensions, *own]).sign(self.key, signing_hash(self.key))


def authority_certificate(
    family: Family,
    key: PrivateKey,
    *,
    serial: int,
    at: datetime,
    names: tuple[x509.Name, x509.Name] | None = None,
) -> x509.Certificate:
    """Make the self-signed certificate of a new key generation.

    `names` are those of another CA than the family's: its DN, and the one in Japanese.
    """
    name, japanese = names or (authority_name(family), simulated_name_in_japanese(family))
    builder = _blank(
        name, key.public_key(), serial=serial, at=at, not_after=authority_end(at)
    ).issuer_name(name)
    extensions = authority_extensions(name, japanese, key.public_key())
    return extended(builder, extensions).sign(key, signing_hash(key))


def _blank(
    subject: x509.Name, public_key: PublicKey, *, serial: int, at: datetime, not_after: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(at)
        .not_valid_after(not_after)
    )


def _key_id(certificate: x509.Certificate) -> bytes:
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
