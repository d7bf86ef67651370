"""What a question brings along to show who asks: read once at the rim, then a value.

Credentials are read here and believed nowhere: whom they belong to is the gate's business.
"""

import re
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from tashika.pki.algorithms import BY_OID, algorithm_for, verify
from tashika.pki.certificates import extension, load_certificate, public_key, validity
from tashika.pki.errors import PkiError
from tashika.pki.names import name_text
from tashika_server.agreements.refusals import CertificateUnusable
from tashika_server.agreements.terms import Network, key_digest, secret_digest

__all__ = [
    "Address",
    "ClientCertificate",
    "Presented",
    "Proxies",
    "address",
    "bearer_token",
    "mask_path_token",
    "take_path_token",
]

Address = IPv4Address | IPv6Address

MAX_CLIENT_CERTIFICATE_BYTES = 8192
"""A client certificate with an RSA-4096 key is under 3 kB; read before anyone is known."""

MAX_CERTIFICATES_KEPT = 1024
"""Certificates from proxies' headers that are kept read: 100 µs each, with every request."""

_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)
_CLIENTS = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
_PATH_TOKEN = re.compile(
    r"(?P<before>(?:https?://[^/]*)?/+)t/(?P<token>[^/?#]+)(?P<rest>.*)",
    re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """A certificate by which a client, or the signer of a request, shows its key.

    Whoever makes one vouches that the key was used: in the TLS handshake, by a trusted proxy,
    or under the request.
    """

    digest: bytes
    """key_digest() of its key."""
    subject: str
    begin: datetime
    end: datetime
    usable: bool
    """A strong key, and no extended key usage that leaves clients out."""
    certificate: x509.Certificate = field(repr=False, compare=False)
    _issued_by: dict[bytes, bool] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, der: bytes) -> "ClientCertificate":
        """Read a certificate; raises CertificateUnusable where it is none."""
        if len(der) > MAX_CLIENT_CERTIFICATE_BYTES:
            raise CertificateUnusable
        try:
            certificate = load_certificate(der)
            key = public_key(certificate)
            begin, end = validity(certificate)
            return cls(
                digest=key_digest(
                    key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
                ),
                subject=name_text(certificate.subject.public_bytes()),
                begin=begin,
                end=end,
                usable=_is_strong(key) and _is_for_clients(certificate),
                certificate=certificate,
            )
        except (*_UNREADABLE, PkiError) as unreadable:
            raise CertificateUnusable from unreadable

    def issued_by(self, authority: bytes) -> bool:
        """Tell whether this CA key (SubjectPublicKeyInfo, DER) signed the certificate.

        Found out once: the certificate of a connection is asked about with every request.
        """
        if (known := self._issued_by.get(authority)) is None:
            known = self._issued_by[authority] = self._is_signed_by(authority)
        return known

    def _is_signed_by(self, authority: bytes) -> bool:
        signed = self.certificate
        algorithm = BY_OID.get(signed.signature_algorithm_oid.dotted_string)
        if algorithm is None:
            return False
        try:
            key = load_der_public_key(authority)
            verify(key, algorithm, signed.signature, signed.tbs_certificate_bytes)
        except (*_UNREADABLE, PkiError):
            return False
        return True


class Presented(NamedTuple):
    """All that one question shows; no secret, so that none can slip into a log.

    Cheap to make. A connection may keep one for as long as its requests show the same.
    """

    source: Address
    token: bytes | None = None
    """secret_digest() of the bearer token, see bearer_token()."""
    path_token: bytes | None = None
    """secret_digest() of the token in the path, see take_path_token()."""
    certificate: ClientCertificate | None = None
    signer: ClientCertificate | None = None
    """Whose signature under the request holds; see `signed.check_signature`."""


@dataclass(frozen=True, slots=True)
class Proxies:
    """The addresses whose word about a client is taken; from all others the headers count nothing.

    The proxy must drop these headers from what it receives. It has verified that the client
    holds the certificate's key; by whom the certificate was issued is verified here again.
    """

    networks: tuple[Network, ...] = ()

    def vouches(self, peer: Address) -> bool:
        """Tell whether the peer of the connection is such a proxy."""
        return any(peer in network for network in self.networks)

    def source(self, peer: Address, forwarded_for: str | None) -> Address:
        """Find where a question comes from: the last hop that is not a trusted proxy.

        `forwarded_for` is the value of X-Forwarded-For, nearest hop last. An entry that is
        no address ends the search: what lies beyond it was written by a stranger.
        """
        hops = (forwarded_for or "").split(",")
        while self.vouches(peer) and hops:
            try:
                peer = address(hops.pop().strip())
            except ValueError:
                break
        return peer

    def certificate(self, peer: Address, header: str | None) -> ClientCertificate | None:
        """Read the client's certificate from a proxy's header; None from any other peer.

        Understands RFC 9440 (`:base64:`), bare base64 of the DER (HAProxy) and URL-escaped PEM
        (nginx). Raises CertificateUnusable for a trusted proxy's nonsense.
        """
        if not header or not self.vouches(peer):
            return None
        return _read_header(header)


def address(text: str) -> Address:
    """Read an address; an IPv4 address in IPv6's clothes is the IPv4 address (ValueError)."""
    found = ip_address(text)
    return getattr(found, "ipv4_mapped", None) or found


def bearer_token(authorization: str | None) -> bytes | None:
    """Read the token of an Authorization header (RFC 6750 2.1), hashed; None where it has none."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not (token := token.strip()):
        return None
    return secret_digest(token)


def take_path_token(target: str) -> tuple[bytes | None, str]:
    """Split `/t/TOKEN/ocsp...` into the token, hashed, and the target without it."""
    if not (found := _PATH_TOKEN.fullmatch(target)):
        return None, target
    return secret_digest(found["token"]), found["before"][:-1] + found["rest"]


def mask_path_token(target: str) -> str:
    """Write a request target so that it may be logged."""
    if not (found := _PATH_TOKEN.fullmatch(target)):
        return target
    return f"{found['before']}t/***{found['rest']}"


@lru_cache(maxsize=MAX_CERTIFICATES_KEPT)
def _read_header(header: str) -> ClientCertificate:
    try:
        unescaped = unquote_to_bytes(header.encode("latin-1"))
        text = re.sub(rb"-----(BEGIN|END) CERTIFICATE-----|[\s:]", b"", unescaped)
        return ClientCertificate.read(b64decode(text, validate=True))
    except ValueError as nonsense:
        raise CertificateUnusable from nonsense


def _is_strong(key: object) -> bool:
    try:
        algorithm_for(key)
    except PkiError:
        return False
    return True


def _is_for_clients(certificate: x509.Certificate) -> bool:
    """RFC 5280 4.2.1.12: without the extension a key may serve any purpose."""
    usages = extension(certificate, x509.ExtendedKeyUsage)
    return usages is None or not _CLIENTS.isdisjoint(usages)
