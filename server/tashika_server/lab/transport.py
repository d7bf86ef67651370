"""Certificates of the transport: what verifiers show of themselves, and what the service shows.

No part of the simulated JPKI: in reality they come from whoever a verifier trusts with it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tashika.pki.profile_shape import key_usage
from tashika_server.lab.authorities import Extensions
from tashika_server.lab.naming import ORGANISATION

__all__ = ["ClientAuthority", "Pair", "server_pair"]

LIFETIME = timedelta(days=397)
"""A year and a month to renew in."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class ClientAuthority:
    """The simulated CA from which verifiers have their client certificates."""

    own: Pair

    @classmethod
    def found(cls, *, at: datetime) -> Self:
        """Make its key and its self-signed certificate."""
        usage = ((key_usage("key_cert_sign", "crl_sign"), True),)
        return cls(_certified("Client CA", None, at=at, authority=True, extensions=usage))

    def certify(self, common_name: str, *, at: datetime) -> Pair:
        """Issue a certificate for a TLS client or a signer of requests, with a key for it."""
        extensions = (
            (key_usage("digital_signature"), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        )
        return _certified(common_name, self.own, at=at, extensions=extensions)


def server_pair(*, at: datetime) -> Pair:
    """Make the service's own certificate for this machine, signed by itself."""
    names = [x509.DNSName("localhost"), *map(x509.IPAddress, map(ip_address, ("127.0.0.1", "::1")))]
    extensions = (
        (key_usage("digital_signature"), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName(names), False),
    )
    return _certified("localhost", None, at=at, extensions=extensions)


def _certified(
    common_name: str,
    issuer: Pair | None,
    *,
    at: datetime,
    extensions: Extensions,
    authority: bool = False,
) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(common_name)
    builder = x509.CertificateBuilder(
        issuer_name=issuer.certificate.subject if issuer else subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=at,
        not_valid_after=at + LIFETIME,
    )
    for extension, critical in (
        (x509.BasicConstraints(ca=authority, path_length=None), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        *extensions,
    ):
        builder = builder.add_extension(extension, critical)
    return Pair(builder.sign(issuer.key if issuer else key, SHA256()), key)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
