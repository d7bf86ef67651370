"""X.509 certificates (RFC 5280 section 4), read by pyca/cryptography within our error tree.

pyca parses lazily: any property may fail. Here is the only place that knows
with which exceptions. Nothing here decides whom to trust.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from tashika.pki import der
from tashika.pki.algorithms import read_algorithm, verify
from tashika.pki.certid import IssuerIdentity
from tashika.pki.errors import BadSignature, Malformed, Unsupported
from tashika.pki.limits import MAX_CERTIFICATE_BYTES, MAX_CERTIFICATES

_ExtensionT = TypeVar("_ExtensionT", bound=x509.ExtensionType)
_SEQUENCE = bytes((der.SEQUENCE,))
_UNKNOWN_TO_PYCA = (UnsupportedAlgorithm, x509.InvalidVersion, x509.UnsupportedGeneralNameType)
# UserWarning: pyca warns of what it will refuse one day; some programs make warnings errors.
_WRONG_TO_PYCA = (ValueError, TypeError, x509.DuplicateExtension, UserWarning)


def load_certificate(data: bytes) -> x509.Certificate:
    """Read one certificate in PEM or DER; raises Malformed and Unsupported.

    Key and extensions may still turn out to be broken: read them with the
    functions below, which raise the same.
    """
    if len(data) > MAX_CERTIFICATE_BYTES:
        raise Malformed(f"a certificate is longer than {MAX_CERTIFICATE_BYTES} bytes")
    with decoding("a certificate"):
        if data.startswith(_SEQUENCE):
            return x509.load_der_x509_certificate(data)
        return x509.load_pem_x509_certificate(data)


def validity(certificate: x509.Certificate) -> tuple[datetime, datetime]:
    """Return notBefore and notAfter, in UTC; both belong to the validity."""
    with decoding("the validity of a certificate"):
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def public_key(certificate: x509.Certificate) -> CertificatePublicKeyTypes:
    """Return the public key, of whatever kind pyca knows."""
    with decoding("the key of a certificate"):
        return certificate.public_key()


def extension(certificate: x509.Certificate, kind: type[_ExtensionT]) -> _ExtensionT | None:
    """Return one extension's value, None if it is absent."""
    with decoding("the extensions of a certificate"):
        try:
            return certificate.extensions.get_extension_for_class(kind).value
        except x509.ExtensionNotFound:
            return None


def critical_extensions(certificate: x509.Certificate) -> set[x509.ObjectIdentifier]:
    """Return the OIDs of the extensions marked critical."""
    with decoding("the extensions of a certificate"):
        return {each.oid for each in certificate.extensions if each.critical}


def require_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    """Check that this issuer's name and key are on the certificate.

    Raises BadSignature, Unsupported and Malformed, as require_issued_by() does.
    """
    require_issued_by(certificate, IssuerIdentity.of(issuer), public_key(issuer))


def require_issued_by(certificate: x509.Certificate, identity: IssuerIdentity, key: object) -> None:
    """Check that this name and this key, which are of one CA, are on the certificate.

    The names are compared byte for byte. Raises BadSignature (also where the
    names differ), Unsupported (a weak key, or an algorithm such as SHA-1)
    and Malformed.
    """
    with decoding("a certificate"):
        fields = der.Reader(certificate.public_bytes(Encoding.DER)).only(der.SEQUENCE)
    tbs, named = fields.element(der.SEQUENCE), fields.element(der.SEQUENCE)
    algorithm, signature = read_algorithm(named), fields.bits()
    fields.done()
    inside = der.Reader(tbs).only(der.SEQUENCE)
    inside.maybe(der.explicit(0))
    inside.element(der.INTEGER)
    if inside.element(der.SEQUENCE) != named:  # RFC 5280 4.1.1.2
        raise Malformed("a certificate names two different signature algorithms")
    if inside.element(der.SEQUENCE) != identity.name:
        raise BadSignature("a certificate names another issuer")
    verify(key, algorithm, signature, tbs)


def read_certificates(tagged: der.Reader | None) -> tuple[bytes, ...]:
    """Read the certificates that come with an OCSP message, each still DER.

    Raises Malformed, also for more than MAX_CERTIFICATES of them.
    """
    if tagged is None:
        return ()
    listed, found = tagged.only(der.SEQUENCE), list[bytes]()
    while listed.more:
        if len(found) == MAX_CERTIFICATES:
            raise Malformed(f"more than {MAX_CERTIFICATES} certificates come along")
        found.append(listed.element(der.SEQUENCE))
    return tuple(found)


@contextmanager
def decoding(what: str) -> Iterator[None]:
    """Turn what pyca raises while it reads into Malformed and Unsupported."""
    try:
        yield
    except _UNKNOWN_TO_PYCA as unknown:
        raise Unsupported(f"{what} has a version, algorithm or form we do not know") from unknown
    except _WRONG_TO_PYCA as wrong:
        raise Malformed(f"{what} cannot be decoded") from wrong
